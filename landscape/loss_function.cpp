#include "landscape/loss_function.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "core/backend.h"
#include "core/interrupt.h"
#include "data/preprocess.h"
#include "models/training/evaluation.h"

namespace basin {
namespace {

constexpr std::int64_t kResidentBytes = std::int64_t{1} << 30;  // of normalised images that are kept

struct Block {
  Tensor x;       // (n, H, W, C)
  Tensor labels;  // i32 (n)
  std::int64_t images() const { return labels.size(); }
};

// The gradient of a block's share of the mean loss, as a graph that can be differentiated again.
struct GradientGraph {
  Tensors leaves, gradients;
};

std::vector<double> doubles(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

// Bytes of the values that a recorded graph holds.
std::int64_t graph_bytes(const Tensors& outputs) {
  std::unordered_set<const void*> seen;
  Tensors open = outputs;
  std::int64_t bytes = 0;
  while (!open.empty()) {
    const Tensor tensor = std::move(open.back());
    open.pop_back();
    if (!tensor.defined() || !seen.insert(tensor.identity()).second) continue;
    bytes += tensor.size() * static_cast<std::int64_t>(size_of(tensor.dtype()));
    open.insert(open.end(), tensor.inputs().begin(), tensor.inputs().end());
  }
  return bytes;
}

}  // namespace

struct LossFunction::Implementation {
  const Model& model;
  ParameterSpace space;
  Images pixels;
  Normalization normalization;
  Backend& backend;
  LossOptions options;
  State state;                  // of options.dtype, on the back end
  std::vector<Block> resident;  // all blocks, or none
  // What the last hessian_product() left for the next one at the same point.
  Tensor graph_point;
  std::vector<GradientGraph> graphs;  // of the first blocks

  std::int64_t blocks() const { return (pixels.count + options.block - 1) / options.block; }

  Block make_block(std::span<const std::int64_t> indices) const {
    Shape shape = model.image;
    shape.insert(shape.begin(), static_cast<std::int64_t>(indices.size()));
    std::vector<float> values(static_cast<std::size_t>(shape.count()));
    normalize(pixels, normalization, indices, values.data());
    std::vector<std::int32_t> labels;
    for (const std::int64_t index : indices) labels.push_back(pixels.labels[static_cast<std::size_t>(index)]);
    Block block{Tensor::from(shape, values, backend),
                Tensor::from({static_cast<std::int64_t>(labels.size())}, labels, backend)};
    if (options.dtype != DType::f32) {
      const Recording off(false);
      block.x = cast(block.x, options.dtype);
    }
    return block;
  }

  Block block(std::int64_t index) const {
    if (options.stop && options.stop()) throw Interrupted();
    if (!resident.empty()) return resident[static_cast<std::size_t>(index)];
    std::vector<std::int64_t> indices(
        static_cast<std::size_t>(std::min(options.block, pixels.count - index * options.block)));
    std::iota(indices.begin(), indices.end(), index * options.block);
    return make_block(indices);
  }

  Tensor losses(const Block& block, State& at) const {
    return basin::image_losses(forward(model, at, block.x, Mode::evaluate), block.labels, options.objective, 0);
  }

  // The sum of the block's losses, divided by `images`, with its graph; `leaves`: what it depends on.
  Tensor mean_loss(const Block& block, const Tensor& point, std::int64_t images, Tensors& leaves) const {
    State at = space.at(state, point);
    leaves = space.parameters(at);
    return sum(losses(block, at)) * (1 / static_cast<double>(images));
  }

  // Adds the gradient of the block's share of a mean over `images`; `total` undefined: nothing yet.
  double add_gradient(const Block& block, const Tensor& point, std::int64_t images, Tensor& total) const {
    Tensors leaves;
    const Tensor loss = mean_loss(block, point, images, leaves);
    add(space.join(gradient(loss, leaves)), total);
    return loss.item();
  }

  static void add(const Tensor& part, Tensor& total) { total = total.defined() ? sum_of(total, 1, part) : part; }

  ValueAndGradient with_decay(ValueAndGradient result, const Tensor& point) const {
    if (options.weight_decay == 0) return result;
    const double norm = length(point);
    result.value += options.weight_decay / 2 * norm * norm;
    result.gradient = sum_of(result.gradient, options.weight_decay, point);
    return result;
  }

  GradientGraph make_graph(std::int64_t index, const Tensor& point) const {
    GradientGraph graph;
    const Tensor loss = mean_loss(block(index), point, pixels.count, graph.leaves);
    graph.gradients = gradient(loss, graph.leaves, {.create_graph = true});
    return graph;
  }

  // Keeps the graphs of the first blocks, as many as fit.
  void keep_graphs(const Tensor& point) {
    if (graph_point.defined() && graph_point.identity() == point.identity()) return;
    forget_graphs();
    std::int64_t bytes = 0;
    for (std::int64_t i = 0; i < blocks(); ++i) {
      GradientGraph graph = make_graph(i, point);
      bytes += graph_bytes(graph.gradients);
      if (bytes > kGraphBytes) break;
      graphs.push_back(std::move(graph));
    }
    graph_point = point;
  }

  void forget_graphs() {
    graphs.clear();
    graph_point = {};
  }

