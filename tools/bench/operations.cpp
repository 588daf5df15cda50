// What is bound by memory: batch norm and its gradient, elementwise kernels, optimizers.
#include "core/optimizer.h"
#include "core/step_kernels.h"
#include "models/registry.h"
#include "models/training/step_memory.h"
#include "tools/bench/recorded_timing.h"

namespace basin {
namespace {

double bytes_of(const Shape& shape, DType type) {
  return static_cast<double>(shape.count()) * static_cast<double>(size_of(type));
}
std::string shape_name(const Shape& x) {
  return "N" + std::to_string(x[0]) + "_H" + std::to_string(x[1]) + "_C" + std::to_string(x[3]);
}

void register_batch_norm(const Shape& shape, DType type, const BenchOptions& options) {
  struct Operands {
    Operands(const Shape& shape, DType t, Backend& b)
        : x(bench_values(shape, 1, t, b)),
          gamma(bench_values({shape.back()}, 2, channel_dtype(t), b)),
          beta(bench_values({shape.back()}, 3, channel_dtype(t), b)),
          grad(bench_values(shape, 4, t, b)) {}
    Tensor normalized() const { return batch_norm_training(x, gamma, beta, {}, {.relu = true}).y; }
    Tensor x, gamma, beta, grad;
  };
  register_timed_operation({.name = "batch_norm_relu/" + shape_name(shape),
                            .bytes = 2 * bytes_of(shape, type),
                            .prepare =
                                [=](DType t, Backend& b) {
                                  return [operands = Operands(shape, t, b)] { return Tensors{operands.normalized()}; };
                                }},
                           type, options);
  register_timed_operation({.name = "batch_norm_relu_gradient/" + shape_name(shape),
                            .bytes = 3 * bytes_of(shape, type),
                            .prepare =
                                [=](DType t, Backend& b) {
                                  const Recording on(true);
                                  const Operands o(shape, t, b);
                                  return [o, y = o.normalized()] {
                                    return gradient(y, {o.x, o.gamma, o.beta}, {.seed = o.grad});
                                  };
                                }},
                           type, options);
}

void register_elementwise(const Shape& shape, DType type, const BenchOptions& options) {
  register_timed_operation({.name = "add/" + shape_name(shape),
                            .bytes = 3 * bytes_of(shape, type),
                            .prepare =
                                [=](DType t, Backend& b) {
                                  return [a = bench_values(shape, 1, t, b), c = bench_values(shape, 2, t, b)] {
                                    return Tensors{a + c};
                                  };
                                }},
                           type, options);
  register_timed_operation(
      {.name = "relu/" + shape_name(shape),
       .bytes = 2 * bytes_of(shape, type),
       .prepare = [=](DType t, Backend& b) { return [x = bench_values(shape, 1, t, b)] { return Tensors{relu(x)}; }; }},
      type, options);
}

// ---- the optimizer of a network: every parameter in one call

// f32 parameters and momentum; gradients of `type`, and in half precision the copies that the forward pass reads.
class SgdUpdate {
 public:
  SgdUpdate(const Model& model, DType type, Backend& backend) : memory_({0.1}, backend) {
    StepStatus status;
    status[StepCounter::updates] = 1;  // there is a momentum
    memory_.write(status);
    for (const Tensor& parameter : initialize(model, 1, cpu_backend()).parameters()) {
      const Shape& shape = parameter.shape();
      parameters_.push_back(bench_values(shape, 1, DType::f32, backend));
      momenta_.push_back(bench_values(shape, 2, DType::f32, backend));
      gradients_.push_back(bench_values(shape, 3, type, backend));
      copies_.push_back(type == DType::f32 ? Tensor() : Tensor::empty(shape, type, backend));
      ParameterUpdate update{.parameter = parameters_.back().mutable_view(),
                             .first = momenta_.back().mutable_view(),
                             .second = {},
                             .gradient = gradients_.back().view()};
      if (copies_.back().defined()) update.copy = copies_.back().mutable_view();
      updates_.push_back(update);
    }
  }
  void run() const { parameters_[0].backend().step_kernels().update({}, updates_, memory_.state()); }

 private:
  StepMemory memory_;
  Tensors parameters_, momenta_, gradients_, copies_;
  std::vector<ParameterUpdate> updates_;
};

void register_sgd(const std::string& name, DType type, const BenchOptions& options) {
  const Model model = find_model(name);
  std::int64_t parameters = 0;
  for (const Tensor& parameter : initialize(model, 1, cpu_backend()).parameters()) parameters += parameter.size();
  // Read: gradient, parameter, momentum; written: parameter, momentum, copy.
  const double half = type == DType::f32 ? 0 : static_cast<double>(size_of(type));
  const double bytes = static_cast<double>(parameters) * (4.0 * 4 + static_cast<double>(size_of(type)) + half);
  register_timed_operation({.name = "sgd/" + name,
                            .bytes = bytes,
                            .prepare =
                                [=](DType t, Backend& b) {
                                  return [update = std::make_shared<SgdUpdate>(model, t, b)] {
                                    update->run();
                                    return Tensors{};
                                  };
                                }},
                           type, options);
}

}  // namespace

void register_operation_benchmarks(const BenchOptions& options) {
  for (const DType type : timed_types(options)) {
    for (const std::int64_t images : options.batches)
      for (const Shape& shape : {Shape{images, 32, 32, 16}, {images, 16, 16, 32}, {images, 8, 8, 64}}) {
        register_batch_norm(shape, type, options);
        register_elementwise(shape, type, options);
      }
    for (const char* model : {"resnet56", "vgg16-bn"}) register_sgd(model, type, options);
  }
}

}  // namespace basin
