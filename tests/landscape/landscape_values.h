// Small networks, images and planes for the tests of the landscape.
#pragma once
#include <cstring>

#include "core/backend.h"
#include "core/random.h"
#include "landscape/evaluator.h"
#include "tests/models/network_values.h"

namespace basin {

// Images of shape (H, W, C).
inline Images random_pixels(std::int64_t count, std::uint64_t seed, std::int64_t classes = 10,
                            const Shape& image = {32, 32, 3}) {
  Images images;
  images.count = count;
  images.height = image[0];
  images.width = image[1];
  images.channels = image[2];
  const Random random(seed, random_stream("test pixels"));
  for (std::int64_t i = 0; i < count * images.image_size(); ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(256, static_cast<std::uint64_t>(i))));
  for (std::int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::int32_t>(i * 7 % classes));
  return images;
}

// A network, two directions and image sets of different sizes, neither a multiple of a block.
struct SmallLandscape {
  explicit SmallLandscape(const std::string& name, std::int64_t train_count = 21, std::int64_t test_count = 5,
                          const DirectionOptions& options = {})
      : SmallLandscape(find_model(name), train_count, test_count, options) {}
  SmallLandscape(const Model& network, std::int64_t train_count, std::int64_t test_count,
                 const DirectionOptions& options = {})
      : model(network),
        state(random_state(model, 11)),
        x(random_direction(state, options, 5, 0)),
        y(random_direction(state, options, 5, 1)),
        train(random_pixels(train_count, 1, model.classes, model.image)),
        test(random_pixels(test_count, 2, model.classes, model.image)),
        normalization(recipe_normalization()) {
    normalization.mean.resize(static_cast<std::size_t>(model.image[2]), 0.5F);
    normalization.deviation.resize(static_cast<std::size_t>(model.image[2]), 0.25F);
  }
  SmallLandscape(const SmallLandscape&) = delete;

  Plane plane() const { return {&model, &state, &x, &y}; }
  EvaluationSet set() const { return {&train, &test, normalization, Objective::cross_entropy}; }

  Model model;
  State state;
  Direction x, y;
  Images train, test;
  Normalization normalization;
};

inline std::vector<PointResult> evaluate_points(Evaluator& evaluator, const std::vector<Point>& points) {
  std::vector<PointResult> results(points.size());
  std::vector<int> calls(points.size(), 0);
  evaluator.evaluate(
      points,
      [&](std::size_t i, const PointResult& result) {
        results.at(i) = result;
        ++calls.at(i);
      },
      [] { return false; });
  EXPECT_EQ(calls, std::vector<int>(points.size(), 1));
  return results;
}

inline bool same_bits(const Measurement& a, const Measurement& b) {
  const auto same = [](double u, double v) { return std::memcmp(&u, &v, sizeof u) == 0; };
  return same(a.loss, b.loss) && same(a.loss_error, b.loss_error) && same(a.accuracy, b.accuracy) &&
         same(a.accuracy_error, b.accuracy_error) && a.non_finite == b.non_finite;
}
inline bool same_bits(const PointResult& a, const PointResult& b) {
  return same_bits(a.train, b.train) && same_bits(a.test, b.test);
}

}  // namespace basin
