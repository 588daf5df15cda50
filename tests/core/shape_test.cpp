#include "core/shape.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace basin {
namespace {

TEST(HalfPrecision, EveryFloat16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_float16(value))));
    } else {
      EXPECT_EQ(to_float16(value).bits, half.bits);
    }
  }
}

TEST(HalfPrecision, EveryBfloat16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bfloat16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_bfloat16(value))));
    } else {
      EXPECT_EQ(to_bfloat16(value).bits, half.bits);
    }
  }
}

TEST(HalfPrecision, RoundsToNearestEven) {
  EXPECT_EQ(to_float16(1 + 0x1p-11f).bits, 0x3C00);  // half way: down to even
  EXPECT_EQ(to_float16(1 + 0x1p-11f + 0x1p-20f).bits, 0x3C01);
  EXPECT_EQ(to_float16(1 + 0x3p-11f).bits, 0x3C02);  // half way: up to even
  EXPECT_EQ(to_float16(0x1p-25f).bits, 0x0000);      // half of the least subnormal
  EXPECT_EQ(to_float16(0x1.8p-25f).bits, 0x0001);
  EXPECT_EQ(to_float16(65519.0f).bits, 0x7BFF);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7C00);
  EXPECT_EQ(to_float16(-std::numeric_limits<float>::infinity()).bits, 0xFC00);
  EXPECT_EQ(to_bfloat16(1 + 0x1p-8f).bits, 0x3F80);
  EXPECT_EQ(to_bfloat16(1 + 0x3p-8f).bits, 0x3F82);
}

TEST(ShapeText, IsWrittenLikeATuple) {
  std::ostringstream out;
  out << Shape{128, 32, 32, 16} << Shape{};
  EXPECT_EQ(out.str(), "(128, 32, 32, 16)()");
  EXPECT_EQ(Shape{}.count(), 1);
}

}  // namespace
}  // namespace basin
