// The CUDA back end, emulated, as programs see it: memory, recorded work, copies under way, empty tensors.
#include "cuda/cuda_backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/operations.h"
#include "cuda/simt/allocations.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

using Values = std::vector<float>;

Backend& device() { return cuda::cuda_backend(0); }
Tensor tensor(const Values& values) {
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, device());
}

TEST(CudaBackend, SaysWhatItIs) {
  EXPECT_EQ(device().name(), "cuda:0");
  EXPECT_EQ(&device(), &cuda::cuda_backend(0));
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) EXPECT_TRUE(device().computes(type));
  for (const DType type : {DType::f64, DType::i32, DType::u8}) EXPECT_FALSE(device().computes(type));
  expect_error([] { cuda::cuda_backend(7); }, {"device 7"});
}

TEST(CudaBackend, TakesEmptyTensorsAndTensorsWithoutAxes) {
  const Tensor empty = Tensor::zeros({0, 3}, DType::f32, device());
  EXPECT_EQ((empty + empty * 2).to_vector<float>(), Values{});
  EXPECT_EQ(sum(empty, {0}).to_vector<float>(), (Values{0, 0, 0}));
  EXPECT_EQ(sum(empty).item(), 0);
  EXPECT_EQ(matmul(Tensor::zeros({2, 0}, DType::f32, device()), empty).to_vector<float>(), Values(6, 0));
  EXPECT_EQ(device().sum_of_squares(empty.view()), 0);
  EXPECT_TRUE(device().all_finite(empty.view()));
  const Tensor images = Tensor::zeros({0, 6, 6, 4}, DType::f32, device());
  const Tensor weight = Tensor::zeros({5, 3, 3, 4}, DType::f32, device());
  const Tensor y = max_pool2d(relu(conv2d(images, weight, {.stride = 1, .padding = 1})), {});
  EXPECT_EQ(y.shape(), (Shape{0, 3, 3, 5}));
  const Tensors g = gradient(sum(average_pool2d(y, {.kernel = 3, .stride = 3})), {images, weight});
  EXPECT_EQ(g[0].shape(), images.shape());
  EXPECT_EQ(g[1].to_vector<float>(), Values(5 * 3 * 3 * 4, 0));
  EXPECT_EQ(concat({empty, Tensor::full({1, 3}, 2, DType::f32, device())}, 0).to_vector<float>(), (Values{2, 2, 2}));
  EXPECT_EQ(cast(slice(empty, 1, 0, 2), DType::f16).shape(), (Shape{0, 2}));
  const Tensor labels = Tensor::from<std::int32_t>({0}, std::vector<std::int32_t>{}, device());
  EXPECT_EQ(softmax_cross_entropy(empty, labels).to_vector<float>(), Values{});
  const Tensor scalar = Tensor::full({}, 3, DType::f32, device());
  EXPECT_EQ((scalar * scalar - 1).item(), 8);
}

TEST(CudaBackend, TakesRowsAtAnyAddress) {
  const Tensor x = Tensor::from<float>({4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, device());
  const Tensor rows = x.rows(1, 3);
  EXPECT_NE(reinterpret_cast<std::uintptr_t>(rows.view().data) % 16, 0u);
  EXPECT_EQ((rows + rows).to_vector<float>(), (Values{8, 10, 12, 14, 16, 18}));
  EXPECT_EQ(sum(rows, {0}).to_vector<float>(), (Values{11, 13, 15}));
  EXPECT_EQ(matmul(rows, x, false, true).to_vector<float>(), (Values{32, 77, 122, 167, 50, 122, 194, 266}));
}

TEST(CudaBackend, CopiesToTheHostWithoutWaiting) {
  const Tensor x = tensor({1, 2, 3});
  const auto first = device().start_copy_to_host(x.view().data, 12);
  device().affine(x.view(), 10, 0, x.mutable_view());
  auto second = device().start_copy_to_host(x.view().data, 12);
  const auto values = [](PendingCopy& copy) {
    Values found(3);
    std::memcpy(found.data(), copy.wait(), 12);
    return found;
  };
  EXPECT_EQ(values(*first), (Values{1, 2, 3}));
  EXPECT_EQ(values(*second), (Values{10, 20, 30}));
  EXPECT_TRUE(first->ready() && second->ready());
  const void* kept = second->wait();
  second = nullptr;
  EXPECT_EQ(device().start_copy_to_host(x.view().data, 12)->wait(), kept);  // the buffer is used again
}

// y = y * 2 + x by kernels and memory of its own.
TEST(CudaBackend, RunsRecordedWorkAgain) {
  const Tensor x = tensor({1, 2}), y = tensor({0, 10});
  const auto work = device().record([&] {
    const Tensor next = y.detach() * 2 + x;
    device().copy(y.mutable_view().data, next.view().data, 8);
  });
  EXPECT_EQ(y.to_vector<float>(), (Values{0, 10}));
  work->run();
  EXPECT_EQ(y.to_vector<float>(), (Values{1, 22}));
  work->run();
  work->run();
  EXPECT_EQ(y.to_vector<float>(), (Values{7, 94}));
}

TEST(CudaBackend, RecordedWorkKeepsTheValuesOfTheHost) {
  double factor = 3;
  Values host{1, 2};
  Tensor y;
  const auto work = device().record([&] { y = tensor(host) * factor; });
  factor = -1;
  host = {-1, -1};
  work->run();
  EXPECT_EQ(y.to_vector<float>(), (Values{3, 6}));
}

TEST(CudaBackend, WhatRecordedWorkAllocatesIsItsOwn) {
  const Tensor x = tensor({1, 2});
  Tensor y, other;
  {
    const void* inside = nullptr;
    const auto work = device().record([&] {
      const void* first = nullptr;
      {
        const Tensor doubled = x * 2;
        first = doubled.view().data;
      }
      const Tensor tripled = x * 3;
      EXPECT_EQ(tripled.view().data, first);  // inside, memory is used again
      inside = first;
      y = tripled + 1;
    });
    other = x * 5;
    EXPECT_NE(other.view().data, inside);
    work->run();
    EXPECT_EQ(y.to_vector<float>(), (Values{4, 7}));
    EXPECT_EQ(other.to_vector<float>(), (Values{5, 10}));
  }
  EXPECT_EQ((y + other).to_vector<float>(), (Values{9, 17}));  // y outlives the work
}

TEST(CudaBackend, RecordedWorkThatFailsIsForgotten) {
  const Tensor x = tensor({1, 2});
  expect_error([&] { device().record([&] { (x + tensor({1, 2, 3})).item(); }); }, {"(2)", "(3)"});
  expect_error([&] { device().record([&] { (x * 2).to_vector<float>(); }); }, {"captured"});
  expect_error([&] { device().record([] { device().synchronize(); }); }, {"captured"});
  EXPECT_EQ((x * 2).to_vector<float>(), (Values{2, 4}));
}

TEST(CudaBackend, SaysWhatMemoryIsMissing) {
  const std::size_t total = simt::memory().total_bytes;
  simt::set_total_memory(simt::memory().allocated_bytes + (1 << 20));
  expect_error([] { Tensor::empty({std::int64_t{1} << 20}, DType::f32, device()); },
               {"cuda:0 (SIMT emulator)", "no memory for 4.0 MiB", "are free"});
  simt::set_total_memory(total);
  EXPECT_EQ((tensor({1}) + 1).item(), 2);
}

}  // namespace
}  // namespace basin
