// The kernel of winograd.h for vectors of any width: one file for each set of instructions includes it. Everything in
// it is inlined or local to that file, so that no other file gets code made for other processors.
#pragma once
#include <cstdint>
#include <cstring>

#include "landscape/vector/winograd.h"

namespace basin::vector {
namespace {

constexpr std::int64_t kBlock = 16;  // channels side by side; transformed values are (16, C / 16, strip, 16)

template <int kLanes>
struct VectorOf {
  using Type [[gnu::vector_size(4 * kLanes)]] = float;
};
template <int kLanes>
using Vector = typename VectorOf<kLanes>::Type;

template <class V>
[[gnu::always_inline]] inline V load(const float* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class V>
[[gnu::always_inline]] inline void store(V v, float* to) {
  std::memcpy(to, &v, sizeof v);
}

template <class V>
[[gnu::always_inline]] inline V broadcast(float x) {
  return x - V{};
}

// Walks over the tiles of all images in their order.
class Tile {
 public:
  explicit Tile(const Sizes& sizes) : rows_(sizes.height / 2), columns_(sizes.width / 2) {}
  [[gnu::always_inline]] inline void advance() {
    position_ += 2;
    if (++column_ < columns_) return;
    column_ = 0;
    position_ += 2 * columns_;
    if (++row_ == rows_) row_ = 0;
  }
  std::int64_t position() const { return position_; }  // of its first output, counted through all images
  // Whether row or column i = 0 ... 3 of its patch lies in the image.
  bool has_row(int i) const { return (i > 0 || row_ > 0) && (i < 3 || row_ + 1 < rows_); }
  bool has_column(int j) const { return (j > 0 || column_ > 0) && (j < 3 || column_ + 1 < columns_); }
  bool inside() const { return has_row(0) && has_row(3) && has_column(0) && has_column(3); }

 private:
  std::int64_t rows_, columns_, row_ = 0, column_ = 0, position_ = 0;
};

// B^T d B of a patch; at(i, j) points to its values. `to`: one value of each of 16, `stride` apart.
template <int kLanes, class At>
[[gnu::always_inline]] inline void transform_patch(const At& at, float* to, std::int64_t stride) {
  using V = Vector<kLanes>;
  V d[4][4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const V a = load<V>(at(i, 0)), b = load<V>(at(i, 1)), c = load<V>(at(i, 2)), e = load<V>(at(i, 3));
    d[i][0] = a - c;
    d[i][1] = b + c;
    d[i][2] = c - b;
    d[i][3] = b - e;
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    store(d[0][j] - d[2][j], to + j * stride);
    store(d[1][j] + d[2][j], to + (4 + j) * stride);
    store(d[2][j] - d[1][j], to + (8 + j) * stride);
    store(d[1][j] - d[3][j], to + (12 + j) * stride);
  }
}

template <int kLanes>
[[gnu::always_inline]] inline void transform_tile(const Convolution& c, const Tile& tile, float* to) {
  const std::int64_t channels = c.sizes.channels, line = c.sizes.width * channels;
  const std::int64_t stride = frequency_stride(c.strip, channels), block = c.strip * kBlock;
  const float* patch = c.x + tile.position() * channels - line - channels;
  const auto each_vector = [&](const auto& source) __attribute__((always_inline)) {
    for (std::int64_t channel = 0; channel < channels; channel += kLanes) {
      const auto at = [&](int i, int j) __attribute__((always_inline)) { return source(i, j) + channel; };
      transform_patch<kLanes>(at, to + channel / kBlock * block + channel % kBlock, stride);
    }
  };
  if (tile.inside()) {
    each_vector([&](int i, int j) __attribute__((always_inline)) { return patch + i * line + j * channels; });
    return;
  }
  const float* sources[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j)
      sources[i][j] = tile.has_row(i) && tile.has_column(j) ? patch + i * line + j * channels : c.zeros;
  each_vector([&](int i, int j) __attribute__((always_inline)) { return sources[i][j]; });
}

// products[t, :] = sum over c of values[t, c] * weights[c, :] for kTiles tiles and kVectors vectors of filters.
// The panel is kVectors * kLanes wide; `block` floats lie between blocks of channels and of filters.
// Cost: per channel kTiles broadcasts and kVectors loads for kTiles * kVectors products.
template <int kLanes, int kTiles, int kVectors>
[[gnu::always_inline]] inline void multiply(const float* values, const float* weights, std::int64_t channels,
                                            std::int64_t block, float* products) {
  using V = Vector<kLanes>;
  V sums[kTiles][kVectors] = {};
  for (std::int64_t b = 0; b < channels / kBlock; ++b) {
    const float* x = values + b * block;
#pragma GCC unroll 4
    for (int c = 0; c < kBlock; ++c, ++x, weights += kVectors * kLanes) {
      V w[kVectors];
#pragma GCC unroll 4
      for (int k = 0; k < kVectors; ++k) w[k] = load<V>(weights + k * kLanes);
#pragma GCC unroll 16
      for (int t = 0; t < kTiles; ++t) {
        const V value = broadcast<V>(x[t * kBlock]);
#pragma GCC unroll 4
        for (int k = 0; k < kVectors; ++k) sums[t][k] += value * w[k];
      }
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < kTiles; ++t)
#pragma GCC unroll 4
    for (int k = 0; k < kVectors; ++k)
      store(sums[t][k], products + k * kLanes / kBlock * block + t * kBlock + k * kLanes % kBlock);
}

// All products of a strip with `tiles` tiles. Multiply::each(values, weights, channels, block, products, tiles) is the
// register tile's loop over them.
template <class Multiply>
void multiply_strip(const Convolution& c, std::int64_t tiles) {
  const auto [images, height, width, channels, filters] = c.sizes;
  const std::int64_t block = c.strip * kBlock, panel = Multiply::kPanel;
  for (std::int64_t f = 0; f < 16; ++f)
    for (std::int64_t k = 0; k < filters; k += panel)
      Multiply::each(c.transformed + f * frequency_stride(c.strip, channels), c.weights + (f * filters + k) * channels,
                     channels, block, c.products + f * frequency_stride(c.strip, filters) + k / kBlock * block, tiles);
}

// A^T m A of a tile's products, then shift, residual, relu, for one vector of filters.
template <int kLanes>
[[gnu::always_inline]] inline void finish_vector(const Convolution& c, const float* m, std::int64_t at,
                                                 std::int64_t filter) {
  using V = Vector<kLanes>;
  const std::int64_t filters = c.sizes.filters, stride = frequency_stride(c.strip, filters);
  const V shift = load<V>(c.shift + filter);
  V rows[2][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const V m0 = load<V>(m + j * stride), m1 = load<V>(m + (4 + j) * stride);
    const V m2 = load<V>(m + (8 + j) * stride), m3 = load<V>(m + (12 + j) * stride);
    rows[0][j] = m0 + m1 + m2;
    rows[1][j] = m1 - m2 - m3;
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const V* row = rows[i];
    V y[2] = {row[0] + row[1] + row[2] + shift, row[1] - row[2] - row[3] + shift};
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const std::int64_t to = at + (i * c.sizes.width + j) * filters + filter;
      if (c.residual != nullptr) y[j] += load<V>(c.residual + to);
      if (c.relu) y[j] = y[j] > 0 ? y[j] : V{};
      store(y[j], c.y + to);
    }
  }
}

// Tiles of kLanes lanes: transform, multiply by the Multiply of the panel, transform back, a strip at a time.
template <int kLanes, class Multiply>
void convolve_strips(const Convolution& c) {
  const auto [images, height, width, channels, filters] = c.sizes;
  const std::int64_t all = images * height * width / 4, block = c.strip * kBlock;
  Tile in(c.sizes), out(c.sizes);
  for (std::int64_t first = 0; first < all; first += c.strip) {
    const std::int64_t tiles = all - first < c.strip ? all - first : c.strip;
    for (std::int64_t t = 0; t < tiles; ++t, in.advance()) transform_tile<kLanes>(c, in, c.transformed + t * kBlock);
    multiply_strip<Multiply>(c, tiles);
    for (std::int64_t t = 0; t < tiles; ++t, out.advance())
      for (std::int64_t k = 0; k < filters; k += kLanes)
        finish_vector<kLanes>(c, c.products + k / kBlock * block + t * kBlock + k % kBlock, out.position() * filters,
                              k);
  }
}

}  // namespace
}  // namespace basin::vector
