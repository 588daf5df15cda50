// How blocks cover the rows of an array (rows, channels) that is reduced, or mapped, with values per channel: 16 bytes
// of neighbouring channels at a time, a strip, where the channels divide into such.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "cuda/kernels/column_block.cuh"
#include "cuda/kernels/dispatch.cuh"

namespace basin::cuda {

inline constexpr int kChannelThreadBits = 9, kChannelThreads = 1 << kChannelThreadBits;

// A block has (tile, lanes) threads, powers of two: threadIdx.x is a strip of its tile, and threadIdx.y takes every
// lanes-th row of its part. All follows from the extents and the width of a strip, so sums have one order on every
// device. The parts are so few that each block of a next kernel can combine what was found of them by itself, and so
// many that the memory of a large GPU is kept busy.
struct ChannelLayout {
  ChannelLayout(std::int64_t rows_, std::int64_t channels_, int width) : rows(rows_), channels(channels_) {
    const std::int64_t strips = channels / width;
    tile = static_cast<int>(std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>(strips, 1, 32))));
    tile_bits = std::countr_zero(static_cast<unsigned>(tile));
    lanes = kChannelThreads / tile;
    tiles = static_cast<int>((strips + tile - 1) / tile);
    const std::int64_t most_parts = std::max<std::int64_t>(1, kMostBlocks / tiles);
    const std::int64_t rows_per_thread = (rows + lanes * most_parts - 1) / (lanes * most_parts);
    rows_per_part = lanes * std::max<std::int64_t>(1, (rows_per_thread + kLeastRows - 1) / kLeastRows) * kLeastRows;
    parts = static_cast<int>((rows + rows_per_part - 1) / rows_per_part);
    stride = lanes * channels;
    check(rows_per_part <= kMostRows, "cuda: ", rows, " rows of ", channels, " channels are too many");
  }
  dim3 block() const { return {static_cast<unsigned>(tile), static_cast<unsigned>(lanes)}; }
  std::int64_t blocks() const { return std::int64_t{parts} * tiles; }
  __host__ __device__ std::int64_t rows_of_part(int part) const {
    const std::int64_t left = rows - part * rows_per_part;
    return left < rows_per_part ? left : rows_per_part;
  }

  static constexpr int kMostBlocks = 256;
  static constexpr int kLeastRows = 4;  // of a thread, which are read at once
  static constexpr std::int64_t kMostRows = 1 << 30;
  std::int64_t rows, channels, rows_per_part, stride;  // from a thread's row to its next, in elements
  int tile, tile_bits, lanes, tiles, parts;
};

// N neighbouring values in as few registers as they need: a compiler that is given an array of halves keeps each in a
// register of its own.
template <class T, int N>
class Packed {
 public:
  Packed() = default;
  __device__ explicit Packed(const Vector<T, N>& values) { std::memcpy(words_, &values, sizeof(values)); }
  __device__ float operator[](int k) const {
    T value;
    if constexpr (sizeof(T) == sizeof(std::uint16_t)) {
      value.bits = static_cast<std::uint16_t>(words_[k / 2] >> (k % 2 * 16));
      return widen(value);
    } else {
      std::memcpy(&value, &words_[k], sizeof(value));
      return value;
    }
  }

 private:
  std::uint32_t words_[(N * sizeof(T) + 3) / 4] = {};
};

// N neighbouring channels of a row. Where `vectors` is false they are moved one by one.
template <class T, int N, bool vectors>
struct Strip {
  using Type = T;
  static constexpr int kWidth = N;
  static constexpr int kBlocks = vectors ? 2 : 1;  // on a multiprocessor: as many as registers suffice for
  __device__ static Packed<T, N> load(const Global<const T>& x, std::int64_t i) {
    if constexpr (vectors) {
      return Packed<T, N>(x.template load_vector<N>(i));
    } else {
      Vector<T, N> strip;
      for (int k = 0; k < N; ++k) strip[k] = x[i + k];
      return Packed<T, N>(strip);
    }
  }
  __device__ static void store(const Global<T>& y, std::int64_t i, const Vector<T, N>& strip) {
    if constexpr (vectors)
      y.template store_vector<N>(i, strip);
    else
      for (int k = 0; k < N; ++k) y[i + k] = strip[k];
  }
};

// f(Strip<T, N, vectors>{}) for arrays of `channels` channels; `aligned`: all of them begin at multiples of 16 bytes.
template <class F>
void dispatch_strip(DType type, const char* kernel, std::int64_t channels, bool aligned, const F& f) {
  dispatch_float(type, kernel, [&]<class T>(T) {
    constexpr int kWidth = 16 / static_cast<int>(sizeof(T));
    if (channels % kWidth != 0) return f(Strip<T, 1, true>{});
    return aligned ? f(Strip<T, kWidth, true>{}) : f(Strip<T, kWidth, false>{});
  });
}
// The width of the strips.
inline int strip_width(DType type, std::int64_t channels) {
  const int width = 16 / static_cast<int>(size_of(type));
  return channels % width == 0 ? width : 1;
}

