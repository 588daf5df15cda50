// The host's side of cuda/kernels/channel_block.cuh: the operands of its kernels, and what one leaves for the next.
#pragma once
#include "cuda/kernels/channel_block.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {

// Checks the operands of `kernel`, which works on x (rows, C), and finds how blocks cover them.
class ChannelOperands {
 public:
  ChannelOperands(const char* kernel, const ConstView& x) : kernel_(kernel), x_(x), layout_(layout_of(kernel, x)) {}
  // Of x's type and extents.
  void check_like_x(const ConstView& values) {
    check(values.shape == x_.shape && values.dtype == x_.dtype, kernel_, ": ", values.dtype, " ", values.shape,
          " does not fit x, ", x_.dtype, " ", x_.shape);
    aligned_ = aligned_ && aligned_to_vectors(values.data);
  }
  // One f32 value for each channel.
  void check_per_channel(const ConstView& values) const {
    check(values.size() == layout_.channels, kernel_, ": ", values.shape, " for ", layout_.channels, " channels");
    check(values.dtype == DType::f32, kernel_, ": f32 expected for each channel, found ", values.dtype);
  }
  const ChannelLayout& layout() const { return layout_; }
  bool aligned() const { return aligned_ && aligned_to_vectors(x_.data); }  // all that are like x, to 16 bytes
  unsigned blocks() const { return blocks_for(layout_.blocks(), 1); }

 private:
  static ChannelLayout layout_of(const char* kernel, const ConstView& x) {
    check(!x.shape.empty() && x.size() > 0, kernel, ": no elements in ", x.shape);
    const std::int64_t channels = x.shape.back();
    return {x.size() / channels, channels, strip_width(x.dtype, channels)};
  }

  const char* kernel_;
  ConstView x_;
  ChannelLayout layout_;
  bool aligned_ = true;
};

// Two sums for each part of the rows and each channel, f32 (parts, C).
class PartSums {
 public:
  PartSums(Stream stream, const ChannelLayout& layout)
      : count_(layout.parts * layout.channels), values_(stream, static_cast<std::size_t>(2 * count_) * sizeof(float)) {}
  template <class T = float>
  Global<T> first() const {
    return {values_.as<T>(), count_};
  }
  template <class T = float>
  Global<T> second() const {
    return {values_.as<T>() + count_, count_};
  }

 private:
  std::int64_t count_;
  DeviceBuffer values_;
};

}  // namespace basin::cuda
