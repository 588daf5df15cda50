// Networks of a few layers that together take every path of a grid engine.
#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "models/registry.h"

namespace basin {
namespace small_network {

// Convolution, batch norm, relu.
inline Tensor layer(const Scope& s, const std::string& name, const Tensor& x, const ConvOptions& options,
                    const Tensor& residual = {}) {
  return s.batch_norm(name + ".bn", s.conv(name + ".conv", x, options), {.relu = true, .residual = residual});
}

inline Tensor mean_and_linear(const Scope& s, const Tensor& x) {
  return s.linear("linear", average_pool2d(x, {.kernel = x.dim(1), .stride = x.dim(1)}), {.outputs = 10});
}

// 16 channels at 32 x 32, with and without a residual; the second residual is the convolution's own input.
inline Tensor narrow(const Scope& s, const Tensor& x) {
  const Tensor a = layer(s, "a", x, {.filters = 16});
  const Tensor b = layer(s, "b", a, {.filters = 16});
  const Tensor c = layer(s, "c", b, {.filters = 16}, a);
  return mean_and_linear(s, layer(s, "d", c, {.filters = 16}, c));
}

// 32 x 32 to 1 x 1 by stride 2, 16 to 64 channels, a convolution of stride 1 and a residual at each size.
inline Tensor halving(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "stem", x, {.filters = 16});
  for (const std::int64_t filters : {32, 64, 64, 64, 64}) {
    const std::string size = std::to_string(y.dim(1) / 2);
    y = layer(s, "down" + size, y, {.filters = filters, .stride = 2});
    y = layer(s, "same" + size, y, {.filters = filters}, y);
  }
  return mean_and_linear(s, y);
}

// Channels that are padded: 48, 24, 8, 17.
inline Tensor padded(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "a", x, {.filters = 48});
  y = layer(s, "b", y, {.filters = 24});
  y = layer(s, "c", y, {.filters = 8, .stride = 2});
  y = layer(s, "d", y, {.filters = 17, .stride = 2});
  return mean_and_linear(s, layer(s, "e", y, {.filters = 33}));
}

// Bottlenecks of 1 x 1 convolutions; projections that join their block's last convolution, at two strides, and one that
// cannot because it has a relu of its own.
inline Tensor bottlenecks(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "stem", x, {.filters = 32});
  for (const std::int64_t stride : {1, 2, 2}) {
    const std::string name = "block" + std::to_string(y.dim(1) / stride) + "_" + std::to_string(stride);
    const Tensor projected = s.batch_norm(
        name + ".shortcut.bn", s.conv(name + ".shortcut", y, {.filters = 64, .kernel = 1, .stride = stride}));
    Tensor z = layer(s, name + ".a", y, {.filters = 16, .kernel = 1});
    z = layer(s, name + ".b", z, {.filters = 16, .stride = stride});
    y = layer(s, name + ".c", z, {.filters = 64, .kernel = 1}, projected);
  }
  const Tensor bent = layer(s, "bent", y, {.filters = 64, .kernel = 1});
  return mean_and_linear(s, layer(s, "last", y, {.filters = 64}, bent));
}

// A projection that joins a 3 x 3 convolution of 32 channels behind one of stride 2 from 16.
inline Tensor projected(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "stem", x, {.filters = 16});
  for (const std::int64_t filters : {32, 64}) {
    const std::string name = "block" + std::to_string(filters);
    const Tensor shortcut = s.batch_norm(name + ".shortcut.bn",
                                         s.conv(name + ".shortcut", y, {.filters = filters, .kernel = 1, .stride = 2}));
    const Tensor z = layer(s, name + ".a", y, {.filters = filters, .stride = 2});
    y = layer(s, name + ".b", z, {.filters = filters}, shortcut);
  }
  return mean_and_linear(s, y);
}

// As VGG: bias, no batch norm, max pooling down to 1 x 1.
inline Tensor pooled(const Scope& s, const Tensor& x) {
  Tensor y = x;
  for (const std::int64_t filters : {16, 32, 64, 64, 64}) {
    y = s.conv("conv" + std::to_string(y.dim(1)), y, {.filters = filters, .bias = true, .relu = true});
    y = max_pool2d(y, {});
  }
  return s.linear("linear", y, {.outputs = 10});
}

// Nothing for tiles in between: other kernels, strides, paddings and pools.
inline Tensor strange(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "a", x, {.filters = 8, .kernel = 5});
  y = layer(s, "b", y, {.filters = 16, .padding = 0});                             // 30 x 30
  y = max_pool2d(y, {.kernel = 3, .stride = 2, .padding = 1});                     // 15 x 15
  y = layer(s, "c", y, {.filters = 32, .stride = 2});                              // from an odd extent: 8 x 8
  y = layer(s, "d", y, {.filters = 32, .kernel = 2, .padding = 0, .bias = true});  // 7 x 7
  y = layer(s, "e", y, {.filters = 32, .padding = 2});                             // 9 x 9
  y = layer(s, "f", y, {.filters = 16, .kernel = 2, .padding = 0});                // 8 x 8
  y = average_pool2d(y, {});
  return mean_and_linear(s, layer(s, "g", y, {.filters = 32}));
}

