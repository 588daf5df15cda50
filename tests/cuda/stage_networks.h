// Networks for the stages of the generic kernels.
#pragma once
#include "models/registry.h"

namespace basin::cuda {

// Each kind of stage; channels that are no multiple of a vector, two stages that read the image, and a batch norm that
// no contraction before it absorbs.
inline Model every_stage() {
  const auto layer = [](const Scope& s, const std::string& name, const Tensor& x, const ConvOptions& options,
                        const Tensor& residual = {}) {
    return s.batch_norm(name + ".bn", s.conv(name + ".conv", x, options), {.relu = true, .residual = residual});
  };
  return {.name = "every_stage", .image = {8, 8, 3}, .forward = [layer](const Scope& s, const Tensor& x) {
            const Tensor stem = layer(s, "stem", x, {.filters = 8});
            const Tensor grown = s.conv("grown", stem, {.filters = 5, .bias = true});
            const Tensor other = layer(s, "other", x, {.filters = 4, .kernel = 1});
            Tensor y = s.batch_norm("bn", concat({grown, stem, other}, 3), {.relu = true});  // of 17 channels
            y = max_pool2d(y, {.kernel = 3, .stride = 2, .padding = 1});                     // 4 x 4
            const Tensor a = layer(s, "a", y, {.filters = 16, .kernel = 1}), b = layer(s, "b", y, {.filters = 16});
            y = relu(a + b);
            y = average_pool2d(layer(s, "c", y, {.filters = 16}, y), {});
            return s.linear("linear", y, {.outputs = 10});
          }};
}

// The only contraction reads the image and makes the logits.
inline Model one_linear_layer() {
  return {.name = "one_linear_layer", .image = {4, 5, 3}, .forward = [](const Scope& s, const Tensor& x) {
            return s.linear("linear", x, {.outputs = 10});
          }};
}

}  // namespace basin::cuda
