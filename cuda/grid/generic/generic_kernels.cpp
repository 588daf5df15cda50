// The chunk of points for any plan: weights, then a launch a stage for a few points and images at a time, means.
#include <algorithm>
#include <optional>

#include "core/error.h"
#include "cuda/grid/generic/stage_kernels.h"
#include "cuda/grid/generic/stage_runner.h"
#include "cuda/grid/generic/statistics_pass.h"
#include "cuda/grid/point_kernels.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kUploaded = 4 << 20;  // bytes of images at once

std::int64_t blocks(std::int64_t count, std::int64_t at_once) { return (count + at_once - 1) / at_once; }
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

class GenericKernels final : public PointKernels {
 public:
  GenericKernels(Stream stream, const GridWork& work, std::int64_t points)
      : stream_(stream),
        plan_(*work.plan),
        objective_(work.objective),
        points_(points),
        runner_(stream, plan_, work.tensors, work.arithmetic, points),
        not_finite_(stream, bytes_of(points, 4)) {
    std::int64_t most = 0;
    for (const GridImages& set : work.sets) {
      sets_.emplace_back(stream, set, plan_.buffers[0], runner_.image_channels(), work.arithmetic, points);
      most = std::max(most, set.count);
    }
    const std::int64_t image_bytes = std::max<std::int64_t>(runner_.activation_bytes(), 1);
    block_images_ = std::clamp<std::int64_t>(work.activation_bytes / image_bytes, 1, most);
    block_points_ = std::clamp<std::int64_t>(work.activation_bytes / (image_bytes * block_images_), 1,
                                             std::min(points, runner_.most_points()));
    runner_.make_room(block_points_, block_images_);
    if (work.statistics == BatchStatistics::recomputed) statistics_.emplace(stream, work, runner_, points);
  }

  void run(const PlanePoint* points, std::int64_t count, PointLosses* results) override {
    const View not_finite{not_finite_.data(), DType::i32, {count}};
    if (statistics_) {
      const PointStatistics found = statistics_->run(points, count, sets_[0].pixels.data());
      runner_.set_points(points, count, not_finite, &found);
    } else {
      runner_.set_points(points, count, not_finite);
    }
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

  std::int64_t launches(std::int64_t count) const override {
    std::int64_t of_block = 1, total = runner_.point_launches() + (statistics_ ? statistics_->launches(count) : 0);
    for (std::size_t i = 0; i < plan_.stages.size(); ++i) of_block += runner_.stage_launches(i);
    for (const ImageSet& set : sets_)
      total += 1 + blocks(count, block_points_) * blocks(set.images, block_images_) * of_block;
    return total;
  }

  ConstView image_losses(std::size_t set) const override {
    return {sets_[set].loss.data(), DType::f32, {points_, sets_[set].images}};
  }

 private:
  void run_block(const ImageSet& set, std::int64_t point, std::int64_t points, std::int64_t image, std::int64_t images,
                 const View& loss, const View& outcome) {
    const StageBlock block{set.pixels.as<std::byte>() + image * runner_.image_bytes(), point, points, images};
    for (std::size_t i = 0; i < plan_.stages.size(); ++i) runner_.run_stage(block, i);
    PointLogits logits;
    logits.logits = {runner_.buffer(block, plan_.logits).data, DType::f32, {points, images, plan_.classes}};
    logits.labels = set.labels.as<std::int32_t>() + image;
    logits.overflowed = runner_.overflowed();
    logits.objective = objective_;
    logits.first_point = point;
    logits.first_image = image;
    logits.loss = loss;
    logits.outcome = outcome;
    point_losses(stream_, logits);
  }

  Stream stream_;
  Plan plan_;
  Objective objective_;
  std::int64_t points_;
  StageRunner runner_;
  DeviceBuffer not_finite_;
  std::vector<ImageSet> sets_;
  std::int64_t block_images_ = 1, block_points_ = 1;
  std::optional<StatisticsPass> statistics_;
};

}  // namespace

std::unique_ptr<PointKernels> generic_kernels(Stream stream, const DeviceInfo& /*device*/, const GridWork& work,
                                              std::int64_t points) {
  return std::make_unique<GenericKernels>(stream, work, points);
}

}  // namespace basin::cuda
