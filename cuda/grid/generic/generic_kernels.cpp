// The chunk of points for any plan: weights, then a launch a stage for a few points and images at a time, means.
#include <algorithm>
#include <optional>

#include "core/buffer_layout.h"
#include "core/error.h"
#include "cuda/grid/generic/generic_layout.h"
#include "cuda/grid/generic/point_contraction.h"
#include "cuda/grid/generic/stage_kernels.h"
#include "cuda/grid/point_kernels.h"
#include "cuda/kernels/elementwise.h"
#include "cuda/kernels/pooling.h"
#include "cuda/kernels/shape.h"

namespace basin::cuda {
namespace {

using Kind = Stage::Kind;

constexpr std::int64_t kUploaded = 4 << 20;  // bytes of images at once

std::size_t bytes_of(std::int64_t count, std::int64_t bytes) { return static_cast<std::size_t>(count * bytes); }

// An image set on the device and what is known of it at the points.
struct ImageSet {
  ImageSet(Stream stream, const GridImages& set, const Shape& image, std::int64_t channels, DType type,
           std::int64_t points)
      : images(set.count),
        pixels(stream, bytes_of(images * image[0] * image[1] * channels, static_cast<std::int64_t>(size_of(type)))),
        labels(stream, bytes_of(images, 4)),
        loss(stream, bytes_of(points * images, 4)),
        outcome(stream, bytes_of(points * images, 1)) {
    copy_to_device(stream, labels.data(), set.labels, labels.bytes());
    const std::int64_t at_once = std::clamp<std::int64_t>(kUploaded / (image.count() * 4), 1, images);
    const std::int64_t image_bytes = image[0] * image[1] * channels * static_cast<std::int64_t>(size_of(type));
    const DeviceBuffer floats(stream, bytes_of(at_once * image.count(), 4));
    for (std::int64_t first = 0; first < images; first += at_once) {
      const std::int64_t count = std::min(at_once, images - first);
      copy_to_device(stream, floats.data(), set.pixels + first * image.count(), bytes_of(count * image.count(), 4));
      pad_channels(stream, {floats.data(), DType::f32, {count, image[0], image[1], image[2]}},
                   {pixels.as<std::byte>() + first * image_bytes, type, {count, image[0], image[1], channels}});
    }
  }

  std::int64_t images;
  DeviceBuffer pixels, labels, loss, outcome;
};

// A block of images at a block of points on its way through the stages.
struct Block {
  const std::byte* image_pixels;
  std::int64_t first_point, points, images;
};

class GenericKernels final : public PointKernels {
 public:
  GenericKernels(Stream stream, const GridWork& work, std::int64_t points)
      : stream_(stream),
        plan_(*work.plan),
        type_(work.arithmetic),
        objective_(work.objective),
        points_(points),
        layout_(generic_layout(plan_, work.tensors, type_)),
        buffers_(lay_out(plan_)),
        plane_(stream, plan_, layout_, work.tensors),
        scales_(stream, bytes_of(points * plane_.channels(), 8)),
        blobs_(stream, bytes_of(points * plane_.extents().words(), 4)),
        not_finite_(stream, bytes_of(points, 4)) {
    layout_.weights = {};  // large, and on the device now
    layout_.floats = {};
    std::int64_t most = 0;
    for (const GridImages& set : work.sets) {
      sets_.emplace_back(stream, set, plan_.buffers[0], layout_.image_channels, type_, points);
      most = std::max(most, set.count);
    }
    const std::int64_t image_bytes = std::max<std::int64_t>(buffers_.size * element_bytes(), 1);
    block_images_ = std::clamp<std::int64_t>(work.activation_bytes / image_bytes, 1, most);
    block_points_ = std::clamp<std::int64_t>(work.activation_bytes / (image_bytes * block_images_), 1, points);
    const std::int64_t items = block_points_ * block_images_;
    activations_.emplace(stream, bytes_of(items, image_bytes));
    logits_.emplace(stream, bytes_of(items * plan_.classes, 4));
    overflowed_.emplace(stream, bytes_of(items, 4));
    fill(stream, {overflowed_->data(), DType::i32, {items}}, 0);
  }

  void run(const PlanePoint* points, std::int64_t count, PointLosses* results) override {
    const std::int64_t words = plane_.extents().words();
    const View not_finite{not_finite_.data(), DType::i32, {count}};
    perturb(stream_, plane_, points, type_, {scales_.data(), DType::f64, {count, plane_.channels()}},
            {blobs_.data(), DType::i32, {count, words}}, not_finite);
    for (const ImageSet& set : sets_) {
      const View loss{set.loss.data(), DType::f32, {count, set.images}};
      const View outcome{set.outcome.data(), DType::u8, {count, set.images}};
      for (std::int64_t point = 0; point < count; point += block_points_)
        for (std::int64_t image = 0; image < set.images; image += block_images_)
          run_block(set, point, std::min(block_points_, count - point), image,
                    std::min(block_images_, set.images - image), loss, outcome);
      mean_losses(stream_, loss, outcome, not_finite, results);
      results += count;
    }
  }

