// One check for every kernel of a back end on plain views. The f32 result must be as near to the exact one as twice the
// error of a plain float loop, plus 4 ulp; outputs start as NaN and are followed by a sentinel that must survive; a
// second run and runs on 1, 2 and 7 threads must give the same bits.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/parallel.h"
#include "core/random.h"

namespace basin {

template <class T>
using Lists = std::vector<std::vector<T>>;  // the values of several arrays

struct KernelInput {
  Shape shape;
  std::vector<double> values;
  DType dtype = DType::f32;  // f32 stands for the floating-point type under test; i32 stays i32
};

// Normal values, rounded to float so that the f32 and f64 kernels see the same ones.
inline KernelInput normal_input(const Shape& shape, std::uint64_t index, double mean = 0, double deviation = 1) {
  const Random random(7, random_stream("kernel input", index));
  KernelInput input{shape, std::vector<double>(static_cast<std::size_t>(shape.count()))};
  for (std::size_t i = 0; i < input.values.size(); ++i)
    input.values[i] = static_cast<float>(mean + deviation * random.normal(i));
  return input;
}

inline KernelInput index_input(const Shape& shape, std::uint64_t below, std::uint64_t index = 0) {
  const Random random(7, random_stream("kernel index", index));
  KernelInput input{shape, std::vector<double>(static_cast<std::size_t>(shape.count())), DType::i32};
  for (std::size_t i = 0; i < input.values.size(); ++i) input.values[i] = static_cast<double>(random.below(below, i));
  return input;
}

// Values of element type T as a view, with a sentinel behind them.
template <class T>
class KernelArray {
 public:
  KernelArray(const Shape& shape, DType dtype)
      : shape_(shape), dtype_(dtype), values_(static_cast<std::size_t>(shape.count() + kSentinels), sentinel()) {
    std::fill(values_.begin(), values_.end() - kSentinels, std::numeric_limits<T>::quiet_NaN());
  }
  explicit KernelArray(const KernelInput& input) : KernelArray(input.shape, dtype_of<T>) {
    for (std::size_t i = 0; i < input.values.size(); ++i) values_[i] = static_cast<T>(input.values[i]);
  }

  View view() { return {values_.data(), dtype_, shape_}; }
  std::vector<T> values() const { return {values_.begin(), values_.end() - kSentinels}; }
  bool sentinel_intact() const {
    return std::all_of(values_.end() - kSentinels, values_.end(), [](T v) { return v == sentinel(); });
  }

 private:
  static constexpr std::int64_t kSentinels = 16;
  static T sentinel() { return static_cast<T>(-12345); }

  Shape shape_;
  DType dtype_;
  std::vector<T> values_;
};

using KernelInputs = std::vector<KernelInput>;

// Calls kernel(inputs, outputs) in precision T on poisoned outputs and returns their values.
template <class T, class Kernel>
Lists<T> run_kernel(const KernelInputs& inputs, const std::vector<Shape>& outputs, const Kernel& kernel) {
  std::vector<KernelArray<T>> in, out;
  std::vector<std::vector<std::int32_t>> indices;
  std::vector<ConstView> in_views;
  std::vector<View> out_views;
  in.reserve(inputs.size());
  for (const KernelInput& input : inputs) {
    if (input.dtype == DType::i32) {
      indices.emplace_back(input.values.begin(), input.values.end());
      in_views.push_back({indices.back().data(), DType::i32, input.shape});
    } else {
      in_views.push_back(in.emplace_back(input).view());
    }
  }
  out.reserve(outputs.size());
  for (const Shape& shape : outputs) out_views.push_back(out.emplace_back(shape, dtype_of<T>).view());
  kernel(in_views, out_views);
  Lists<T> values;
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_TRUE(out[i].sentinel_intact()) << "output " << i << " is written past its end";
    values.push_back(out[i].values());
  }
  return values;
}

template <class T>
double largest_error(const std::vector<T>& found, const std::vector<double>& exact, std::size_t* where = nullptr) {
  double largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double error = found[i] == exact[i] ? 0 : std::abs(static_cast<double>(found[i]) - exact[i]);
    if (!(error <= largest)) {
      largest = error == error ? error : std::numeric_limits<double>::infinity();
      if (where) *where = i;
    }
  }
  return largest;
}

template <class T>
void expect_near_exact(const std::string& name, const std::vector<T>& found, const std::vector<double>& exact,
                       double limit) {
  ASSERT_EQ(found.size(), exact.size()) << name;
  std::size_t i = 0;
  if (!(largest_error(found, exact, &i) <= limit))
    ADD_FAILURE() << name << " [" << i << "]: found " << found[i] << ", exact " << exact[i] << ", limit " << limit;
}

template <class T>
void expect_same_bits(const std::string& name, const Lists<T>& a, const Lists<T>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(a[i].size() == b[i].size() &&
                (a[i].empty() || std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(T)) == 0))
        << name << ", output " << i;
}

// `reference` is a plain loop, generic over the element type: reference(Lists<T> inputs) gives the outputs' values.
template <class Kernel, class Reference>
void check_kernel(const std::string& name, const KernelInputs& inputs, const std::vector<Shape>& outputs,
                  const Kernel& kernel, const Reference& reference) {
  SCOPED_TRACE(name);
  const auto expected = [&]<class T>(T) {
    Lists<T> typed;
    for (const KernelInput& input : inputs) typed.emplace_back(input.values.begin(), input.values.end());
    return Lists<T>(reference(typed));
  };
  const Lists<double> exact = expected(double{});
  const auto plain = expected(float{});
  const int threads = thread_count();
  set_thread_count(1);
  const auto found = run_kernel<float>(inputs, outputs, kernel);
  const auto found64 = run_kernel<double>(inputs, outputs, kernel);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    double greatest = 0;
    for (const double v : exact[i]) greatest = std::max(greatest, std::abs(v));
    const double limit = 2 * largest_error(plain[i], exact[i]) + 4 * greatest * 0x1p-23;
    expect_near_exact(name + " f32 output " + std::to_string(i), found[i], exact[i], limit);
    expect_near_exact(name + " f64 output " + std::to_string(i), found64[i], exact[i], limit * 0x1p-28);
  }
  expect_same_bits(name + ", second run", found, run_kernel<float>(inputs, outputs, kernel));
  for (const int count : {2, 7}) {
    set_thread_count(count);
    expect_same_bits(name + ", " + std::to_string(count) + " threads", found,
                     run_kernel<float>(inputs, outputs, kernel));
    expect_same_bits(name + ", " + std::to_string(count) + " threads", found64,
                     run_kernel<double>(inputs, outputs, kernel));
  }
  set_thread_count(threads);
}

}  // namespace basin
