// What lies around the tile kernels: weights into tiles, activations into their layout and out of it, pooling.
#include "landscape/amx/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "core/random.h"
#include "landscape/amx/tiles.h"
#include "landscape/amx/weights.h"
#include "landscape/engine_amx.h"
#include "landscape/prepared_images.h"
#include "tests/landscape/bf16_values.h"

namespace basin::amx {

void PrintTo(const Layout& layout, std::ostream* stream) {
  *stream << layout.height << " x " << layout.width << " x " << layout.channels << ", " << layout.images << " images"
          << (layout.split ? ", split" : "") << ", parts " << layout.parts;
}

namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

Parts parts_of(const Layout& layout) { return layout.parts == 2 ? Parts::two : Parts::one; }

std::vector<float> normal_values(std::int64_t count, std::uint64_t seed) {
  const Random random(seed, random_stream("values"));
  std::vector<float> values(index(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(random.normal(i));
  return values;
}

class AmxConvert : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string obstacle = amx_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};
using AmxWeights = AmxConvert;

// ---- weights

TEST_F(AmxWeights, ATileIsTheTransposeOfItsFilters) {
  constexpr std::int64_t kStride = 90;
  const std::vector<float> w = normal_values(16 * kStride, 1);
  for (const Parts parts : {Parts::one, Parts::two})
    for (const std::int64_t filters : {16, 5, 0, -3})
      for (const std::int32_t count : {32, 20, 16, 7}) {
        constexpr std::int32_t kOffset = 40;
        std::vector<CacheLine> memory(6 * kTileRows);  // tile, nothing, rests of the tile, nothing, ...
        std::byte* tiles = memory.front().bytes;
        std::fill_n(tiles, 6 * kTileBytes, std::byte{0x5A});
        std::vector<std::byte> expected(tiles, tiles + 6 * kTileBytes);
        for (std::int64_t pair = 0; pair < 16; ++pair)
          for (std::int64_t k = 0; k < 16; ++k)
            for (std::int64_t i = 0; i < 2; ++i) {
              const std::int64_t d = 2 * pair + i;
              const float value = k < filters && d < count ? w[index(k * kStride + kOffset + d)] : 0.0F;
              write_parts(in_parts(value, parts), expected.data() + pair * kRowBytes + 4 * k + 2 * i, 3 * kTileBytes,
                          parts);
            }
        pack_tile(w.data(), filters, kStride, {kOffset, count}, parts, tiles, 3 * kTileBytes);
        EXPECT_EQ(std::memcmp(tiles, expected.data(), expected.size()), 0) << filters << " filters, depth " << count;
      }
}

TEST_F(AmxWeights, RoundingErrorsOfAFilterCancel) {
  constexpr std::int64_t kFilters = 3, kTaps = 9;
  for (const Parts parts : {Parts::one, Parts::two})
    for (const std::int64_t channels : {16, 40, 5, 64}) {
      const std::int64_t size = kTaps * channels;
      const std::vector<float> w = normal_values(kFilters * size, 2);
      std::vector<float> held = w;
      held.push_back(1234.5678F);  // a sentinel
      diffuse_rounding(held.data(), kFilters, kTaps, channels, parts);
      EXPECT_EQ(held.back(), 1234.5678F);
      std::int64_t unlike_nearest = 0;
      for (std::int64_t k = 0; k < kFilters; ++k)
        for (std::int64_t lane = 0; lane < std::min<std::int64_t>(16, channels); ++lane) {
          double error = 0, largest = 0;
          for (std::int64_t tap = 0; tap < kTaps; ++tap)
            for (std::int64_t c = lane; c < channels; c += 16) {
              const std::size_t i = index(k * size + tap * channels + c);
              EXPECT_EQ(held[i], rounded(held[i], parts)) << "not a number of that many parts";
              unlike_nearest += held[i] != rounded(w[i], parts) ? 1 : 0;
              error += static_cast<double>(w[i]) - static_cast<double>(held[i]);
              largest = std::max(largest, std::abs(static_cast<double>(w[i])));
            }
          const double unit = std::ldexp(1.0, std::ilogb(largest) - (parts == Parts::two ? 16 : 7));
          EXPECT_LE(std::abs(error), unit) << channels << " channels, filter " << k << ", channel " << lane;
        }
      EXPECT_GT(unlike_nearest, size / 20);
    }
}

TEST_F(AmxWeights, ADiffusedFilterKeepsItsGain) {
  // Of 16 * 9 weights that all lose 0.4 units, plain rounding loses 57 units a filter.
  const float unit = std::ldexp(1.0F, -7), weight = 1 + 0.4F * unit;
  std::vector<float> held(16 * 9, weight);
  diffuse_rounding(held.data(), 1, 9, 16, Parts::one);
  double sum = 0, plain = 0;
  for (const float w : held) sum += static_cast<double>(w - weight);
  for (std::size_t i = 0; i < held.size(); ++i) plain += static_cast<double>(rounded(weight, Parts::one) - weight);
  EXPECT_LE(std::abs(sum), 16 * static_cast<double>(unit));
  EXPECT_GE(std::abs(plain), 57 * static_cast<double>(unit));
}

// ---- activations

// An activation in its layout with sentinels before and behind.
class Activation {
 public:
  Activation(const Layout& layout, std::int64_t count) : layout_(layout), count_(count), memory_(lines() + 8) {
    std::fill_n(memory_.front().bytes, memory_.size() * 64, kSentinel);
    std::fill_n(data(), layout.bytes(count), std::byte{0});
  }
  std::byte* data() { return memory_[4].bytes; }
  const std::byte* data() const { return memory_[4].bytes; }
  InParts at(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) const {
    return read_parts(data() + layout_.at(n, y, x) + 2 * c, layout_.part(), parts_of(layout_));
  }
  void set(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c, InParts v) {
    write_parts(v, data() + layout_.at(n, y, x) + 2 * c, layout_.part(), parts_of(layout_));
  }
  bool operator==(const Activation& other) const {
    return memory_.size() == other.memory_.size() &&
           std::memcmp(memory_.data(), other.memory_.data(), memory_.size() * 64) == 0;
  }

 private:
  static constexpr std::byte kSentinel{0x5A};
  std::size_t lines() const { return index((layout_.bytes(count_) + 63) / 64); }

  Layout layout_;
  std::int64_t count_;
  std::vector<CacheLine> memory_;
};

template <class Body>
void for_each_value(const Layout& layout, std::int64_t count, std::int64_t channels, const Body& body) {
  std::size_t i = 0;
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t y = 0; y < layout.height; ++y)
      for (std::int64_t x = 0; x < layout.width; ++x)
        for (std::int64_t c = 0; c < channels; ++c) body(i++, n, y, x, c);
}

// x (count, H, W, channels) in the layout, by plain loops.
Activation laid_out(const std::vector<float>& x, const Layout& layout, std::int64_t count, std::int64_t channels) {
  Activation result(layout, count);
  for_each_value(layout, count, channels,
                 [&](std::size_t i, auto... at) { result.set(at..., in_parts(x[i], parts_of(layout))); });
  return result;
}

struct Shaped {
  Layout layout;
  std::int64_t channels;  // that are not padding
};

std::vector<Shaped> shapes() {
  std::vector<Shaped> result;
  for (const std::int64_t parts : {1, 2})
    for (const Shaped& s :
         {Shaped{{.height = 4, .width = 16, .channels = 16}, 16}, Shaped{{.height = 4, .width = 16, .channels = 32}, 3},
          Shaped{{.height = 2, .width = 6, .channels = 32, .images = 4}, 17},
          Shaped{{.height = 6, .width = 8, .channels = 64, .images = 2, .split = true}, 40},
          Shaped{{.height = 2, .width = 2, .channels = 64, .images = 8}, 48},
          Shaped{{.height = 1, .width = 1, .channels = 96, .images = 16}, 95}}) {
      result.push_back(s);
      result.back().layout.parts = parts;
    }
  return result;
}

TEST_F(AmxConvert, PacksAndUnpacks) {
  for (const auto& [layout, channels] : shapes())
    for (const std::int64_t count : {std::int64_t{1}, layout.images + 1, 2 * layout.images}) {
      SCOPED_TRACE(testing::PrintToString(layout));
      const std::int64_t size = count * layout.height * layout.width * channels;
      const std::vector<float> x = normal_values(size, 3);
      Activation packed(layout, count);
      pack(x.data(), count, channels, layout, packed.data());
      EXPECT_TRUE(packed == laid_out(x, layout, count, channels)) << count << " images";
      std::vector<float> back(index(size + 1), 1234.5F);
      unpack(packed.data(), layout, count, channels, back.data());
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(back[i], rounded(x[i], parts_of(layout))) << i;
      EXPECT_EQ(back.back(), 1234.5F);
    }
}

TEST_F(AmxConvert, MaxPool) {
  for (const auto& [y_layout, channels] : shapes()) {
    if (y_layout.channels == 16) continue;  // pooling reads and writes whole vectors of 32
    SCOPED_TRACE(testing::PrintToString(y_layout));
    const std::int64_t count = y_layout.images + 1;
    Layout x_layout = y_layout;
    x_layout.height *= 2;
    x_layout.width *= 2;
    x_layout.images = std::max<std::int64_t>(1, y_layout.images / 2);
    x_layout.split = false;
    const std::vector<float> x = normal_values(count * x_layout.height * x_layout.width * channels, 4);
    const Activation from = laid_out(x, x_layout, count, channels);
    Activation to(y_layout, count), expected(y_layout, count);
    for_each_value(y_layout, count, channels,
                   [&](std::size_t, std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) {
                     float largest = -std::numeric_limits<float>::infinity();
                     for (std::int64_t i = 0; i < 4; ++i)
                       largest = std::max(largest, number(from.at(n, 2 * row + i / 2, 2 * column + i % 2, c)));
                     expected.set(n, row, column, c, in_parts(largest, parts_of(y_layout)));
                   });
    max_pool_2x2(from.data(), x_layout, count, y_layout, to.data());
    EXPECT_TRUE(to == expected);
  }
}

TEST_F(AmxConvert, AveragePoolSumsLineByLine) {
  for (const auto& [layout, channels] : shapes()) {
    if (layout.split) continue;
    SCOPED_TRACE(testing::PrintToString(layout));
    const std::int64_t count = layout.images + 1;
    const std::vector<float> x = normal_values(count * layout.height * layout.width * channels, 5);
    const Activation from = laid_out(x, layout, count, channels);
    std::vector<float> sums(index(count * channels), 0.0F), y(sums.size() + 1, 1234.5F);
    for_each_value(layout, count, channels,
                   [&](std::size_t, std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) {
                     sums[index(n * channels + c)] += number(from.at(n, row, column, c));
                   });
    average_pool(from.data(), layout, count, channels, y.data());
    for (std::size_t i = 0; i < sums.size(); ++i)
      EXPECT_EQ(y[i], sums[i] / static_cast<float>(layout.height * layout.width)) << i;
    EXPECT_EQ(y.back(), 1234.5F);
  }
}

TEST_F(AmxConvert, PacksImages) {
  constexpr std::int64_t kCount = 3, kHeight = 4, kWidth = 16;
  for (const std::int64_t parts : {1, 2})
    for (const std::int64_t channels : {1, 3, 4}) {
      const std::int64_t bytes = image_bytes(kHeight, kWidth, parts), line = image_line(kWidth, parts);
      EXPECT_EQ(bytes % 64, 0);
      // The last tile of the last line reads 64 bytes at each of its positions.
      EXPECT_LE((kHeight + 1) * line + (kWidth - 1) * 8 * parts + 64, bytes);
      const std::vector<float> x = normal_values(kCount * kHeight * kWidth * channels, 6);
      std::vector<std::byte> packed(index(kCount * bytes + 64), std::byte{0x5A}), expected(packed);
      std::fill_n(expected.begin(), kCount * bytes, std::byte{0});
      const Layout plain{.height = kHeight, .width = kWidth};
      for_each_value(plain, kCount, channels,
                     [&](std::size_t i, std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) {
                       std::byte* pixel = expected.data() + n * bytes + (row + 1) * line + (column + 1) * 8 * parts;
                       const Parts as = parts == 2 ? Parts::two : Parts::one;
                       write_parts(in_parts(x[i], as), pixel + 2 * c, 8, as);
                     });
      pack_images(x.data(), kCount, kHeight, kWidth, channels, parts, packed.data());
      EXPECT_TRUE(packed == expected) << channels << " channels, parts " << parts;
    }
}

TEST_F(AmxConvert, LargestMagnitude) {
  constexpr InParts kNaN{0x7FC0, 0}, kInfinity{0xFF80, 0};
  for (const auto& [layout, channels] : shapes()) {
    SCOPED_TRACE(testing::PrintToString(layout));
    const std::int64_t count = layout.images;
    const std::vector<float> x = normal_values(count * layout.height * layout.width * channels, 7);
    const Activation clean = laid_out(x, layout, count, channels);
    double largest = 0;
    for (const float value : x) largest = std::max(largest, static_cast<double>(std::abs(rounded(value, Parts::one))));
    EXPECT_EQ(largest_magnitude(clean.data(), layout, count), largest);

    const auto with = [&](InParts value) {
      Activation changed = clean;
      changed.set(count - 1, layout.height - 1, layout.width - 1, channels - 1, value);
      return largest_magnitude(changed.data(), layout, count);
    };
    EXPECT_EQ(with(in_parts(-1e30F, Parts::one)), static_cast<double>(rounded(1e30F, Parts::one)));
    EXPECT_TRUE(std::isinf(with(kInfinity)));
    EXPECT_TRUE(std::isnan(with(kNaN)));
    // A NaN is not forgotten over what comes later.
    Activation both = clean;
    both.set(0, 0, 0, 0, kNaN);
    both.set(count - 1, layout.height - 1, layout.width - 1, channels - 1, kInfinity);
    EXPECT_TRUE(std::isnan(largest_magnitude(both.data(), layout, count)));
    EXPECT_TRUE(layout.parts == 1 || std::isnan(with({nearest_bf16(1), kNaN.value})));
  }
}

}  // namespace
}  // namespace basin::amx