  ConstView image_losses(std::size_t set) const override {
    return {sets_[set].loss.data(), DType::f32, {points_, sets_[set].images}};
  }

 private:
  std::int64_t element_bytes() const { return static_cast<std::int64_t>(size_of(type_)); }
  const Shape& shape(int buffer) const { return plan_.buffers[static_cast<std::size_t>(buffer)]; }

  void run_block(const ImageSet& set, std::int64_t point, std::int64_t points, std::int64_t image, std::int64_t images,
                 const View& loss, const View& outcome) {
    const Shape& first = shape(0);
    const std::int64_t image_bytes = first[0] * first[1] * layout_.image_channels * element_bytes();
    const Block block{set.pixels.as<std::byte>() + image * image_bytes, point, points, images};
    for (std::size_t i = 0; i < plan_.stages.size(); ++i) run_stage(block, plan_.stages[i], layout_.stages[i]);
    PointLogits logits;
    logits.logits = {logits_->data(), DType::f32, {points, images, plan_.classes}};
    logits.labels = set.labels.as<std::int32_t>() + image;
    logits.overflowed = overflowed_->as<std::int32_t>();
    logits.objective = objective_;
    logits.first_point = point;
    logits.first_image = image;
    logits.loss = loss;
    logits.outcome = outcome;
    point_losses(stream_, logits);
  }

  void run_stage(const Block& block, const Stage& stage, const GenericStage& placed) {
    switch (stage.kind) {
      case Kind::convolution:
      case Kind::linear:
        return contract(block, stage, placed);
      case Kind::affine:
      case Kind::add:
        return transform(block, stage, placed);
      case Kind::max_pool:
        return max_pool2d(stream_, images_of(block, stage.inputs[0]), stage.pool, output_of(block, stage));
      case Kind::average_pool:
        return average_pool2d(stream_, images_of(block, stage.inputs[0]), stage.pool, output_of(block, stage));
      case Kind::concat:
        return concatenate(block, stage);
    }
  }

  // Where a buffer is; the logits have a place of their own, in f32.
  void* place(int buffer) const {
    if (buffer == plan_.logits) return logits_->data();
    const std::int64_t offset = buffers_.offset[static_cast<std::size_t>(buffer)];
    return activations_->as<std::byte>() + offset * element_bytes() * block_points_ * block_images_;
  }
  // (points * images, H, W, C)
  View images_of(const Block& block, int buffer) const {
    const Shape& s = shape(buffer);
    const DType type = buffer == plan_.logits ? DType::f32 : type_;
    const bool flat = s.size() == 1;
    return {place(buffer), type, {block.points * block.images, flat ? 1 : s[0], flat ? 1 : s[1], s.back()}};
  }
  View output_of(const Block& block, const Stage& stage) const { return images_of(block, stage.output); }

  const float* channel_values(const Block& block, std::int64_t word) const {
    return blobs_.as<const float>() + block.first_point * plane_.extents().words() + word;
  }

  void contract(const Block& block, const Stage& stage, const GenericStage& placed) {
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
        reads_image ? ConstView{block.image_pixels, type_, shared} : ConstView(images_of(block, stage.inputs[0]));
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
                     .y = output_of(block, stage),
                     .overflowed = stage.output == plan_.logits ? nullptr : overflowed_->as<std::int32_t>()});
  }

  void transform(const Block& block, const Stage& stage, const GenericStage& placed) {
    const View x = images_of(block, stage.inputs[0]);
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

  void concatenate(const Block& block, const Stage& stage) {
    const View y = output_of(block, stage);
    std::int64_t first = 0;
    for (const int input : stage.inputs) {
      const View x = images_of(block, input);
      write_slice(stream_, x, 3, first, y);
      first += x.shape[3];
    }
  }

  Stream stream_;
  Plan plan_;
  DType type_;
  Objective objective_;
  std::int64_t points_;
  GenericLayout layout_;
  BufferLayout buffers_;
  PlaneWeights plane_;
  DeviceBuffer scales_, blobs_, not_finite_;
  std::vector<ImageSet> sets_;
  std::int64_t block_images_ = 1, block_points_ = 1;
  std::optional<DeviceBuffer> activations_, logits_, overflowed_;  // made when the blocks are known
};

}  // namespace

std::unique_ptr<PointKernels> generic_kernels(Stream stream, const DeviceInfo& /*device*/, const GridWork& work,
                                              std::int64_t points) {
  return std::make_unique<GenericKernels>(stream, work, points);
}

}  // namespace basin::cuda
