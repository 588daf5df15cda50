// A network's eval-mode forward as a flat list of stages: what the grid engines execute. Traced by models/plan.h.
#pragma once
#include <string>
#include <vector>

#include "core/operations.h"

namespace basin {

// y = relu?(contraction(x) * scale[c] + shift[c] + residual?) and the like. Buffers are activations of one image,
// (H, W, C) or (C); indices into Plan::buffers. Tensors are indices into the State's entries; -1: none.
struct Stage {
  enum class Kind : std::uint8_t {
    convolution,  // input * weight, then bias, batch norm, residual, relu
    linear,       // the same over the flattened input: its columns are in the buffer's own order, H W C
    affine,       // batch norm (then residual, relu) that could not be folded into a contraction before it
    max_pool,
    average_pool,
    concat,  // inputs along channels, in order
    add,     // a residual sum of two inputs that no contraction absorbed, then relu
  };
  Kind kind = Kind::convolution;
  std::vector<int> inputs;
  int output = -1;
  int residual = -1;  // buffer
  bool relu = false;
  Conv2d conv = {};
  Pool2d pool = {};
  int weight = -1, bias = -1;
  int gamma = -1, beta = -1, mean = -1, variance = -1;
  double epsilon = 1e-5;
};

// Each buffer but the input is the output of exactly one stage; an engine may let those share memory whose lives do not
// overlap.
struct Plan {
  std::string model;
  std::vector<Shape> buffers;  // buffers[0] is the input (H, W, C)
  std::vector<Stage> stages;   // in order of execution
  int logits = -1;             // buffer (classes)
  std::int64_t classes = 0;
  std::int64_t multiply_adds = 0;  // per image, of the convolutions and linear layers
};

}  // namespace basin
