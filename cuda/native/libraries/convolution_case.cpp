#include "cuda/native/libraries/convolution_case.h"

namespace basin::cuda {

void run_convolution(Contractions& contractions, const ConvolutionCase& c, const void* a, const void* b, void* output) {
  switch (c.kind) {
    case ConvolutionKind::forward:
      return contractions.conv2d({a, c.type, c.x}, {b, c.type, c.weight}, c.options, {output, c.type, c.y});
    case ConvolutionKind::input_gradient:
      return contractions.conv2d_input_gradient({a, c.type, c.y}, {b, c.type, c.weight}, c.options,
                                                {output, c.type, c.x});
    case ConvolutionKind::weight_gradient:
      return contractions.conv2d_weight_gradient({a, c.type, c.x}, {b, c.type, c.y}, c.options,
                                                 {output, c.type, c.weight});
  }
}

}  // namespace basin::cuda
