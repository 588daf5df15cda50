#include "landscape/engine_onednn_network.h"

#include <algorithm>
#include <array>

#include "landscape/blockwise.h"

namespace basin {
namespace {

using dnnl::memory;
using Kind = Stage::Kind;

constexpr double kSafe = 1e37;  // below the largest float by more than rounding can add

bool is_contraction(const Stage& stage) { return stage.kind == Kind::convolution || stage.kind == Kind::linear; }

// Logical dimensions ([G,] K, C, R, S) over the memory of (K, R, S, C / groups).
memory::desc filter(const Shape& weight, std::int64_t groups) {
  const auto [k, r, s, c] = std::array{weight[0], weight[1], weight[2], weight[3]};
  if (groups == 1) return {{k, c, r, s}, memory::data_type::f32, memory::dims{r * s * c, 1, s * c, c}};
  const std::int64_t filters = k / groups;
  return {
      {groups, filters, c, r, s}, memory::data_type::f32, memory::dims{filters * r * s * c, r * s * c, 1, s * c, c}};
}

memory::desc with_any_layout(const memory::desc& desc) {
  return {desc.dims(), memory::data_type::f32, memory::format_tag::any};
}

}  // namespace

OnednnNetwork::OnednnNetwork(const Plan& plan, const Plane& plane, std::int64_t block, Relu relu,
                             const vector::Kernel* kernel)
    : plan_(&plan),
      state_(plane.center),
      folder_(plane),
      layout_(lay_out(plan)),
      block_(block),
      relu_(relu),
      bounds_(plan.buffers.size(), 0),
      steps_(plan.stages.size()) {
  activations_ = memory(
      {{std::max<std::int64_t>(1, layout_.size * block)}, memory::data_type::f32, memory::format_tag::x}, engine_);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    step.stage = &plan.stages[i];
    step.in_place = layout_.in_place[i];
    if (!is_contraction(*step.stage)) continue;
    folder_.fold(*step.stage, {}, step.folded);  // sizes its vectors, which the primitives point to
    if (kernel != nullptr && add_winograd(step, *kernel)) continue;
    if (step.stage->kind == Kind::convolution)
      add_convolution(step);
    else
      add_linear(step);
  }
  // One scratchpad for all: it stays hot.
  std::int64_t largest = 1;
  for (const Step& step : steps_)
    if (const auto found = step.arguments.find(DNNL_ARG_SCRATCHPAD); found != step.arguments.end())
      largest = std::max<std::int64_t>(largest, static_cast<std::int64_t>(found->second.get_desc().get_size()));
  scratchpad_ = memory({{largest}, memory::data_type::u8, memory::format_tag::x}, engine_);
  for (Step& step : steps_)
    if (const auto found = step.arguments.find(DNNL_ARG_SCRATCHPAD); found != step.arguments.end())
      found->second.set_data_handle(scratchpad_.get_data_handle());
}

memory::desc OnednnNetwork::activation(int buffer) const {
  const Shape& shape = plan_->buffers[static_cast<std::size_t>(buffer)];
  return {{block_, shape[2], shape[0], shape[1]}, memory::data_type::f32, memory::format_tag::nhwc};
}

float* OnednnNetwork::data(int buffer) {
  if (buffer == 0) return input_;
  return static_cast<float*>(activations_.get_data_handle()) +
         layout_.offset[static_cast<std::size_t>(buffer)] * block_;
}

std::size_t OnednnNetwork::count(int buffer) const {
  return static_cast<std::size_t>(plan_->buffers[static_cast<std::size_t>(buffer)].count() * block_);
}

memory OnednnNetwork::activation_memory(int buffer, const memory::desc& desc) {
  if (buffer > 0) return {desc, engine_, data(buffer)};
  return inputs_.emplace_back(memory(desc, engine_, DNNL_MEMORY_NONE));
}

