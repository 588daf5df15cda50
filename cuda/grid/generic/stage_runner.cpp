#include "cuda/grid/generic/stage_runner.h"

#include <algorithm>

#include "core/error.h"
#include "cuda/grid/generic/point_contraction.h"
#include "cuda/grid/generic/stage_kernels.h"
#include "cuda/kernels/elementwise.h"
#include "cuda/kernels/pooling.h"
#include "cuda/kernels/shape.h"

namespace basin::cuda {
namespace {

using Kind = Stage::Kind;

std::size_t bytes_of(std::int64_t count, std::int64_t bytes) { return static_cast<std::size_t>(count * bytes); }

// What contract_points() takes in one launch.
std::int64_t points_of_a_launch(const Plan& plan) {
  std::int64_t groups = 1;
  for (const Stage& stage : plan.stages) groups = std::max(groups, stage.conv.groups);
  return std::max<std::int64_t>(1, 65535 / groups);
}

}  // namespace

StageRunner::StageRunner(Stream stream, const Plan& plan, std::span<const PlaneTensor> tensors, DType type,
                         std::int64_t points, bool in_place)
    : stream_(stream),
      plan_(plan),
      type_(type),
      layout_(generic_layout(plan, tensors, type)),
      buffers_(lay_out(plan, in_place)),
      plane_(stream, plan, layout_, tensors),
      most_points_(points_of_a_launch(plan)),
      scales_(stream, bytes_of(points * plane_.channels(), 8)),
      blobs_(stream, bytes_of(points * plane_.extents().words(), 4)) {
  layout_.weights = {};  // large, and on the device now
  layout_.floats = {};
}

void StageRunner::make_room(std::int64_t points, std::int64_t images) {
  room_ = points * images;
  activations_.emplace(stream_, bytes_of(room_, activation_bytes()));
  logits_.emplace(stream_, bytes_of(room_ * plan_.classes, 4));
  overflowed_.emplace(stream_, bytes_of(room_, 4));
  fill(stream_, {overflowed_->data(), DType::i32, {room_}}, 0);
}

void StageRunner::set_points(const PlanePoint* points, std::int64_t count, const View& not_finite,
                             const PointStatistics* statistics) {
  perturb(stream_, plane_, points, type_, {scales_.data(), DType::f64, {count, plane_.channels()}},
          {blobs_.data(), DType::i32, {count, plane_.extents().words()}}, not_finite, statistics);
}

std::int64_t StageRunner::image_bytes() const {
  return shape(0)[0] * shape(0)[1] * layout_.image_channels * element_bytes();
}

std::int64_t StageRunner::stage_launches(std::size_t index) const {
  const Stage& stage = plan_.stages[index];
  return stage.kind == Kind::concat ? static_cast<std::int64_t>(stage.inputs.size()) : 1;
}

void StageRunner::run_stage(const StageBlock& block, std::size_t index) {
  const Stage& stage = plan_.stages[index];
  switch (stage.kind) {
    case Kind::convolution:
    case Kind::linear:
      return contract(block, stage, layout_.stages[index]);
    case Kind::affine:
    case Kind::add:
      return transform(block, stage, layout_.stages[index]);
    case Kind::max_pool:
      return max_pool2d(stream_, buffer(block, stage.inputs[0]), stage.pool, buffer(block, stage.output));
    case Kind::average_pool:
      return average_pool2d(stream_, buffer(block, stage.inputs[0]), stage.pool, buffer(block, stage.output));
    case Kind::concat:
      return concatenate(block, stage);
  }
}

// Where a buffer is; the logits have a place of their own, in f32.
void* StageRunner::place(int buffer) const {
  if (buffer == plan_.logits) return logits_->data();
  const std::int64_t offset = buffers_.offset[static_cast<std::size_t>(buffer)];
  return activations_->as<std::byte>() + offset * element_bytes() * room_;
}
View StageRunner::buffer(const StageBlock& block, int index) const {
  const Shape& s = shape(index);
  const DType type = index == plan_.logits ? DType::f32 : type_;
  const bool flat = s.size() == 1;
  return {place(index), type, {block.points * block.images, flat ? 1 : s[0], flat ? 1 : s[1], s.back()}};
}
const float* StageRunner::channel_values(const StageBlock& block, std::int64_t word) const {
  return blobs_.as<const float>() + block.first_point * plane_.extents().words() + word;
}

void StageRunner::contract(const StageBlock& block, const Stage& stage, const GenericStage& placed) {
  const bool linear = stage.kind == Kind::linear, reads_image = stage.inputs[0] == 0;
  const BlobExtents& blob = plane_.extents();
  Shape x = shape(stage.inputs[0]);
  if (reads_image) x[2] = layout_.image_channels;
  if (linear) x = {1, 1, x.count()};
  const Shape& to = shape(stage.output);
  const Shape y = to.size() == 1 ? Shape{1, 1, to[0]} : to;
  const PointContraction contraction{.points = block.points,
                                     .images = block.images,
                                     .x = x,
                                     .weight = placed.weight,
                                     .y = y,
                                     .options = linear ? Conv2d{} : stage.conv,
                                     .shared_input = reads_image,
                                     .relu = stage.relu};
  const Shape shared{block.images, x[0], x[1], x[2]};
  const ConstView input =
      reads_image ? ConstView{block.pixels, type_, shared} : ConstView(buffer(block, stage.inputs[0]));
  const std::int64_t elements = blob.words() * 4 / element_bytes();
  const std::byte* weights =
      blobs_.as<const std::byte>() + (block.first_point * elements + placed.first_weight) * element_bytes();
  contract_points(stream_, contraction,
                  {.x = input,
                   .weights = weights,
                   .weight_stride = elements,
                   .shifts = channel_values(block, blob.shift_word() + placed.first_channel),
                   .shift_stride = blob.words(),
                   .residual = stage.residual >= 0 ? place(stage.residual) : nullptr,
                   .y = buffer(block, stage.output),
                   .overflowed = stage.output == plan_.logits ? nullptr : overflowed_->as<std::int32_t>()});
}

void StageRunner::transform(const StageBlock& block, const Stage& stage, const GenericStage& placed) {
  const View x = buffer(block, stage.inputs[0]);
  const bool affine = stage.kind == Kind::affine;
  const BlobExtents& blob = plane_.extents();
  const int other = affine ? stage.residual : stage.inputs[1];
  transform_points(stream_,
                   {.points = block.points,
                    .images = block.images,
                    .pixels = x.shape[1] * x.shape[2],
                    .channels = x.shape[3],
                    .x = x.data,
                    .residual = other >= 0 ? place(other) : nullptr,
                    .scale = affine ? channel_values(block, blob.float_word() + placed.first_float) : nullptr,
                    .shift = affine ? channel_values(block, blob.shift_word() + placed.first_channel) : nullptr,
                    .stride = blob.words(),
                    .relu = stage.relu,
                    .y = place(stage.output),
                    .overflowed = overflowed_->as<std::int32_t>()},
                   type_);
}

void StageRunner::concatenate(const StageBlock& block, const Stage& stage) {
  const View y = buffer(block, stage.output);
  std::int64_t first = 0;
  for (const int input : stage.inputs) {
    const View x = buffer(block, input);
    write_slice(stream_, x, 3, first, y);
    first += x.shape[3];
  }
}

}  // namespace basin::cuda
