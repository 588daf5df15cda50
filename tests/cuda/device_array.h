// Values in device memory for tests: filled from the host, or NaN; followed by a sentinel that must survive.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/tensor.h"
#include "cuda/runtime.h"

namespace basin::cuda {

template <class T>
class DeviceArray {
 public:
  // Poisoned, for outputs. The data begin `offset` elements after an aligned address.
  explicit DeviceArray(const Shape& shape, std::int64_t offset = 0)
      : shape_(shape),
        offset_(offset),
        buffer_(Stream(), static_cast<std::size_t>(offset + shape.count() + kSentinels) * sizeof(T)) {
    const std::vector<T> sentinels(kSentinels, sentinel());
    copy_to_device(Stream(), data() + shape_.count(), sentinels.data(), kSentinels * sizeof(T));
    const std::vector<T> poison(static_cast<std::size_t>(shape.count()), std::numeric_limits<T>::quiet_NaN());
    // Not a copy through copy_to_device, which would count as written: reading an output before is an error.
    std::copy(poison.begin(), poison.end(), data());
  }
  DeviceArray(const Shape& shape, const std::vector<T>& values, std::int64_t offset = 0) : DeviceArray(shape, offset) {
    check(static_cast<std::int64_t>(values.size()) == shape.count(), "device array: wrong number of values");
    copy_to_device(Stream(), data(), values.data(), values.size() * sizeof(T));
  }

  View view() const { return {data(), dtype_of<T>, shape_}; }
  T* data() const { return buffer_.as<T>() + offset_; }
  std::vector<T> values() const {
    std::vector<T> values(static_cast<std::size_t>(shape_.count()));
    copy_to_host(Stream(), values.data(), data(), values.size() * sizeof(T));
    return values;
  }
  bool sentinel_intact() const {
    std::vector<T> found(kSentinels);
    copy_to_host(Stream(), found.data(), data() + shape_.count(), kSentinels * sizeof(T));
    return std::all_of(found.begin(), found.end(), [](T v) { return v == sentinel(); });
  }

 private:
  static constexpr std::int64_t kSentinels = 16;
  static T sentinel() { return static_cast<T>(-12345); }

  Shape shape_;
  std::int64_t offset_;
  DeviceBuffer buffer_;
};

}  // namespace basin::cuda
