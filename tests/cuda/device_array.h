// Values in device memory for tests: filled from the host, or NaN; followed by a sentinel that must survive.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "cuda/runtime.h"
#include "tests/cuda/typed_values.h"

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
    const std::vector<T> poison(static_cast<std::size_t>(shape.count()), DeviceArray::poison());
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
    const T expected = sentinel();
    return std::all_of(found.begin(), found.end(), [&](T v) { return std::memcmp(&v, &expected, sizeof(T)) == 0; });
  }

 private:
  static constexpr std::int64_t kSentinels = 16;
  static T sentinel() { return stored<T>(std::is_same_v<T, std::uint8_t> ? 123 : -12345); }
  static T poison() { return stored<T>(std::is_integral_v<T> ? 101 : std::numeric_limits<double>::quiet_NaN()); }

  Shape shape_;
  std::int64_t offset_;
  DeviceBuffer buffer_;
};

}  // namespace basin::cuda
