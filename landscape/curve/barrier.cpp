#include "landscape/curve/barrier.h"

#include <cmath>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/error.h"

namespace basin {

Barrier barrier_of(std::span<const double> t, std::span<const double> values) {
  check(t.size() >= 2 && t.size() == values.size(), "barrier: ", t.size(), " points and ", values.size(), " values");
  check(t.front() == 0 && t.back() == 1, "barrier: the points run from ", t.front(), " to ", t.back(),
        ", expected 0 to 1");
  Barrier barrier;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const bool end = i == 0 || i + 1 == t.size();
    const double line = (1 - t[i]) * values.front() + t[i] * values.back();
    const double excess = end && std::isfinite(values[i]) ? 0 : values[i] - line;
    if (!(excess <= barrier.height)) barrier = {excess, 0, t[i]};
    if (std::isnan(excess)) break;
  }
  return barrier;
}

Estimate paired_excess(std::span<const double> first, std::span<const double> inside, std::span<const double> last,
                       double t) {
  check(first.size() == inside.size() && last.size() == inside.size(), "barrier: ", first.size(), ", ", inside.size(),
        " and ", last.size(), " images");
  std::vector<double> excess;
  for (std::size_t i = 0; i < inside.size(); ++i) excess.push_back(inside[i] - ((1 - t) * first[i] + t * last[i]));
  return estimate_of(excess);
}

std::vector<ImageLoss> image_losses(const Model& model, const State& state, const PreparedImages& images,
                                    Objective objective) {
  const Recording off(false);
  State working = state;
  Backend& backend = state.entries().front().value.backend();
  const auto classes = static_cast<std::size_t>(model.classes);
  std::vector<ImageLoss> losses;
  ImageScratch scratch;
  for (std::int64_t block = 0; block < images.blocks(); ++block) {
    Shape shape = model.image;
    shape.insert(shape.begin(), images.count_of(block));
    const Tensor x = Tensor::from_bytes(shape, DType::f32, images.block(block, scratch), backend);
    const std::vector<float> logits = forward(model, working, x, Mode::evaluate).to_vector<float>();
    for (std::int64_t i = 0; i < images.count_of(block); ++i)
      losses.push_back(image_loss(std::span(logits).subspan(static_cast<std::size_t>(i) * classes, classes),
                                  images.label(images.first_of(block) + i), objective));
  }
  return losses;
}

}  // namespace basin
