#include "data/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <thread>

#include "core/step_kernels.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

// Images whose every pixel value tells where it is.
Images numbered_images(std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t channels = 3) {
  Images images{.count = count, .height = height, .width = width, .channels = channels, .pixels = {}, .labels = {}};
  for (std::int64_t i = 0; i < count * images.image_size(); ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(1 + i * 7 % 251));
  images.labels.resize(static_cast<std::size_t>(count));
  return images;
}

float expected(const Images& images, const Normalization& normalization, std::int64_t i) {
  const auto c = static_cast<std::size_t>(i % images.channels);
  return static_cast<float>((images.pixels[i] / 255.0 - double{normalization.mean[c]}) /
                            double{normalization.deviation[c]});
}

TEST(Normalize, IsTheFormulaForEveryPixelValueAndLeavesTheRestAlone) {
  const Images images = numbered_images(5, 7, 9);
  const Normalization normalization = recipe_normalization();
  const std::int64_t size = images.image_size();
  std::vector<float> y(static_cast<std::size_t>(3 * size + 1), std::nanf(""));
  normalize(images, normalization, 1, 4, y.data());
  for (std::int64_t i = 0; i < 3 * size; ++i) ASSERT_EQ(y[i], expected(images, normalization, size + i)) << i;
  EXPECT_TRUE(std::isnan(y.back()));
}

TEST(Normalize, TakesImagesInTheGivenOrder) {
  const Images images = numbered_images(5, 4, 4);
  const Normalization normalization = recipe_normalization();
  const std::array<std::int64_t, 3> indices = {4, 0, 4};
  const std::int64_t size = images.image_size();
  std::vector<float> y(static_cast<std::size_t>(3 * size));
  normalize(images, normalization, indices, y.data());
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t i = 0; i < size; ++i)
      ASSERT_EQ(y[n * size + i], expected(images, normalization, indices[n] * size + i));
}

TEST(Normalize, WorksForOneChannel) {
  const Images images = numbered_images(2, 3, 5, 1);
  const Normalization normalization{.mean = {0.5f}, .deviation = {0.25f}};
  std::vector<float> y(30);
  normalize(images, normalization, 0, 2, y.data());
  for (std::int64_t i = 0; i < 30; ++i) ASSERT_EQ(y[i], expected(images, normalization, i));
}

TEST(Normalize, RejectsWhatDoesNotFit) {
  const Images images = numbered_images(2, 3, 5);
  std::vector<float> y(90);
  const std::array<std::int64_t, 1> beyond = {2}, negative = {-1};
  expect_error([&] { normalize(images, recipe_normalization(), beyond, y.data()); }, {"image index 2", "2 images"});
  expect_error([&] { normalize(images, recipe_normalization(), negative, y.data()); }, {"image index -1"});
  expect_error([&] { normalize(images, recipe_normalization(), 1, 3, y.data()); }, {"[1, 3)"});
  expect_error([&] { normalize(images, {.mean = {0.5f}, .deviation = {1.0f}}, 0, 1, y.data()); }, {"expected 3"});
  expect_error(
      [&] {
        normalize(images, {.mean = {0, 0, 0}, .deviation = {1, 0, 1}}, 0, 1, y.data());
      },
      {"deviation of channel 1"});
}

// The offsets and mirroring under which the padded image gives y; how many there are.
std::vector<std::array<std::int64_t, 3>> placements(const Images& images, const Normalization& normalization,
                                                    std::int64_t image, std::int64_t padding, const float* y) {
  std::vector<std::array<std::int64_t, 3>> found;
  const std::int64_t height = images.height, width = images.width;
  const auto value = [&](std::int64_t row, std::int64_t column, std::int64_t c) {
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? expected(images, normalization, ((image * height + row) * width + column) * 3 + c) : 0.0f;
  };
  for (std::int64_t top = -padding; top <= padding; ++top)
    for (std::int64_t left = -padding; left <= padding; ++left)
      for (std::int64_t mirrored = 0; mirrored < 2; ++mirrored) {
        bool same = true;
        for (std::int64_t i = 0; same && i < images.image_size(); ++i) {
          const std::int64_t c = i % 3, column = i / 3 % width, row = i / 3 / width;
          same = y[i] == value(row + top, (mirrored ? width - 1 - column : column) + left, c);
        }
        if (same) found.push_back({top, left, mirrored});
      }
  return found;
}

TEST(Augment, IsAPaddedCropAndMirrorAndReachesAllOfThem) {
  const Images images = numbered_images(40, 8, 6);
  const Normalization normalization = recipe_normalization();
  const auto order = shuffled(40, 1, 0);
  std::set<std::array<std::int64_t, 3>> seen;
  std::vector<float> y(static_cast<std::size_t>(40 * images.image_size()));
  for (std::int64_t epoch = 0; epoch < 12; ++epoch) {
    augment(images, normalization, {.padding = 2}, 7, epoch, order, y.data());
    for (std::int64_t n = 0; n < 40; ++n) {
      const auto found = placements(images, normalization, order[n], 2, y.data() + n * images.image_size());
      ASSERT_EQ(found.size(), 1u) << "image " << order[n] << " in epoch " << epoch;
      seen.insert(found.front());
    }
  }
  EXPECT_EQ(seen.size(), 50u);  // 5 x 5 offsets, mirrored or not; 480 draws miss one of them with probability 3e-3
}