dnnl::primitive_attr OnednnNetwork::attributes(const Stage& stage) const {
  dnnl::post_ops operations;
  if (stage.residual >= 0) operations.append_sum(1.0F);
  if (stage.relu && relu_ == Relu::fused) operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(operations);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

void OnednnNetwork::bind(Step& step, const memory::desc& weight, const memory::desc& scratchpad, const memory& input,
                         const memory& output) {
  step.weight = step.plain_weight.get_desc() == weight ? step.plain_weight : memory(weight, engine_);
  if (step.weight != step.plain_weight) step.reorder = dnnl::reorder(step.plain_weight, step.weight);
  const auto channels = static_cast<std::int64_t>(step.folded.shift.size());
  const memory::desc shift{{channels}, memory::data_type::f32, memory::format_tag::x};
  step.arguments = {{DNNL_ARG_SRC, input},
                    {DNNL_ARG_WEIGHTS, step.weight},
                    {DNNL_ARG_BIAS, memory(shift, engine_, step.folded.shift.data())},
                    {DNNL_ARG_DST, output}};
  if (scratchpad.get_size() > 0) step.arguments[DNNL_ARG_SCRATCHPAD] = memory(scratchpad, engine_, DNNL_MEMORY_NONE);
}

// False if the kernel does not take the step.
bool OnednnNetwork::add_winograd(Step& step, const vector::Kernel& kernel) {
  const Stage& stage = *step.stage;
  const Shape& weight = state_->entries()[static_cast<std::size_t>(stage.weight)].value.shape();
  const Shape& x = plan_->buffers[static_cast<std::size_t>(stage.inputs[0])];
  if (!vector::suits(stage, weight, x)) return false;
  step.winograd =
      std::make_unique<vector::WinogradConvolution>(kernel, vector::Sizes{block_, x[0], x[1], weight[3], weight[0]});
  winograd_scratch_.resize(std::max(winograd_scratch_.size(), step.winograd->scratch_lines()));
  return true;
}

void OnednnNetwork::add_convolution(Step& step) {
  const Stage& stage = *step.stage;
  const Shape& shape = state_->entries()[static_cast<std::size_t>(stage.weight)].value.shape();  // K R S C
  const memory::desc x = activation(stage.inputs[0]), y = activation(stage.output);
  const memory::desc plain = filter(shape, stage.conv.groups);
  const std::int64_t stride = stage.conv.stride, padding = stage.conv.padding;
  // What oneDNN pads on the far side is what the last output reads there, which may be negative.
  const auto far = [&](std::size_t axis, std::int64_t kernel) {
    return (y.dims()[axis] - 1) * stride + kernel - x.dims()[axis] - padding;
  };
  const dnnl::convolution_forward::desc description(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x, with_any_layout(plain),
      {{shape[0]}, memory::data_type::f32, memory::format_tag::x}, y, {stride, stride}, {padding, padding},
      {far(2, shape[1]), far(3, shape[2])});
  const dnnl::convolution_forward::primitive_desc primitive(description, attributes(stage), engine_);
  step.primitive = dnnl::convolution_forward(primitive);
  step.plain_weight = memory(plain, engine_, step.folded.weight.data());
  bind(step, primitive.weights_desc(), primitive.scratchpad_desc(), activation_memory(stage.inputs[0], x),
       activation_memory(stage.output, y));
}

void OnednnNetwork::add_linear(Step& step) {
  const Stage& stage = *step.stage;
  const auto outputs = static_cast<std::int64_t>(step.folded.shift.size());
  const auto inputs = static_cast<std::int64_t>(step.folded.weight.size()) / outputs;
  const auto matrix = [](std::int64_t rows, std::int64_t columns) {
    return memory::desc{{rows, columns}, memory::data_type::f32, memory::format_tag::ab};
  };
  const memory::desc x = matrix(block_, inputs), y = matrix(block_, outputs), plain = matrix(outputs, inputs);
  const dnnl::inner_product_forward::desc description(dnnl::prop_kind::forward_inference, x, with_any_layout(plain),
                                                      {{outputs}, memory::data_type::f32, memory::format_tag::x}, y);
  const dnnl::inner_product_forward::primitive_desc primitive(description, attributes(stage), engine_);
  step.primitive = dnnl::inner_product_forward(primitive);
  step.plain_weight = memory(plain, engine_, step.folded.weight.data());
  bind(step, primitive.weights_desc(), primitive.scratchpad_desc(), activation_memory(stage.inputs[0], x),
       activation_memory(stage.output, y));
}

void OnednnNetwork::set_point(const Point& point) {
  for (Step& step : steps_) {
    const bool affine = step.stage->kind == Kind::affine;
    if (!affine && !is_contraction(*step.stage)) continue;
    folder_.fold(*step.stage, point, step.folded);
    if (step.winograd) step.winograd->set_weights(step.folded.weight);
    if (step.reorder) step.reorder.execute(stream_, step.plain_weight, step.weight);
  }
  stream_.wait();
}

const float* OnednnNetwork::run(const std::byte* images, std::int64_t /*count*/, double bound) {
  // oneDNN's handles are not const; a source is only read.
  input_ = const_cast<float*>(reinterpret_cast<const float*>(images));
  for (memory& input : inputs_) input.set_data_handle(input_);
  bounds_[0] = bound;
  for (Step& step : steps_) {
    if (relu_ == Relu::fused && !bound_output(step)) return nullptr;
    execute(step);
  }
  return data(plan_->logits);
}

// Bounds the values of the step's output, at first by its inputs' bounds, then by its inputs' values. A chain of bounds
// grows fast, but one look at the values every few stages keeps it small. False: the output may overflow.
bool OnednnNetwork::bound_output(const Step& step) {
  const Stage& stage = *step.stage;
  const auto bound_of = [&](int buffer) -> double& { return bounds_[static_cast<std::size_t>(buffer)]; };
  const auto estimate = [&] {
    double bound = stage.residual >= 0 ? bound_of(stage.residual) : 0;
    if (stage.kind == Kind::add) {
      for (const int input : stage.inputs) bound += bound_of(input);
    } else {
      double largest = 0;
      for (const int input : stage.inputs) largest = std::max(largest, bound_of(input));
      const bool weighted = is_contraction(stage) || stage.kind == Kind::affine;
      bound += weighted ? step.folded.gain * largest + step.folded.offset : largest;
    }
    return bound;
  };
  const double growth = step.winograd ? vector::WinogradConvolution::kGrowth : 1;
  double bound = estimate();
  if (!(growth * bound < kSafe)) {
    for (const int input : stage.inputs) bound_of(input) = largest_magnitude(data(input), count(input));
    if (stage.residual >= 0) bound_of(stage.residual) = largest_magnitude(data(stage.residual), count(stage.residual));
    bound = estimate();
  }
  bound_of(stage.output) = bound;
  return growth * bound < kSafe;
}

void OnednnNetwork::execute(Step& step) {
  const Stage& stage = *step.stage;
  const Shape& shape = plan_->buffers[static_cast<std::size_t>(stage.inputs[0])];
  float* y = data(stage.output);
  const float* residual = stage.residual >= 0 ? data(stage.residual) : nullptr;
  switch (stage.kind) {
    case Kind::convolution:
    case Kind::linear:
      contract(step);
      return;
    case Kind::affine:
      affine_block(data(stage.inputs[0]), step.folded.weight, step.folded.shift, residual, stage.relu,
                   count(stage.output), y);
      return;
    case Kind::max_pool:
    case Kind::average_pool:
      pool_block(stage.kind == Kind::max_pool, stage.pool, block_, shape,
                 plan_->buffers[static_cast<std::size_t>(stage.output)], data(stage.inputs[0]), y);
      return;
    case Kind::concat: {
      std::int64_t first = 0;
      const std::int64_t channels = plan_->buffers[static_cast<std::size_t>(stage.output)].back();
      for (const int input : stage.inputs) {
        const std::int64_t width = plan_->buffers[static_cast<std::size_t>(input)].back();
        copy_channels(data(input), count(input), width, channels, y + first);
        first += width;
      }
      return;
    }
    case Kind::add: {
      const std::size_t size = count(stage.output);
      if (data(stage.inputs[0]) != y) std::copy_n(data(stage.inputs[0]), size, y);
      for (std::size_t i = 1; i < stage.inputs.size(); ++i) add_block(data(stage.inputs[i]), size, y);
      if (residual != nullptr) add_block(residual, size, y);
      if (stage.relu) relu_block(size, y);
      return;
    }
  }
}

void OnednnNetwork::contract(Step& step) {
  const Stage& stage = *step.stage;
  if (step.winograd) {
    step.winograd->run(data(stage.inputs[0]), step.folded.shift.data(),
                       stage.residual >= 0 ? data(stage.residual) : nullptr, stage.relu, data(stage.output),
                       winograd_scratch_.data());
    return;
  }
  // The epilogue adds to what the output holds.
  if (stage.residual >= 0 && !step.in_place)
    std::copy_n(data(stage.residual), count(stage.residual), data(stage.output));
  step.primitive.execute(stream_, step.arguments);
  stream_.wait();
  if (stage.relu && relu_ == Relu::keeps_nan) relu_block(count(stage.output), data(stage.output));
}

}  // namespace basin
