#include "core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"

namespace basin {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox 4x32-10).
TEST(Philox, KnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, NormalHasItsMoments) {
  const Random random(1, 2);
  constexpr int kCount = 200'000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < kCount; ++i) {
    const double x = random.normal(static_cast<std::uint64_t>(i));
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  // Five standard errors: var(x) = 1, var(x^2) = 2, var(x^4) = 96.
  const double error = 5 / std::sqrt(kCount);
  EXPECT_NEAR(sum / kCount, 0, error);
  EXPECT_NEAR(squares / kCount, 1, error * std::sqrt(2.0));
  EXPECT_NEAR(fourth / kCount, 3, error * std::sqrt(96.0));
}

TEST(Random, PairsAndSinglesAgree) {
  const Random random(3, 4);
  for (std::uint64_t pair = 0; pair < 100; ++pair) {
    EXPECT_EQ(random.normal_pair(pair)[0], random.normal(2 * pair));
    EXPECT_EQ(random.normal_pair(pair)[1], random.normal(2 * pair + 1));
  }
}

TEST(Random, BelowCoversItsRangeEvenly) {
  const Random random(5, 6);
  std::array<int, 7> counts{};
  for (std::uint64_t i = 0; i < 70'000; ++i) ++counts[random.below(7, i)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_THROW(random.below(0, 0), Error);
}

TEST(Random, StreamsOfDifferentNamesDiffer) {
  std::set<std::uint64_t> streams;
  for (const char* name : {"a", "b", "conv1.weight", "conv2.weight", ""})
    for (std::uint64_t index = 0; index < 10; ++index) streams.insert(random_stream(name, index));
  EXPECT_EQ(streams.size(), 50u);
}

}  // namespace
}  // namespace basin