// As DenseNet: batch norm before the convolution, concatenation, a sum that no convolution absorbs.
inline Tensor dense(const Scope& s, const Tensor& x) {
  Tensor y = s.conv("stem", x, {.filters = 16});
  for (const char* name : {"one", "two"}) {
    const Scope block = s / name;
    Tensor z = block.batch_norm("bn", y, {.relu = true});
    z = layer(block, "squeeze", z, {.filters = 32, .kernel = 1});
    y = concat({block.conv("grow", z, {.filters = 16}), y}, 3);
  }
  y = average_pool2d(s.batch_norm("bn", y, {.relu = true}), {});
  const Tensor a = layer(s, "left", y, {.filters = 32, .kernel = 1}), b = layer(s, "right", y, {.filters = 32});
  return mean_and_linear(s, layer(s, "last", relu(a + b), {.filters = 32, .stride = 2}));
}

// A buffer that convolutions of stride 1 and 2 read, at a size where they need different layouts, and a residual that
// is read long after it was written.
inline Tensor disagreeing(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "a", x, {.filters = 32, .stride = 2});
  y = layer(s, "b", y, {.filters = 32, .stride = 2});  // 8 x 8
  const Tensor half = layer(s, "half", y, {.filters = 64, .stride = 2});
  const Tensor z = layer(s, "c", y, {.filters = 32}, y);
  return mean_and_linear(s, layer(s, "d", z, {.filters = 64, .stride = 2}, half));
}

// The images are a residual too, so that no stem reads them.
inline Tensor images_as_residual(const Scope& s, const Tensor& x) {
  const Tensor y = relu(s.conv("a", x, {.filters = x.dim(3)}) + x);
  return mean_and_linear(s, layer(s, "b", y, {.filters = 64, .stride = 2}));
}

// They are the residual of a later layer, while nothing but the first convolution reads them.
inline Tensor images_as_late_residual(const Scope& s, const Tensor& x) {
  const Tensor y = layer(s, "a", x, {.filters = 32});
  const Tensor z = layer(s, "b", y, {.filters = x.dim(3)}, x);
  return mean_and_linear(s, layer(s, "c", z, {.filters = 64, .stride = 2}));
}

// Pools and convolutions of stride 2 read the same activations, as in ResNet-D's shortcuts.
inline Tensor pooled_shortcuts(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "stem", x, {.filters = 32, .stride = 2});
  for (const char* name : {"one", "two", "three"}) {  // from 16 x 16 to 2 x 2
    const Tensor shortcut = s.conv(std::string(name) + ".shortcut", max_pool2d(y, {}), {.filters = 32, .kernel = 1});
    y = layer(s, name, y, {.filters = 32, .stride = 2}, shortcut);
  }
  const Tensor mean = average_pool2d(y, {});
  return mean_and_linear(s, layer(s, "last", y, {.filters = 32, .stride = 2}, mean));
}

// For extents from which halving leads to odd ones, as MNIST's 28.
inline Tensor flattened(const Scope& s, const Tensor& x) {
  Tensor y = layer(s, "a", x, {.filters = 16});
  y = layer(s, "b", y, {.filters = 16}, y);
  y = layer(s, "c", max_pool2d(y, {}), {.filters = 32, .stride = 2});
  return s.linear("linear", layer(s, "d", y, {.filters = 32}, y), {.outputs = 10});
}

}  // namespace small_network

inline void PrintTo(const Model& model, std::ostream* stream) { *stream << model.name; }

inline std::vector<Model> small_networks() {
  using namespace small_network;
  const Shape cifar{32, 32, 3};
  return {{"narrow", 10, cifar, narrow},
          {"halving", 10, cifar, halving},
          {"padded", 10, cifar, padded},
          {"bottlenecks", 10, cifar, bottlenecks},
          {"projected", 10, cifar, projected},
          {"pooled", 10, cifar, pooled},
          {"strange", 10, cifar, strange},
          {"dense", 10, cifar, dense},
          {"disagreeing", 10, cifar, disagreeing},
          {"images_as_residual", 10, cifar, images_as_residual},
          {"images_as_late_residual", 10, cifar, images_as_late_residual},
          {"pooled_shortcuts", 10, cifar, pooled_shortcuts},
          {"flattened_28x28x1", 10, {28, 28, 1}, flattened},
          {"narrow_16x16x1", 10, {16, 16, 1}, narrow},
          {"halving_32x32x4", 10, {32, 32, 4}, halving},
          {"flattened_48x48x3", 10, {48, 48, 3}, flattened}};
}

}  // namespace basin
