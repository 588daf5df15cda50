// StepKernels::load_batch of every back end against plain code, f32 to the last bit.
#pragma once
#include <gtest/gtest.h>

#include "tests/core/step_device.h"
#include "tests/expect_error.h"

namespace basin {

// Images whose every byte tells where it is, and any table.
struct LoadBatchCase {
  std::int64_t count, height, width, channels;
  std::vector<std::int32_t> order;  // empty: none
  bool augment = false;
  std::int64_t padding = 4;

  std::int64_t image_size() const { return height * width * channels; }
  std::vector<std::uint8_t> pixels() const {
    std::vector<std::uint8_t> bytes;
    for (std::int64_t i = 0; i < count * image_size(); ++i) bytes.push_back(static_cast<std::uint8_t>(1 + i * 7 % 251));
    return bytes;
  }
  std::vector<float> table() const { return eighths(channels * 256, 77); }
  std::vector<std::int32_t> labels() const {
    std::vector<std::int32_t> values;
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<std::int32_t>(100 + i));
    return values;
  }
  std::int64_t image(std::int64_t place) const {
    return order.empty() ? place : order[static_cast<std::size_t>(place)];
  }

  // Element (row, column, c) of `image` in `epoch`: pad with zeros, crop, mirror.
  float expected(std::uint64_t seed, std::int64_t epoch, std::int64_t image, std::int64_t row, std::int64_t column,
                 std::int64_t c) const {
    if (augment) {
      const Random random(seed, random_stream("augmentation", static_cast<std::uint64_t>(epoch)));
      const auto draw = static_cast<std::uint64_t>(3 * image), offsets = static_cast<std::uint64_t>(2 * padding + 1);
      if (random.below(2, draw + 2) == 1) column = width - 1 - column;
      row += static_cast<std::int64_t>(random.below(offsets, draw)) - padding;
      column += static_cast<std::int64_t>(random.below(offsets, draw + 1)) - padding;
    }
    if (row < 0 || row >= height || column < 0 || column >= width) return 0;
    const std::int64_t at = ((image * height + row) * width + column) * channels + c;
    return table()[static_cast<std::size_t>(c * 256 + 1 + at * 7 % 251)];
  }
  std::vector<float> expected(std::uint64_t seed, std::int64_t epoch, std::int64_t begin, std::int64_t images) const {
    std::vector<float> values;
    for (std::int64_t n = begin; n < begin + images; ++n)
      for (std::int64_t i = 0; i < image_size(); ++i)
        values.push_back(expected(seed, epoch, image(n), i / channels / width, i / channels % width, i % channels));
    return values;
  }
};

inline std::vector<LoadBatchCase> load_batch_cases() {
  return {{.count = 5, .height = 8, .width = 8, .channels = 3, .order = {}},
          {.count = 5, .height = 8, .width = 8, .channels = 3, .order = {4, 2, 0, 3, 1}},
          {.count = 6, .height = 8, .width = 8, .channels = 3, .order = {5, 4, 2, 0, 3, 1}, .augment = true},
          {.count = 4, .height = 5, .width = 7, .channels = 1, .order = {3, 0, 1, 2}, .augment = true, .padding = 2},
          {.count = 4, .height = 3, .width = 2, .channels = 4, .order = {}, .augment = true, .padding = 9},
          {.count = 4, .height = 3, .width = 5, .channels = 2, .order = {}, .augment = true, .padding = 0}};
}

template <class Device>
class LoadBatchTest : public ::testing::Test {
 protected:
  ImageSource source(const LoadBatchCase& one) {
    return {
        .images = device.template array<std::uint8_t>({one.count, one.height, one.width, one.channels}, one.pixels()),
        .labels = device.template array<std::int32_t>({one.count}, one.labels()),
        .order = one.order.empty() ? ConstView{} : device.template array<std::int32_t>({one.count}, one.order),
        .table = device.template array<float>({one.channels, 256}, one.table()),
        .augment = one.augment,
        .padding = one.padding,
        .seed = kSeed};
  }
  // Images 1, 2, ... of the epoch, `offset` elements after an aligned address.
  template <class T>
  std::vector<T> load(const LoadBatchCase& one, std::int64_t epoch, std::int64_t images, std::int64_t offset) {
    StepNumbers numbers;
    numbers[StepCounter::epoch] = epoch;
    numbers[StepCounter::begin] = 1;
    const StepRun run(device, numbers);
    const View x = device.template empty<T>({images, one.height, one.width, one.channels}, offset);
    const View labels = device.template empty<std::int32_t>({images});
    device.kernels().load_batch(source(one), run.state(), x, labels);
    EXPECT_EQ(run.read(), numbers);
    const auto found = device.template values<std::int32_t>(labels);
    for (std::int64_t n = 0; n < images; ++n)
      EXPECT_EQ(found[static_cast<std::size_t>(n)], 100 + one.image(1 + n)) << "label " << n;
    return device.template values<T>(x);
  }

  static constexpr std::uint64_t kSeed = 0x123456789abcdef;
  Device device;
};
TYPED_TEST_SUITE_P(LoadBatchTest);

TYPED_TEST_P(LoadBatchTest, IsTheFormulaToTheLastBit) {
  for (const LoadBatchCase& one : load_batch_cases())
    for (const std::int64_t epoch : {0, 3})
      for (const std::int64_t offset : {0, 1})
        EXPECT_EQ(this->template load<float>(one, epoch, 3, offset), one.expected(this->kSeed, epoch, 1, 3))
            << one.height << " x " << one.width << " x " << one.channels << ", padding " << one.padding;
}

TYPED_TEST_P(LoadBatchTest, RefusesWhatDoesNotFit) {
  const LoadBatchCase one = load_batch_cases()[0];
  const StepRun run(this->device);
  const ImageSource source = this->source(one);
  const auto load = [&](const ImageSource& from, const Shape& x, const Shape& labels) {
    this->device.kernels().load_batch(from, run.state(), this->device.template empty<float>(x),
                                      this->device.template empty<std::int32_t>(labels));
  };
  expect_error([&] { load(source, {2, 8, 9, 3}, {2}); }, {"load_batch", "(2, 8, 9, 3)", "(5, 8, 8, 3)"});
  expect_error([&] { load(source, {2, 8, 8, 3}, {3}); }, {"load_batch", "labels", "(3)", "(2)"});
  ImageSource other = source;
  other.table = this->device.template array<float>({1, 256}, eighths(256, 0));
  expect_error([&] { load(other, {2, 8, 8, 3}, {2}); }, {"table", "(1, 256)", "(3, 256)"});
  other = source;
  other.padding = -1;
  expect_error([&] { load(other, {2, 8, 8, 3}, {2}); }, {"padding is -1"});
}

REGISTER_TYPED_TEST_SUITE_P(LoadBatchTest, IsTheFormulaToTheLastBit, RefusesWhatDoesNotFit);

}  // namespace basin