// The share of the calling thread: `rows` rows of a strip, row j of them at index `begin` + j * layout.stride; none
// where the strip is beyond the edge. Where values of whole channels are combined, its share is channel(), number own()
// of the tile, of which it is one of groups() threads.
template <int N>
struct ChannelShare {
  __device__ explicit ChannelShare(const ChannelLayout& layout_)
      : layout(layout_), column(static_cast<int>(threadIdx.x)), lane(static_cast<int>(threadIdx.y)) {
    const std::int64_t first = first_channel() + column * N;
    rows = first < layout.channels ? rows_of_lane(lane) : 0;
    begin = (part() * layout.rows_per_part + lane) * layout.channels + first;
  }
  __device__ int part() const { return static_cast<int>(blockIdx.x) / layout.tiles; }
  __device__ int thread() const { return (lane << layout.tile_bits) + column; }
  __device__ int width_bits() const { return layout.tile_bits + kBits; }  // of the tile's channels
  __device__ int own() const { return thread() & ((1 << width_bits()) - 1); }
  __device__ int group() const { return thread() >> width_bits(); }
  __device__ int groups() const { return kChannelThreads >> width_bits(); }
  __device__ std::int64_t first_channel() const {
    return std::int64_t{static_cast<int>(blockIdx.x) % layout.tiles} << width_bits();
  }
  __device__ std::int64_t channel() const { return first_channel() + own(); }
  // Does it hold the result for channel(), once combined?
  __device__ bool owns_channel() const { return group() == 0 && channel() < layout.channels; }
  // Of the results (parts, C).
  __device__ std::int64_t result_index() const { return part() * layout.channels + channel(); }
  // Rows of the part that lane `of` takes.
  __device__ int rows_of_lane(int of) const {
    const int left = static_cast<int>(layout.rows_of_part(part())) - of;
    return left > 0 ? (left + layout.lanes - 1) >> (kChannelThreadBits - layout.tile_bits) : 0;
  }

  static constexpr int kBits = N == 8 ? 3 : N == 4 ? 2 : 0;
  const ChannelLayout& layout;
  int column, lane, rows;
  std::int64_t begin;
};

// Up to `most` rows of a thread's share, in registers: those of `left` rows from index i on.
template <class S, int most>
struct Rows {
  __device__ void load(const Global<const typename S::Type>& x, const ChannelLayout& layout, std::int64_t i, int left) {
    for (int j = 0; j < most; ++j)
      if (j < left) values[j] = S::load(x, i + j * layout.stride);
  }
  Packed<typename S::Type, S::kWidth> values[most];
};

// One value per channel of the tile, set by channel and read by strip.
template <int N>
class ChannelTable {
 public:
  using Share = ChannelShare<N>;
  __device__ void set(const Share& share, int own, float value) { values_[index(share, own)] = value; }
  __device__ float channel(const Share& share, int own) { return values_[index(share, own)]; }
  __device__ void strip(const Share& share, float (&to)[N]) {
    for (int k = 0; k < N; ++k) to[k] = values_[k * pitch(share) + share.column];
  }

 private:
  __device__ static int pitch(const Share& share) {
    return share.layout.tile + (share.layout.tile > 32 / N ? 32 / N : 0);  // no bank conflicts
  }
  __device__ static int index(const Share& share, int own) { return own % N * pitch(share) + own / N; }
  SharedArray<float, 32 * N + 32> values_;
};

// What threads found of their strips, two values per channel; then a Value for each thread.
template <int N, class Value>
struct LaneShared {
  SharedArray<float, N*(kChannelThreads + 32 / N)> first, second;
  SharedArray<Value, kChannelThreads> values;
};

// Combines the values of the threads of each channel, in the order of group(), by a tree.
template <int N, class Value, class Combine>
__device__ Value combine_groups(SharedArray<Value, kChannelThreads>& shared, const ChannelShare<N>& share, Value value,
                                const Combine& combine) {
  return reduce_lanes(shared, value, combine, share.own(), 1 << share.width_bits(), share.group(), share.groups());
}

// Combines make(lane, first, second) over the lanes, for each channel of the tile: N neighbouring lanes in order, then
// a tree. Threads that own a channel get the result; all call it.
template <int N, class Value, class Make, class Combine>
__device__ Value combine_lanes(LaneShared<N, Value>& shared, const ChannelShare<N>& share, const float (&first)[N],
                               const float (&second)[N], const Make& make, const Combine& combine) {
  const int tile = share.layout.tile, pitch = kChannelThreads + (tile < 32 / N ? tile : 32 / N);  // no bank conflicts
  for (int k = 0; k < N; ++k) {
    shared.first[k * pitch + share.thread()] = first[k];
    shared.second[k * pitch + share.thread()] = second[k];
  }
  __syncthreads();
  Value value{};
  for (int j = 0; j < N; ++j) {
    const int lane = share.group() * N + j, at = share.own() % N * pitch + lane * tile + share.own() / N;
    const float a = shared.first[at], b = shared.second[at];
    value = combine(value, make(lane, a, b));
  }
  return combine_groups(shared.values, share, value, combine);
}

// Combines make(part) over the parts, for each channel of the tile: every groups()-th in order, then a tree. Threads
// that own a channel get the result; all call it.
template <int N, class Value, class Make, class Combine>
__device__ Value combine_parts(SharedArray<Value, kChannelThreads>& shared, const ChannelShare<N>& share,
                               const Make& make, const Combine& combine) {
  Value value{};
  if (share.channel() < share.layout.channels)
    for (int part = share.group(); part < share.layout.parts; part += share.groups())
      value = combine(value, make(part));
  return combine_groups(shared, share, value, combine);
}

}  // namespace basin::cuda
