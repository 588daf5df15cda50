// Layers as plain function calls. A model is a function of (Scope, x); the same code creates its parameters, trains,
// evaluates and is traced:
//
//   Tensor basic_block(const Scope& s, const Tensor& x, std::int64_t width, std::int64_t stride) {
//     Tensor y = s.conv("conv1", x, {.filters = width, .stride = stride});
//     y = s.batch_norm("bn1", y, {.relu = true});
//     ...
//
// Weights and biases of convolutions and linear layers are of x's dtype; a batch norm's values of channel_dtype(x's).
// Those that Mode::initialize makes are at least f32.
//
// Names are joined by dots: s / "layer1" / "0" then conv("conv1", ...) owns "layer1.0.conv1.weight". The order of the
// first calls is the order of the state, which is PyTorch's order of declaration.
#pragma once
#include <string>

#include "core/operations.h"
#include "models/state.h"

namespace basin {

enum class Mode : std::uint8_t {
  initialize,  // create missing tensors; shapes come from the input; nothing is computed, layers return zeros
  train,       // batch statistics; running statistics are updated in the state
  estimate,    // the same, but the running statistics become those of the batch
  evaluate,    // running statistics
};

struct ConvOptions {
  std::int64_t filters = 0, kernel = 3, stride = 1;
  std::int64_t padding = -1;  // -1: kernel / 2
  bool bias = false;
  bool relu = false;  // apply relu last
};
struct NormOptions {
  bool relu = false;
  Tensor residual = {};  // added after the normalisation, before relu
};
struct LinearOptions {
  std::int64_t outputs = 0;
};

class Scope {
 public:
  // `state` outlives the scope. The seed is used in Mode::initialize alone: tensor `name` is drawn from
  // Random(seed, random_stream(name)).
  Scope(State& state, Mode mode, std::uint64_t seed = 0);

  Scope operator/(std::string_view name) const;
  Mode mode() const { return mode_; }

  // weight: kaiming normal by fan-in, N(0, 2 / (R S C)); bias 0 (He et al. 2015, eq. 10).
  Tensor conv(std::string_view name, const Tensor& x, const ConvOptions& options) const;
  // gamma 1, beta 0, running mean 0, variance 1; momentum 0.1 (unbiased variance into the running one, as PyTorch).
  // x (N, H, W, C) or (N, C). In Mode::train and Mode::estimate each channel needs at least two values.
  Tensor batch_norm(std::string_view name, const Tensor& x, const NormOptions& options = {}) const;
  // Gives the batch norm its place in the state's order when PyTorch declares it before a layer that runs earlier.
  // x as in batch_norm(). Does nothing outside Mode::initialize.
  void declare_batch_norm(std::string_view name, const Tensor& x) const;
  // weight N(0, 1e-3^2), bias 0. x (N, I), or (N, H, W, C) which is flattened (then the entry is marked so).
  Tensor linear(std::string_view name, const Tensor& x, const LinearOptions& options) const;

 private:
  struct Initial;  // how a missing tensor is filled

  // The entry, in Mode::initialize made if it is missing; the reference is good until the next one is made.
  Entry& entry(std::string_view layer, std::string_view suffix, Role role, const Shape& shape, const Tensor& like,
               const Initial& initial) const;

  State* state_;
  Mode mode_;
  std::uint64_t seed_;
  std::string prefix_;  // "" or ends in a dot
};

}  // namespace basin
