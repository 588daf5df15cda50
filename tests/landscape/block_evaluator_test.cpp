#include "landscape/block_evaluator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "data/preprocess.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

constexpr std::int64_t kSize = 32 * 32 * 3;  // floats an image

// Reverses the floats of each image: a packing that can be undone, of a size that is no multiple of a cache line.
ImagePacking reversed(std::int64_t block) {
  ImagePacking packing;
  packing.bytes = block * kSize * static_cast<std::int64_t>(sizeof(float)) + 4;
  packing.pack = [block](const float* normalized, std::byte* packed) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(packed) % 64, 0U);
    auto* y = reinterpret_cast<float*>(packed);
    for (std::int64_t i = 0; i < block; ++i, y += kSize)
      std::reverse_copy(normalized + i * kSize, normalized + (i + 1) * kSize, y);
  };
  return packing;
}

TEST(PreparedImages, ArePackedOnceOrAtEachUseAlike) {
  const Images images = random_pixels(8, 1);
  std::vector<float> plain(static_cast<std::size_t>(9 * kSize), 0.0F);
  normalize(images, recipe_normalization(), 0, 8, plain.data());
  for (const std::int64_t resident_bytes : {std::int64_t{0}, PreparedImages::kResidentBytes}) {
    const PreparedImages prepared(images, recipe_normalization(), 3, reversed(3), resident_bytes);
    ASSERT_EQ(prepared.blocks(), 3);
    EXPECT_EQ(prepared.count_of(2), 2);
    ImageScratch scratch;
    for (std::int64_t block = 2; block >= 0; --block) {
      const std::byte* packed = prepared.block(block, scratch);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(packed) % 64, 0U);
      const auto* values = reinterpret_cast<const float*>(packed);
      for (std::int64_t i = 0; i < 3; ++i) {
        const float* own = plain.data() + (3 * block + i) * kSize;  // the ninth image is the padding
        EXPECT_TRUE(std::equal(own, own + kSize, std::make_reverse_iterator(values + (i + 1) * kSize)))
            << "block " << block << " image " << i;
      }
    }
    std::vector<float> rows;
    prepared.normalized(6, 2, 4, rows);
    EXPECT_TRUE(std::equal(rows.begin(), rows.begin() + 3 * kSize, plain.begin() + 6 * kSize));
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(4 * kSize));
    EXPECT_EQ(rows.back(), 0.0F);
  }
}

// Logits that tell which image and point they are of: the first pixel of the image, in the reversed layout the last
// float, plus alpha. Some blocks are left to the careful pass.
class FirstPixel final : public BlockNetwork {
 public:
  FirstPixel(std::int64_t classes, float careful_below) : classes_(classes), careful_below_(careful_below) {}
  void set_point(const Point& point) override { alpha_ = static_cast<float>(point.alpha); }
  const float* run(const std::byte* images, std::int64_t count, double bound) override {
    const auto* x = reinterpret_cast<const float*>(images);
    EXPECT_LE(std::abs(x[kSize - 1]), bound);
    if (x[kSize - 1] < careful_below_) return nullptr;
    logits_.assign(static_cast<std::size_t>(count * classes_), 0);
    for (std::int64_t i = 0; i < count; ++i)
      logits_[static_cast<std::size_t>(i * classes_)] = alpha_ + x[(i + 1) * kSize - 1];
    return logits_.data();
  }

 private:
  std::int64_t classes_;
  float careful_below_, alpha_ = 0;
  std::vector<float> logits_;
};

std::unique_ptr<Evaluator> first_pixel_evaluator(const SmallLandscape& small, std::int64_t block, float careful_below,
                                                 int threads) {
  const auto plan = std::make_shared<const Plan>(trace(small.model, small.state));
  BlockEngine engine{"first pixel", "exact (fp32)", block, reversed(block)};
  engine.make_network = [plan, careful_below] { return std::make_unique<FirstPixel>(plan->classes, careful_below); };
  EngineRequest request{small.plane(), small.set(), plan};
  request.threads = threads;
  return make_block_evaluator(request, std::move(engine));
}

double first_pixel_loss(const Images& images, double alpha) {
  std::vector<float> pixels(static_cast<std::size_t>(images.count * kSize));
  normalize(images, recipe_normalization(), 0, images.count, pixels.data());
  double total = 0;
  for (std::int64_t i = 0; i < images.count; ++i) {
    std::vector<float> logits(10, 0);
    logits[0] = static_cast<float>(alpha) + pixels[static_cast<std::size_t>(i * kSize)];
    total += image_loss(logits, images.labels[static_cast<std::size_t>(i)], Objective::cross_entropy).loss;
  }
  return total / static_cast<double>(images.count);
}

TEST(BlockEvaluator, GivesEachNetworkItsBlocksAndPoints) {
  const SmallLandscape small("resnet20", 23, 9);
  std::vector<Point> points;
  for (int i = 0; i < 6; ++i) points.push_back({0.5 * i, 0});
  for (const std::int64_t block : {1, 5, 64})
    for (const int threads : {1, 3}) {
      const auto evaluator = first_pixel_evaluator(small, block, -1e30F, threads);
      EXPECT_EQ(evaluator->engine(), "first pixel");
      const auto results = evaluate_points(*evaluator, points);
      for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_EQ(results[i].train.loss, first_pixel_loss(small.train, points[i].alpha)) << block << ' ' << threads;
        EXPECT_EQ(results[i].test.loss, first_pixel_loss(small.test, points[i].alpha)) << block << ' ' << threads;
      }
    }
}

TEST(BlockEvaluator, LeavesBlocksThatMayOverflowToTheCarefulPass) {
  const SmallLandscape small("resnet20", 40, 17);
  const std::vector<Point> points{{0, 0}, {0.5, -0.25}, {0, 0}};
  const auto truth = evaluate_points(*make_evaluator(small.plane(), small.set(), {"onednn", 1}), points);
  for (const std::int64_t block : {2, 16, 35}) {  // 35 images: careful blocks of 16, 16 and 3
    const auto results = evaluate_points(*first_pixel_evaluator(small, block, 1e30F, 2), points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      // Another place in a block may round differently.
      EXPECT_LE(std::abs(results[i].train.loss - truth[i].train.loss), 1e-6 * truth[i].train.loss) << block;
      EXPECT_LE(std::abs(results[i].test.loss - truth[i].test.loss), 1e-6 * truth[i].test.loss) << block;
    }
    EXPECT_TRUE(same_bits(results[0], results[2]));
  }
}

TEST(BlockEvaluator, MixesBothPassesAlikeOnAnyThreads) {
  const SmallLandscape small("resnet20", 23, 9);
  const std::vector<Point> points{{0, 0}, {1, 0}, {0.25, 0}};
  const auto truth = evaluate_points(*first_pixel_evaluator(small, 2, 0, 1), points);
  const auto fast = evaluate_points(*first_pixel_evaluator(small, 2, -1e30F, 1), points);
  const auto results = evaluate_points(*first_pixel_evaluator(small, 2, 0, 3), points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_TRUE(same_bits(results[i], truth[i])) << i;
    EXPECT_NE(truth[i].train.loss, fast[i].train.loss) << "no block took the careful pass";
  }
}

}  // namespace
}  // namespace basin
