// The benchmark families. Names are "<family>/<case>"; compare.py pairs them with PyTorch's by name.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/backend.h"

namespace basin {

// What is timed, and with how many images at a time.
struct BenchOptions {
  Backend& backend;
  std::vector<std::int64_t> batches;  // images of operations and training steps
  std::int64_t images = 512;          // of surfaces and Hessians
  bool on_cpu() const { return &backend == &cpu_backend(); }
};

// operation/conv2d/N128_C16_H32_K16_R3_S1; on GPUs with the type, operation/.../f16.
void register_convolution_benchmarks(const BenchOptions& options);
void register_operation_benchmarks(const BenchOptions& options);  // batch norm, elementwise, optimizers, likewise
void register_training_benchmarks(const BenchOptions& options);   // training/resnet20/fp32/128
// surface/resnet20/exact/512: points of so many images. On GPUs each engine, and what it does of what the tensor cores
// can (mma.sync, measured in the same run).
void register_surface_benchmarks(const BenchOptions& options);
// hessian/resnet20/product/512: of the mean loss over so many images.
void register_hessian_benchmarks(const BenchOptions& options);
// The CPU's: tiles/16_at_32_residual/exact, none where the processor has no AMX.
void register_tile_benchmarks();

}  // namespace basin
