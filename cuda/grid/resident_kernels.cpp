// The chunk of points as the resident kernel computes it: weights, losses, means.
#include <algorithm>

#include "core/error.h"
#include "cuda/grid/point_kernels.h"
#include "cuda/grid/resident.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kUploaded = 1024;  // images at once, of 12 KB

// An image set on the device and what is known of it at the points.
struct ResidentSet {
  ResidentSet(Stream stream, const GridImages& set, DType type, std::int64_t points)
      : images(set.count),
        fragments(stream, static_cast<std::size_t>(images * 4 * kImageFragmentWords)),
        labels(stream, static_cast<std::size_t>(images * 4)),
        loss(stream, static_cast<std::size_t>(points * images * 4)),
        outcome(stream, static_cast<std::size_t>(points * images)) {
    copy_to_device(stream, labels.data(), set.labels, labels.bytes());
    constexpr std::int64_t kPixels = 32 * 32 * 3;
    const DeviceBuffer pixels(stream, static_cast<std::size_t>(std::min(kUploaded, images) * kPixels * 4));
    for (std::int64_t first = 0; first < images; first += kUploaded) {
      const std::int64_t count = std::min(kUploaded, images - first);
      copy_to_device(stream, pixels.data(), set.pixels + first * kPixels,
                     static_cast<std::size_t>(count * kPixels * 4));
      image_fragments(
          stream, {pixels.data(), DType::f32, {count, 32, 32, 3}},
          {fragments.as<std::uint32_t>() + first * kImageFragmentWords, type, {count, 2 * kImageFragmentWords}});
    }
  }

  std::int64_t images;
  DeviceBuffer fragments, labels, loss, outcome;
};

class ResidentKernels final : public PointKernels {
 public:
  ResidentKernels(Stream stream, const DeviceInfo& device, const GridWork& work, std::int64_t points)
      : stream_(stream),
        config_(resident_config(device)),
        type_(work.arithmetic),
        objective_(work.objective),
        points_(points),
        layout_(resident_layout(*work.plan)),
        plane_(stream, *work.plan, layout_, work.tensors),
        scales_(stream, static_cast<std::size_t>(points * plane_.channels() * 8)),
        blobs_(stream, static_cast<std::size_t>(points * layout_.words() * 4)),
        not_finite_(stream, static_cast<std::size_t>(points * 4)) {
    for (const GridImages& set : work.sets) sets_.emplace_back(stream, set, type_, points);
  }

  void run(const PlanePoint* points, std::int64_t count, PointLosses* results) override {
    const std::int64_t words = layout_.words();
    const View not_finite{not_finite_.data(), DType::i32, {count}}, blobs{blobs_.data(), DType::i32, {count, words}};
    perturb(stream_, plane_, points, type_, {scales_.data(), DType::f64, {count, plane_.channels()}}, blobs,
            not_finite);
    for (const ResidentSet& set : sets_) {
      const View loss{set.loss.data(), DType::f32, {count, set.images}};
      const View outcome{set.outcome.data(), DType::u8, {count, set.images}};
      resident_losses(stream_, config_, layout_, blobs,
                      {set.fragments.data(), type_, {set.images, 2 * kImageFragmentWords}},
                      {set.labels.data(), DType::i32, {set.images}}, objective_, loss, outcome);
      mean_losses(stream_, loss, outcome, not_finite, results);
      results += count;
    }
  }

  // Perturbing takes three; losses and means of a set one each.
  std::int64_t launches(std::int64_t /*count*/) const override {
    return 3 + 2 * static_cast<std::int64_t>(sets_.size());
  }

  ConstView image_losses(std::size_t set) const override {
    return {sets_[set].loss.data(), DType::f32, {points_, sets_[set].images}};
  }

 private:
  Stream stream_;
  ResidentConfig config_;
  DType type_;
  Objective objective_;
  std::int64_t points_;
  ResidentLayout layout_;
  PlaneWeights plane_;
  DeviceBuffer scales_, blobs_, not_finite_;
  std::vector<ResidentSet> sets_;
};

}  // namespace

std::unique_ptr<PointKernels> resident_kernels(Stream stream, const DeviceInfo& device, const GridWork& work,
                                               std::int64_t points) {
  return std::make_unique<ResidentKernels>(stream, device, work, points);
}

}  // namespace basin::cuda
