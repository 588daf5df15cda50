#include "models/scope.h"

#include <cmath>

#include "core/backend.h"
#include "core/random.h"

namespace basin {
namespace {

constexpr double kMomentum = 0.1;          // of the running statistics, PyTorch's default
constexpr double kLinearDeviation = 1e-3;  // the reference tool's

// r <- (1 - momentum) r + momentum * batch, in a tensor of its own: a recorded graph may still hold the old one.
void update_running(Entry& running, const Tensor& batch, double momentum, double correction) {
  const Tensor part = batch * (momentum * correction);
  running.value = (momentum == 1 ? part : running.value * (1 - momentum) + part).detach();
}

void count_batch(Entry& batches) {
  const std::vector<std::int64_t> count{batches.value.to_vector<std::int64_t>().front() + 1};
  batches.value = Tensor::from<std::int64_t>({}, count, batches.value.backend());
}

}  // namespace

struct Scope::Initial {
  double constant = 0;
  double deviation = 0;  // of normal noise around it
};

Scope::Scope(State& state, Mode mode, std::uint64_t seed) : state_(&state), mode_(mode), seed_(seed) {}

Scope Scope::operator/(std::string_view name) const {
  Scope inner = *this;
  inner.prefix_.append(name).append(".");
  return inner;
}

Entry& Scope::entry(std::string_view layer, std::string_view suffix, Role role, const Shape& shape, const Tensor& like,
                    const Initial& initial) const {
  std::string name = prefix_;
  name.append(layer).append(".").append(suffix);
  Entry* found = state_->find(name);
  if (found == nullptr) {
    check(mode_ == Mode::initialize, "model: the state has no tensor ", name, " of shape ", shape);
    const DType dtype = channel_dtype(like.dtype());  // parameters are never kept in half precision
    // The counter of batches stays on the host: a device need not be waited for to count.
    Tensor value = role == Role::batches_tracked ? Tensor::zeros(shape, DType::i64, cpu_backend())
                   : initial.deviation > 0
                       ? normal(shape, seed_, random_stream(name), dtype, like.backend()) * initial.deviation
                       : Tensor::full(shape, initial.constant, dtype, like.backend());
    state_->add({.name = name, .role = role, .value = value.detach()});
    found = state_->find(name);
  }
  check(found->value.shape() == shape, "model: tensor ", name, " has shape ", found->value.shape(), ", expected ",
        shape);
  return *found;
}

Tensor Scope::conv(std::string_view name, const Tensor& x, const ConvOptions& options) const {
  check(x.rank() == 4, "model: convolution ", prefix_, name, " expects (N, H, W, C), found ", x.shape());
  const std::int64_t k = options.kernel, channels = x.dim(3);
  const Conv2d conv{.stride = options.stride, .padding = options.padding < 0 ? k / 2 : options.padding};
  const double deviation = std::sqrt(2.0 / static_cast<double>(k * k * channels));
  const Tensor weight =
      entry(name, "weight", Role::weight, {options.filters, k, k, channels}, x, {.deviation = deviation}).value;
  const Tensor bias = options.bias ? entry(name, "bias", Role::bias, {options.filters}, x, {}).value : Tensor();
  if (mode_ == Mode::initialize)
    return Tensor::zeros(conv2d_shape(x.shape(), weight.shape(), conv), x.dtype(), x.backend());

  Tensor y = conv2d(x, weight, conv);
  if (bias.defined()) y = y + bias;
  return options.relu ? relu(y) : y;
}

void Scope::declare_batch_norm(std::string_view name, const Tensor& x) const {
  if (mode_ != Mode::initialize) return;
  const Shape channels{x.dim(-1)};
  entry(name, "weight", Role::gamma, channels, x, {.constant = 1});
  entry(name, "bias", Role::beta, channels, x, {.constant = 0});
  entry(name, "running_mean", Role::running_mean, channels, x, {.constant = 0});
  entry(name, "running_var", Role::running_variance, channels, x, {.constant = 1});
  entry(name, "num_batches_tracked", Role::batches_tracked, {}, x, {.constant = 0});
}

Tensor Scope::batch_norm(std::string_view name, const Tensor& x, const NormOptions& options) const {
  declare_batch_norm(name, x);
  if (mode_ == Mode::initialize) return zeros_like(x);

  const Shape channels{x.dim(-1)};
  const BatchNorm norm{.relu = options.relu};
  const Tensor gamma = entry(name, "weight", Role::gamma, channels, x, {}).value;
  const Tensor beta = entry(name, "bias", Role::beta, channels, x, {}).value;
  Entry& mean = entry(name, "running_mean", Role::running_mean, channels, x, {});
  Entry& variance = entry(name, "running_var", Role::running_variance, channels, x, {});
  if (mode_ == Mode::evaluate)
    return batch_norm_inference(x, gamma, beta, mean.value, variance.value, options.residual, norm);

  const std::int64_t n = x.size() / x.dim(-1);
  check(n > 1, "model: batch norm ", prefix_, name, " needs two values per channel to train, found ", x.shape());
  const BatchNormResult result = batch_norm_training(x, gamma, beta, options.residual, norm);
  const Recording off(false);
  const double momentum = mode_ == Mode::estimate ? 1 : kMomentum;
  update_running(mean, result.mean, momentum, 1);
  update_running(variance, result.variance, momentum, static_cast<double>(n) / static_cast<double>(n - 1));
  count_batch(entry(name, "num_batches_tracked", Role::batches_tracked, {}, x, {}));
  return result.y;
}

Tensor Scope::linear(std::string_view name, const Tensor& x, const LinearOptions& options) const {
  check(x.rank() == 2 || x.rank() == 4, "model: linear layer ", prefix_, name,
        " expects (N, I) or (N, H, W, C), found ", x.shape());
  const std::int64_t images = x.dim(0), inputs = x.size() / images;
  Entry& weight = entry(name, "weight", Role::weight, {options.outputs, inputs}, x, {.deviation = kLinearDeviation});
  if (x.rank() == 4) {
    weight.flattened_height = x.dim(1);
    weight.flattened_width = x.dim(2);
    weight.flattened_channels = x.dim(3);
  }
  const Tensor columns = weight.value;  // a copy: adding the bias moves the entries
  const Tensor bias = entry(name, "bias", Role::bias, {options.outputs}, x, {}).value;
  if (mode_ == Mode::initialize) return Tensor::zeros({images, options.outputs}, x.dtype(), x.backend());
  return basin::linear(x.rank() == 4 ? reshape(x, {images, inputs}) : x, columns, bias);
}

}  // namespace basin
