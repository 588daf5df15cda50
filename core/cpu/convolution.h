// The three contractions of the convolution in float32 by oneDNN (in bfloat16 under set_compute), over fixed blocks of
// images on our own threads. Arguments as in convolution_loops.h; empty arrays are not accepted.
#pragma once
#include "core/cpu/convolution_loops.h"

namespace basin::cpu {

// Whether operands are rounded to bfloat16: under set_compute(Compute::bf16), unless an output is the sum of so few
// products that rounding costs more time than it saves.
bool multiplies_in_bf16(const ConvolutionSizes& sizes);

void convolution_f32(const ConvolutionSizes& sizes, const float* x, const float* weight, float* y);
void convolution_input_gradient_f32(const ConvolutionSizes& sizes, const float* grad_output, const float* weight,
                                    float* grad_x);
void convolution_weight_gradient_f32(const ConvolutionSizes& sizes, const float* x, const float* grad_output,
                                     float* grad_weight);

}  // namespace basin::cpu
