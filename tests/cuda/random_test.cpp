#include "cuda/kernels/random.h"

#include "core/random.h"
#include "cuda/kernels/philox.cuh"
#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

constexpr std::uint64_t kSeed = 0x123456789abcdef, kStream = 0xfedcba9876543210;

TEST(CudaRandom, DrawsAsTheHostDoes) {
  const Random host(kSeed, kStream);
  const DeviceRandom device(kSeed, kStream);
  for (const std::uint64_t index : {0ull, 1ull, 2ull, 3ull, 1001ull, 0xffffffffull, 0x100000000ull, ~0ull}) {
    EXPECT_EQ(device.bits(index), host.bits(index)) << index;
    EXPECT_EQ(device.uniform(index), host.uniform(index)) << index;
    EXPECT_EQ(device.normal(index), host.normal(index)) << index;
    EXPECT_EQ(device.normal_pair(index).first, host.normal_pair(index)[0]) << index;
    EXPECT_EQ(device.normal_pair(index).second, host.normal_pair(index)[1]) << index;
    for (const std::uint64_t count : {1ull, 2ull, 9ull, 50000ull, 0xffffffffull})
      EXPECT_EQ(device.below(count, index), host.below(count, index)) << index << " below " << count;
  }
}

TEST(CudaRandom, PhiloxGivesItsAuthorsNumbers) {  // kat_vectors of Random123: philox4x32, 10 rounds
  const PhiloxWords zeros = philox4x32({{0, 0, 0, 0}}, 0, 0);
  const std::uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(zeros.word[i], expected[i]);
}

template <class T>
void check_draws(std::int64_t size, std::int64_t offset) {
  SCOPED_TRACE(std::string(name_of(dtype_of<T>)) + ", " + std::to_string(size) + " values at " +
               std::to_string(offset));
  const Random random(kSeed, kStream);
  const DeviceArray<T> normals({size}, offset), uniforms({size}, offset);
  normal(Stream(), kSeed, kStream, normals.view());
  uniform(Stream(), kSeed, kStream, uniforms.view());
  const std::vector<T> normal_values = normals.values(), uniform_values = uniforms.values();
  for (std::size_t i = 0; i < normal_values.size(); ++i) {
    ASSERT_EQ(number(normal_values[i]), number(stored<T>(random.normal(i)))) << i;
    ASSERT_EQ(number(uniform_values[i]), number(stored<T>(random.uniform(i)))) << i;
  }
  EXPECT_TRUE(normals.sentinel_intact());
  EXPECT_TRUE(uniforms.sentinel_intact());
}

TEST(CudaRandom, FillsEqualTheHostsNumbersOfTheirIndex) {
  for (const std::int64_t size : {1, 2, 31, 512, 1021})
    for (const std::int64_t offset : {0, 1}) {
      check_draws<float>(size, offset);
      check_draws<float16>(size, offset);
      check_draws<bfloat16>(size, offset);
    }
}

TEST(CudaRandom, EqualsTheCpuBackEndWhateverTheOrderOfWarps) {
  const Shape shape = {3, 171};
  std::vector<float> expected(static_cast<std::size_t>(shape.count()));
  cpu_backend().normal(3, 4, {expected.data(), DType::f32, shape});
  for (const std::uint64_t seed : {1, 2}) {
    simt::options().seed = seed;
    const DeviceArray<float> y(shape);
    normal(Stream(), 3, 4, y.view());
    EXPECT_EQ(y.values(), expected);
  }
  simt::options().seed = 1;
}

TEST(CudaRandom, WritesWholeSectors) {
  const DeviceArray<float> y({2048});
  simt::options().count_requests = true;
  simt::reset_counters();
  normal(Stream(), 1, 2, y.view());
  uniform(Stream(), 1, 2, y.view());
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  EXPECT_EQ(counted.global_written_bytes, 2u * 2048 * 4);
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
}

TEST(CudaRandom, RefusesIntegers) {
  const DeviceArray<std::int32_t> y({4});
  expect_error([&] { normal(Stream(), 1, 2, y.view()); }, {"normal: f32, f16 or bf16 expected, found i32"});
}

}  // namespace
}  // namespace basin::cuda
