// Every network Basin knows, by name.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "models/scope.h"

namespace basin {

struct Model {
  std::string name;  // "resnet56-noshort"
  std::int64_t classes = 10;
  Shape image{32, 32, 3};                                        // H W C
  std::function<Tensor(const Scope&, const Tensor& x)> forward;  // (N, H, W, C) -> logits (N, classes)
};

// The model of that name, one of model_names() or any other resnet<6n+2> or wrn<6n+2>-<k> (± "-noshort"); Error with
// the nearest name if there is none.
Model find_model(std::string_view name, std::int64_t classes = 10);
std::vector<std::string> model_names();

// A fresh state of f32 (or f64) tensors. Convolutions: normal of variance 2 / fan-in; linear: normal of deviation 1e-3;
// gamma 1; all else 0. A function of (model, seed) alone.
State initialize(const Model& model, std::uint64_t seed, Backend& backend, DType dtype = DType::f32);
// Logits in Mode::evaluate or Mode::train (which updates the running statistics in `state`).
Tensor forward(const Model& model, State& state, const Tensor& x, Mode mode);

}  // namespace basin
