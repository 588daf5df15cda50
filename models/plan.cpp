#include "models/plan.h"

namespace basin {
namespace {

class Interpreter {
 public:
  Interpreter(const Plan& plan, const State& state) : plan_(plan), state_(state), values_(plan.buffers.size()) {}

  Tensor run(const Tensor& x) {
    Shape expected = plan_.buffers.front();
    expected.insert(expected.begin(), x.dim(0));
    check(x.shape() == expected, "plan of ", plan_.model, ": input ", x.shape(), ", expected ", expected);
    values_.front() = x;
    for (const Stage& stage : plan_.stages) value(stage.output) = output(stage);
    return value(plan_.logits);
  }

 private:
  Tensor& value(int buffer) { return values_.at(static_cast<std::size_t>(buffer)); }
  const Tensor& entry(int index) const { return state_.entries().at(static_cast<std::size_t>(index)).value; }

  Tensor output(const Stage& stage) {
    const Tensor& x = value(stage.inputs.front());
    switch (stage.kind) {
      case Stage::Kind::convolution:
        return epilogue(stage, conv2d(x, entry(stage.weight), stage.conv));
      case Stage::Kind::linear:
        return epilogue(stage, linear(reshape(x, {x.dim(0), -1}), entry(stage.weight)));
      case Stage::Kind::affine:
        return epilogue(stage, x);
      case Stage::Kind::max_pool:
        return max_pool2d(x, stage.pool);
      case Stage::Kind::average_pool:
        return average_pool2d(x, stage.pool);
      case Stage::Kind::concat: {
        Tensors parts;
        for (const int input : stage.inputs) parts.push_back(value(input));
        return concat(parts, -1);
      }
      case Stage::Kind::add: {
        const Tensor sum = x + value(stage.inputs.at(1));
        return stage.relu ? relu(sum) : sum;
      }
    }
    fail("plan of ", plan_.model, ": a stage of unknown kind ", static_cast<int>(stage.kind));
  }

  // relu?(y * scale + shift + residual?) with the bias and the batch norm folded into one scale and shift per channel.
  Tensor epilogue(const Stage& stage, const Tensor& y) {
    const Tensor residual = stage.residual < 0 ? Tensor() : value(stage.residual);
    const Shape channels{y.dim(-1)};
    Tensor scale = Tensor::full(channels, 1, y.dtype(), y.backend());
    Tensor shift = stage.bias < 0 ? zeros_like(scale) : entry(stage.bias);
    if (stage.gamma >= 0) {
      scale = entry(stage.gamma) / sqrt(entry(stage.variance) + stage.epsilon);
      shift = (shift - entry(stage.mean)) * scale + entry(stage.beta);
    }
    return channel_affine(y, scale, shift, residual, {.relu = stage.relu});
  }

  const Plan& plan_;
  const State& state_;
  Tensors values_;  // by buffer
};

}  // namespace

Tensor run_plan(const Plan& plan, const State& state, const Tensor& x) {
  const Recording off(false);
  return Interpreter(plan, state).run(x);
}

}  // namespace basin