TEST(Augment, PaddingBeyondTheImageGivesZeros) {
  const Images images = numbered_images(30, 3, 2);
  std::vector<float> y(static_cast<std::size_t>(30 * images.image_size()));
  augment(images, recipe_normalization(), {.padding = 9, .flip = false}, 3, 0, shuffled(30, 0, 0), y.data());
  EXPECT_GT(std::count(y.begin(), y.end(), 0.0f), static_cast<std::int64_t>(y.size() / 2));
}

TEST(Augment, WithoutPaddingAndFlipIsNormalize) {
  const Images images = numbered_images(3, 5, 5);
  const std::array<std::int64_t, 3> indices = {0, 1, 2};
  std::vector<float> y(225), plain(225);
  augment(images, recipe_normalization(), {.padding = 0, .flip = false}, 1, 2, indices, y.data());
  normalize(images, recipe_normalization(), indices, plain.data());
  EXPECT_EQ(y, plain);
}

TEST(Augment, DependsOnSeedEpochAndImageAlone) {
  const Images images = numbered_images(64, 8, 8);
  const auto indices = shuffled(64, 0, 0);
  const std::int64_t size = images.image_size();
  std::vector<float> whole(static_cast<std::size_t>(64 * size)), parts(whole.size()), other(whole.size());
  augment(images, recipe_normalization(), {}, 5, 3, indices, whole.data());
  std::vector<std::thread> threads;  // eight images each
  for (std::int64_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      augment(images, recipe_normalization(), {}, 5, 3, std::span(indices).subspan(8 * t, 8),
              parts.data() + 8 * t * size);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(whole, parts);
  augment(images, recipe_normalization(), {}, 6, 3, indices, other.data());
  EXPECT_NE(whole, other);
  augment(images, recipe_normalization(), {}, 5, 4, indices, other.data());
  EXPECT_NE(whole, other);
}

// Training steps load the same batches from the back end's memory.
TEST(Augment, IsWhatTrainingStepsLoad) {
  const Images images = numbered_images(20, 8, 6);
  const Normalization normalization = recipe_normalization();
  const auto order = shuffled(20, 1, 0);
  const std::vector<std::int32_t> places(order.begin(), order.end());
  const auto table = pixel_table(normalization.mean, normalization.deviation);
  std::array<std::int64_t, kStepCounters> counters{0, 0, 2, 5, 0, 0};  // epoch 2, from the fifth on
  const StepState state{
      .counters = {counters.data(), DType::i64, {kStepCounters}}, .sums = {}, .loss_scale = {}, .learning_rates = {}};
  ImageSource source{.images = {images.pixels.data(), DType::u8, {20, 8, 6, 3}},
                     .labels = {images.labels.data(), DType::i32, {20}},
                     .order = {places.data(), DType::i32, {20}},
                     .table = {table.data(), DType::f32, {3, 256}},
                     .seed = 7};
  std::vector<float> y(static_cast<std::size_t>(15 * images.image_size())), expected(y.size());
  std::vector<std::int32_t> labels(15);
  for (const bool augmented : {false, true}) {
    source.augment = augmented;
    cpu_backend().step_kernels().load_batch(source, state, {y.data(), DType::f32, {15, 8, 6, 3}},
                                            {labels.data(), DType::i32, {15}});
    const auto indices = std::span(order).subspan(5);
    if (augmented)
      augment(images, normalization, {}, 7, 2, indices, expected.data());
    else
      normalize(images, normalization, indices, expected.data());
    EXPECT_EQ(y, expected);
  }
}

TEST(Shuffled, IsAPermutationOfSeedAndEpoch) {
  for (const std::int64_t count : {0, 1, 2, 31, 1000}) {
    auto order = shuffled(count, 9, 4);
    EXPECT_EQ(order, shuffled(count, 9, 4));
    std::sort(order.begin(), order.end());
    for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(order[i], i);
  }
  EXPECT_NE(shuffled(100, 9, 4), shuffled(100, 9, 5));
  EXPECT_NE(shuffled(100, 9, 4), shuffled(100, 8, 4));
}

TEST(Shuffled, PutsEveryImageAnywhere) {
  // 8,000 draws of four positions: expected 2,000 each with deviation 39.
  std::array<std::array<int, 4>, 4> counts{};
  for (std::int64_t epoch = 0; epoch < 8000; ++epoch) {
    const auto order = shuffled(4, 1, epoch);
    for (std::int64_t i = 0; i < 4; ++i) ++counts[i][order[i]];
  }
  for (const auto& row : counts)
    for (const int count : row) EXPECT_NEAR(count, 2000, 200);
}

}  // namespace
}  // namespace basin
