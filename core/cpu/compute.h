// The precision in which f32 convolutions of the CPU multiply.
#pragma once
#include <cstdint>
#include <string>

namespace basin {

// bf16: operands of convolutions are rounded to bfloat16, sums and results stay f32.
enum class Compute : std::uint8_t { f32, bf16 };

// Whether this processor multiplies bfloat16 in hardware (AVX512_BF16 or AMX), or why oneDNN does not: "" or "the
// processor has no AVX-512 BF16".
bool bf16_supported();
std::string bf16_obstacle();

// For all later convolutions of the process, f32 at first. Error for bf16 where bf16_supported() is false.
void set_compute(Compute compute);
Compute compute();

}  // namespace basin
