// Optimizers. They update parameters in place and own what they remember between steps, as named tensors.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace basin {

struct ParameterUpdate;  // core/step_kernels.h

enum class OptimizerKind : std::uint8_t { sgd, adam, adamw };
OptimizerKind parse_optimizer(std::string_view name);  // "sgd", "adam", "adamw"; else Error
std::string name_of(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double momentum = 0.9;       // sgd
  bool nesterov = true;        // sgd (Sutskever et al. 2013)
  double weight_decay = 5e-4;  // of every parameter: added to the gradient; adamw applies it to the parameter
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // adam, adamw (Kingma, Ba 2015)
};

// What an optimizer keeps for one parameter, such as its momentum.
struct OptimizerSlot {
  std::string name;  // "momentum.conv1.weight"
  Tensor value;      // of the parameter's shape and dtype, in Basin's layout
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update of the parameters from `gradients`, in the parameters' order and shapes. No recorded graph may need the
  // parameters' old values any more.
  virtual void step(const Tensors& gradients, double learning_rate) = 0;

  // The same update by StepKernels::update, which counts its steps where it runs: the parameters with their slots, in
  // the parameters' order, gradients and copies left open.
  std::vector<ParameterUpdate> updates() const;
  void set_steps(std::int64_t steps) { steps_ = steps; }  // done by such updates so far

  const OptimizerOptions& options() const { return options_; }
  // Steps done so far.
  std::int64_t steps() const { return steps_; }
  // The live tensors, in a fixed order. Their values mean something once steps() > 0.
  const std::vector<OptimizerSlot>& slots() const { return slots_; }
  // Copies the values of `slots` (the same names, shapes and dtypes in any order, else Error) and goes on after
  // `steps`.
  void restore(std::int64_t steps, const std::vector<OptimizerSlot>& slots);

 protected:
  // Parameters are named by `names`, in the same order.
  Optimizer(const OptimizerOptions& options, std::vector<std::string> names, Tensors parameters);
  // Adds a slot "<kind>.<name>" of zeros for each parameter. At most twice.
  void add_slots(const std::string& kind);
  void check_gradients(const Tensors& gradients) const;

  OptimizerOptions options_;
  std::vector<std::string> names_;
  Tensors parameters_;
  std::vector<OptimizerSlot> slots_;
  std::int64_t steps_ = 0;
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<std::string> names,
                                          Tensors parameters);

}  // namespace basin
