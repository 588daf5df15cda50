#include "data/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/hash.h"
#include "data/preprocess.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

std::string pixels_hash(const Images& images) {
  return sha256({reinterpret_cast<const char*>(images.pixels.data()), images.pixels.size()});
}

TEST(Synthetic, IsBalancedFromItsFirstImages) {
  const Dataset dataset = make_synthetic(3, 250, 40);
  EXPECT_EQ(dataset.name, "synthetic");
  EXPECT_EQ(dataset.classes(), 10);
  EXPECT_EQ(dataset.train.count, 250);
  EXPECT_EQ(dataset.train.pixels.size(), 250u * 3072);
  EXPECT_EQ(dataset.test.labels.size(), 40u);
  for (std::int32_t c = 0; c < 10; ++c) {
    EXPECT_EQ(std::count(dataset.train.labels.begin(), dataset.train.labels.end(), c), 25);
    EXPECT_EQ(std::count(dataset.test.labels.begin(), dataset.test.labels.end(), c), 4);
  }
}

TEST(Synthetic, HasTheSameBitsEverywhere) {
  const Dataset dataset = make_synthetic(0, 500, 100);
  EXPECT_EQ(pixels_hash(dataset.train), "eba4c8f8da9a6c9a59d0a80ec193234154c576af12a76430ab7b07d3cbe8ee88");
  EXPECT_EQ(pixels_hash(dataset.test), "8d690821231e17e4ada950b85c26a052e159f6ce54621c499ccd36d9769837fa");
}

TEST(Synthetic, AnImageIsAFunctionOfSeedSplitAndIndex) {
  const Dataset small = make_synthetic(1, 20, 20), large = make_synthetic(1, 60, 30), other = make_synthetic(2, 20, 20);
  EXPECT_EQ(small.train.pixels, large.train.first(20).pixels);
  EXPECT_NE(small.train.pixels, small.test.pixels);
  EXPECT_NE(small.train.pixels, other.train.pixels);
}

TEST(Synthetic, NoTwoImagesAreTheSame) {
  const Dataset dataset = make_synthetic(0, 1000, 200);
  std::set<std::vector<std::uint8_t>> seen;
  for (const Images* images : {&dataset.train, &dataset.test})
    for (std::int64_t i = 0; i < images->count; ++i)
      seen.emplace(images->pixels.begin() + i * 3072, images->pixels.begin() + (i + 1) * 3072);
  EXPECT_EQ(seen.size(), 1200u);
}

TEST(Synthetic, RejectsImpossibleCounts) {
  expect_error([] { make_synthetic(0, 0, 10); }, {"synthetic", "found 0"});
  expect_error([] { make_synthetic(0, 10, -1); }, {"synthetic", "found -1"});
}

// Softmax regression on the normalised pixels, trained with SGD.
class LinearClassifier {
 public:
  explicit LinearClassifier(std::int64_t inputs)
      : inputs_(inputs), weights_(static_cast<std::size_t>(10 * (inputs + 1))) {}

  std::array<float, 10> logits(const float* x) const {
    std::array<float, 10> z{};
    for (std::size_t k = 0; k < 10; ++k) {
      const float* w = weights_.data() + k * (inputs_ + 1);
      float sum = w[inputs_];
      for (std::int64_t i = 0; i < inputs_; ++i) sum += w[i] * x[i];
      z[k] = sum;
    }
    return z;
  }

  void step(const float* x, std::int32_t label, float learning_rate) {
    auto p = logits(x);
    const float largest = *std::max_element(p.begin(), p.end());
    float total = 0;
    for (float& value : p) total += value = std::exp(value - largest);
    for (std::size_t k = 0; k < 10; ++k) {
      const float gradient = p[k] / total - (static_cast<std::int32_t>(k) == label ? 1.0f : 0.0f);
      float* w = weights_.data() + k * (inputs_ + 1);
      for (std::int64_t i = 0; i < inputs_; ++i) w[i] -= learning_rate * gradient * x[i];
      w[inputs_] -= learning_rate * gradient;
    }
  }

  double accuracy(const std::vector<float>& x, const Images& images) const {
    std::int64_t correct = 0;
    for (std::int64_t i = 0; i < images.count; ++i) {
      const auto z = logits(x.data() + i * inputs_);
      correct += std::max_element(z.begin(), z.end()) - z.begin() == images.labels[i];
    }
    return static_cast<double>(correct) / static_cast<double>(images.count);
  }

 private:
  std::int64_t inputs_;
  std::vector<float> weights_;  // (10, inputs + 1), the bias last
};

std::vector<float> normalized(const Dataset& dataset, const Images& images) {
  std::vector<float> x(static_cast<std::size_t>(images.count * images.image_size()));
  normalize(images, dataset.normalization, 0, images.count, x.data());
  return x;
}

// The set asks for a network: a linear classifier learns something, and stays far from the 90 % of resnet20.
TEST(Synthetic, ALinearClassifierStaysBelow60Percent) {
  const Dataset dataset = make_synthetic(0, 5000, 1000);
  const auto train = normalized(dataset, dataset.train), test = normalized(dataset, dataset.test);
  double best = 0;
  for (const float rate : {1e-5f, 1e-4f}) {
    LinearClassifier classifier(dataset.train.image_size());
    for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
      for (const std::int64_t i : shuffled(dataset.train.count, 0, epoch))
        classifier.step(train.data() + i * dataset.train.image_size(), dataset.train.labels[i], rate);
      best = std::max(best, classifier.accuracy(test, dataset.test));
    }
  }
  EXPECT_GT(best, 0.2);
  EXPECT_LT(best, 0.6);
  RecordProperty("best_test_accuracy", std::to_string(best));
}

}  // namespace
}  // namespace basin
