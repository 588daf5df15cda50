// The benchmark families. Names are "<family>/<case>"; compare.py pairs them with PyTorch's by name.
#pragma once

namespace basin {

void register_operation_benchmarks();  // operation/conv2d/N128_C16_H32_K16_R3_S1
void register_training_benchmarks();   // training/resnet20/fp32/128
void register_surface_benchmarks();    // surface/resnet20/exact/512
void register_tile_benchmarks();       // tiles/16_at_32_residual/exact; none where the processor has no AMX

}  // namespace basin
