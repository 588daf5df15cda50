#include "cuda/kernels/shape.h"

#include <cmath>

#include "core/random.h"
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();
const std::vector<DType> kTypes = {DType::u8, DType::bf16, DType::i32, DType::f32, DType::f64};
using Bytes = std::vector<std::uint8_t>;

Bytes random_bytes(const Shape& shape, DType type, std::uint64_t index) {
  const Random random(11, random_stream("moved bytes", index));
  Bytes bytes(static_cast<std::size_t>(shape.count()) * size_of(type));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(random.bits(i));
  return bytes;
}

// kernel(x, y) and cpu_kernel(x, y) move the same bytes, whatever the type and wherever the data begin, and nothing
// beyond y. y begins with values of its own where `kept` says so.
template <class Kernel, class CpuKernel>
void check_moves(const std::string& name, const Shape& from, const Shape& to, bool kept, const Kernel& kernel,
                 const CpuKernel& cpu_kernel) {
  for (const DType type : kTypes) {
    SCOPED_TRACE(name + " " + std::string(name_of(type)) + " " + ::testing::PrintToString(from) + " to " +
                 ::testing::PrintToString(to));
    const auto size = static_cast<std::int64_t>(size_of(type));
    const Bytes x = random_bytes(from, type, 0), before = random_bytes(to, type, 1);
    Bytes expected = before;
    cpu_kernel(ConstView{x.data(), type, from}, View{expected.data(), type, to});
    for (const std::int64_t offset : {std::int64_t{0}, size}) {
      const DeviceArray<std::uint8_t> in({from.count() * size}, x, offset);
      const DeviceArray<std::uint8_t> out = kept ? DeviceArray<std::uint8_t>({to.count() * size}, before, offset)
                                                 : DeviceArray<std::uint8_t>({to.count() * size}, offset);
      kernel(ConstView{in.data(), type, from}, View{out.data(), type, to});
      EXPECT_EQ(out.values(), expected);
      EXPECT_TRUE(out.sentinel_intact());
    }
  }
}

TEST(CudaShape, ExpandEqualsTheCpus) {
  const std::pair<Shape, Shape> cases[] = {{{}, {}},
                                           {{1}, {1}},
                                           {{1}, {33}},
                                           {{31}, {31}},
                                           {{1, 16}, {7, 16}},
                                           {{7, 1}, {7, 32}},
                                           {{7, 1}, {7, 31}},
                                           {{1, 1, 1, 5}, {2, 3, 4, 5}},
                                           {{2, 1, 3, 1}, {2, 5, 3, 7}},
                                           {{2, 1, 3, 1, 16}, {2, 5, 3, 7, 16}},
                                           {{1, 3, 1, 4, 1}, {2, 3, 1, 4, 16}},
                                           {{0, 1}, {0, 4}}};
  for (const auto& [from, to] : cases)
    check_moves(
        "expand", from, to, false, [](const ConstView& x, const View& y) { expand(Stream(), x, y); },
        [](const ConstView& x, const View& y) { cpu.expand(x, y); });
}

struct SliceCase {
  Shape whole;
  int axis;
  std::int64_t begin, extent;
};
const std::vector<SliceCase> kSlices = {{{33}, 0, 0, 33},     {{33}, 0, 7, 19},           {{5, 7}, 0, 1, 3},
                                        {{5, 7}, 1, 2, 4},    {{2, 3, 4, 48}, 3, 0, 32},  {{2, 3, 4, 48}, 3, 32, 16},
                                        {{2, 9, 5}, 1, 3, 0}, {{2, 3, 4, 50}, 3, 12, 13}, {{3, 4, 8}, 1, 2, 2},
                                        {{4, 1, 2}, 2, 1, 1}};

TEST(CudaShape, SlicesEqualTheCpus) {
  for (const auto& [whole, axis, begin, extent] : kSlices) {
    Shape part = whole;
    part[axis] = extent;
    check_moves(
        "read_slice", whole, part, false,
        [axis = axis, begin = begin](const ConstView& x, const View& y) { read_slice(Stream(), x, axis, begin, y); },
        [axis = axis, begin = begin](const ConstView& x, const View& y) { cpu.read_slice(x, axis, begin, y); });
    check_moves(
        "write_slice", part, whole, true,
        [axis = axis, begin = begin](const ConstView& x, const View& y) { write_slice(Stream(), x, axis, begin, y); },
        [axis = axis, begin = begin](const ConstView& x, const View& y) { cpu.write_slice(x, axis, begin, y); });
  }
}

TEST(CudaShape, GatherEqualsTheCpus) {
  for (const std::int64_t count : {1, 31, 257}) {
    const Random random(11, 3);
    std::vector<std::int32_t> indices(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int32_t>(random.below(37, i));
    const DeviceArray<std::int32_t> on_device({count}, indices, count % 3);
    check_moves(
        "gather", {37}, {count}, false,
        [&](const ConstView& x, const View& y) { gather(Stream(), x, on_device.view(), y); },
        [&](const ConstView& x, const View& y) {
          cpu.gather(x, {indices.data(), DType::i32, {count}}, y);
        });
  }
}

TEST(CudaShape, GatherFromOutsideIsNan) {
  const DeviceArray<float> x({3}, {1, 2, 3}), y({5});
  const DeviceArray<std::int32_t> indices({5}, {2, -1, 3, 0, 1 << 30});
  gather(Stream(), x.view(), indices.view(), y.view());
  const std::vector<float> found = y.values();
  EXPECT_EQ(found[0], 3);
  EXPECT_EQ(found[3], 1);
  for (const int i : {1, 2, 4}) EXPECT_TRUE(std::isnan(found[i])) << i;
}

// The concatenation of a DenseNet: a layer's 32 channels among 64.
TEST(CudaShape, SlicesMoveWhatTheirCostSaysInWholeSectors) {
  const Shape whole = {2, 8, 8, 64}, part = {2, 8, 8, 32};
  const DeviceArray<float> all(whole, std::vector<float>(static_cast<std::size_t>(whole.count()), 1)), one(part);
  const Cost cost = slice_cost(part.count(), DType::f32);
  const auto check_counters = [&](const auto& kernel) {
    simt::options().count_requests = true;
    simt::reset_counters();
    kernel();
    const simt::Counters counted = simt::counters();
    simt::options().count_requests = false;
    EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
    EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
    EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
  };
  check_counters([&] { read_slice(Stream(), all.view(), 3, 32, one.view()); });
  check_counters([&] { write_slice(Stream(), one.view(), 3, 32, all.view()); });
}

TEST(CudaShape, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({2, 3}, std::vector<float>(6, 1)), y({2, 2}), z({4});
  const DeviceArray<std::int32_t> indices({2}, {0, 1});
  expect_error([&] { expand(Stream(), x.view(), y.view()); }, {"(2, 3)", "does not expand to", "(2, 2)"});
  expect_error([&] { expand(Stream(), x.view(), z.view()); }, {"(2, 3)", "(4)", "differ in rank"});
  expect_error([&] { read_slice(Stream(), x.view(), 1, 2, y.view()); }, {"read_slice", "(2, 2) at 2 of axis 1"});
  expect_error([&] { read_slice(Stream(), x.view(), 0, 0, y.view()); }, {"(2, 2) is no slice of (2, 3) along axis 0"});
  expect_error([&] { write_slice(Stream(), y.view(), 2, 0, x.view()); }, {"write_slice", "no axis 2"});
  expect_error([&] { gather(Stream(), x.view(), indices.view(), z.view()); }, {"gather", "(2)", "do not fit", "(4)"});
}

}  // namespace
}  // namespace basin::cuda
