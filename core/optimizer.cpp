#include "core/optimizer.h"

#include <algorithm>
#include <utility>

#include "core/backend.h"
#include "core/choice.h"
#include "core/step_kernels.h"

namespace basin {
namespace {

constexpr Choice<OptimizerKind> kKinds[] = {
    {"sgd", OptimizerKind::sgd}, {"adam", OptimizerKind::adam}, {"adamw", OptimizerKind::adamw}};

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<std::string> names, Tensors parameters)
      : Optimizer(options, std::move(names), std::move(parameters)) {
    add_slots("momentum");
  }

  void step(const Tensors& gradients, double learning_rate) override {
    check_gradients(gradients);
    const SgdStep update = sgd_of(options_, learning_rate);
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].backend().sgd_step(update, steps_ == 0, gradients[i].view(), parameters_[i].mutable_view(),
                                        slots_[i].value.mutable_view());
    ++steps_;
  }
};

class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<std::string> names, Tensors parameters)
      : Optimizer(options, std::move(names), std::move(parameters)) {
    add_slots("first_moment");
    add_slots("second_moment");
  }

  void step(const Tensors& gradients, double learning_rate) override {
    check_gradients(gradients);
    ++steps_;
    const AdamStep update = adam_of(options_, learning_rate, steps_);
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].backend().adam_step(update, gradients[i].view(), parameters_[i].mutable_view(),
                                         slots_[i].value.mutable_view(),
                                         slots_[parameters_.size() + i].value.mutable_view());
  }
};

}  // namespace

OptimizerKind parse_optimizer(std::string_view name) { return parse_choice("optimizer", name, kKinds); }
std::string name_of(OptimizerKind kind) { return choice_name(kind, kKinds); }

Optimizer::Optimizer(const OptimizerOptions& options, std::vector<std::string> names, Tensors parameters)
    : options_(options), names_(std::move(names)), parameters_(std::move(parameters)) {
  check(names_.size() == parameters_.size(), "optimizer: ", names_.size(), " names for ", parameters_.size(),
        " parameters");
}

void Optimizer::add_slots(const std::string& kind) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& p = parameters_[i];
    slots_.push_back({kind + "." + names_[i], Tensor::zeros(p.shape(), p.dtype(), p.backend())});
  }
}

std::vector<ParameterUpdate> Optimizer::updates() const {
  const std::size_t count = parameters_.size();
  std::vector<ParameterUpdate> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back({.parameter = parameters_[i].mutable_view(),
                      .first = slots_[i].value.mutable_view(),
                      .second = slots_.size() > count ? slots_[count + i].value.mutable_view() : View{},
                      .gradient = {}});
  return result;
}

void Optimizer::check_gradients(const Tensors& gradients) const {
  check(gradients.size() == parameters_.size(), "optimizer: ", gradients.size(), " gradients for ", parameters_.size(),
        " parameters");
  for (std::size_t i = 0; i < gradients.size(); ++i)
    check(gradients[i].shape() == parameters_[i].shape() && gradients[i].dtype() == parameters_[i].dtype(),
          "optimizer: gradient of ", names_[i], " is ", gradients[i].dtype(), " ", gradients[i].shape(), ", expected ",
          parameters_[i].dtype(), " ", parameters_[i].shape());
}

void Optimizer::restore(std::int64_t steps, const std::vector<OptimizerSlot>& slots) {
  check(steps >= 0, "optimizer: expected a count of steps, found ", steps);
  check(slots.size() == slots_.size(), "optimizer: ", slots.size(), " saved tensors, expected ", slots_.size());
  for (const OptimizerSlot& own : slots_) {
    const auto saved =
        std::find_if(slots.begin(), slots.end(), [&](const auto& slot) { return slot.name == own.name; });
    check(saved != slots.end(), "optimizer: no saved tensor ", own.name);
    check(saved->value.shape() == own.value.shape() && saved->value.dtype() == own.value.dtype(),
          "optimizer: ", own.name, " is ", saved->value.dtype(), " ", saved->value.shape(), ", expected ",
          own.value.dtype(), " ", own.value.shape());
    std::vector<std::byte> bytes(static_cast<std::size_t>(own.value.size()) * size_of(own.value.dtype()));
    saved->value.copy_to_host(bytes.data());
    own.value.backend().copy_from_host(own.value.mutable_view().data, bytes.data(), bytes.size());
  }
  steps_ = steps;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<std::string> names,
                                          Tensors parameters) {
  if (options.kind == OptimizerKind::sgd)
    return std::make_unique<Sgd>(options, std::move(names), std::move(parameters));
  return std::make_unique<Adam>(options, std::move(names), std::move(parameters));
}

}  // namespace basin