  // The block's share of H v.
  Tensor block_product(std::int64_t index, const Tensor& point, const Tensors& v) const {
    const auto kept = static_cast<std::size_t>(index);
    if (options.stop && options.stop()) throw Interrupted();
    const GradientGraph graph = kept < graphs.size() ? graphs[kept] : make_graph(index, point);
    return space.join(gradient(dot(graph.gradients, v), graph.leaves));
  }
};

LossFunction::LossFunction(const Model& model, const State& center, const ParameterSpace& space, const Images& images,
                           const Normalization& normalization, Backend& backend, const LossOptions& options) {
  check(images.count > 0, "loss: no images");
  check(Shape{images.height, images.width, images.channels} == model.image, "loss: images of ",
        Shape{images.height, images.width, images.channels}, ", the network takes ", model.image);
  check(options.block > 0, "loss: a block of ", options.block, " images");
  for (const std::int32_t label : images.labels)
    check(label >= 0 && label < model.classes, "loss: label ", label, " is none of ", model.classes, " classes");
  check(backend.computes(options.dtype), "loss: ", backend.name(), " does not compute in ", options.dtype);
  implementation_ = std::make_unique<Implementation>(
      Implementation{model, space, images, normalization, backend, options, {}, {}, {}, {}});
  Implementation& self = *implementation_;
  move_to(center);
  const std::int64_t bytes = images.count * images.image_size() * static_cast<std::int64_t>(size_of(options.dtype));
  std::vector<Block> all;
  for (std::int64_t i = 0; bytes <= kResidentBytes && i < self.blocks(); ++i) all.push_back(self.block(i));
  self.resident = std::move(all);
}

LossFunction::~LossFunction() = default;
LossFunction::LossFunction(LossFunction&&) noexcept = default;

const ParameterSpace& LossFunction::space() const { return implementation_->space; }
std::int64_t LossFunction::size() const { return implementation_->space.size(); }
std::int64_t LossFunction::images() const { return implementation_->pixels.count; }
Backend& LossFunction::backend() const { return implementation_->backend; }
DType LossFunction::dtype() const { return implementation_->options.dtype; }

void LossFunction::move_to(const State& center) {
  Implementation& self = *implementation_;
  self.forget_graphs();
  self.state = self.space.at(center, self.space.flatten(center, dtype(), backend()));
}

Tensor LossFunction::center() const {
  return implementation_->space.flatten(implementation_->state, dtype(), backend());
}

std::vector<double> LossFunction::image_losses(const Tensor& point) const {
  const Recording off(false);
  const Implementation& self = *implementation_;
  State at = self.space.at(self.state, point);
  std::vector<double> losses;
  for (std::int64_t i = 0; i < self.blocks(); ++i) {
    const std::vector<double> block = doubles(self.losses(self.block(i), at));
    losses.insert(losses.end(), block.begin(), block.end());
  }
  return losses;
}

double LossFunction::value(const Tensor& point) const {
  const std::vector<double> losses = image_losses(point);
  const double mean = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  const double norm = implementation_->options.weight_decay == 0 ? 0 : length(point);
  return mean + implementation_->options.weight_decay / 2 * norm * norm;
}

ValueAndGradient LossFunction::value_and_gradient(const Tensor& point) const {
  const Implementation& self = *implementation_;
  ValueAndGradient result;
  for (std::int64_t i = 0; i < self.blocks(); ++i)
    result.value += self.add_gradient(self.block(i), point, images(), result.gradient);
  return self.with_decay(result, point);
}

ValueAndGradient LossFunction::value_and_gradient(const Tensor& point, std::span<const std::int64_t> images) const {
  const Implementation& self = *implementation_;
  check(!images.empty(), "loss: no images");
  ValueAndGradient result;
  const auto block = static_cast<std::size_t>(self.options.block);
  for (std::size_t begin = 0; begin < images.size(); begin += block)
    result.value += self.add_gradient(self.make_block(images.subspan(begin, std::min(block, images.size() - begin))),
                                      point, static_cast<std::int64_t>(images.size()), result.gradient);
  return self.with_decay(result, point);
}

Tensor LossFunction::hessian_product(const Tensor& point, const Tensor& v) const {
  Implementation& self = *implementation_;
  self.keep_graphs(point);
  const Tensors parts = self.space.views(v);
  Tensor total;
  for (std::int64_t i = 0; i < self.blocks(); ++i) Implementation::add(self.block_product(i, point, parts), total);
  return self.options.weight_decay == 0 ? total : sum_of(total, self.options.weight_decay, v);
}

std::vector<BlockValue> LossFunction::block_curvatures(const Tensor& point, const Tensor& v) const {
  Implementation& self = *implementation_;
  self.keep_graphs(point);
  const Tensors parts = self.space.views(v);
  const double norm = inner_product(v, v);
  std::vector<BlockValue> values;
  for (std::int64_t i = 0; i < self.blocks(); ++i) {
    const std::int64_t count = std::min(self.options.block, images() - i * self.options.block);
    const double share = inner_product(v, self.block_product(i, point, parts));
    values.push_back({count, share * static_cast<double>(images()) / static_cast<double>(count) / norm});
  }
  return values;
}

}  // namespace basin
