// Operands of contractions as matrices, elements of a row in neighbouring places. None is ever written out: a place in
// memory is computed from a part for the row and a part for the column, so that a thread that visits many columns of a
// row computes the row's part once.
//
// at(row, column) is an index of `values`, negative where the element is 0: outside of the matrix, or padding.
#pragma once
#include "cuda/kernels/contraction/divider.cuh"

namespace basin::cuda {

// Extents and steps of a matrix that is in memory. Group g begins at g * group_step.
template <class T>
struct DenseMatrix {
  struct Part {
    std::int64_t offset;
  };
  using Row = Part;
  using Column = Part;

  Global<const T> values;
  int rows, columns;
  std::int64_t row_step, column_step, group_step;
  std::int64_t origin = 0;

  __device__ void select_group(int group) { origin = group * group_step; }
  __device__ Row row(int i) const { return {i < rows ? origin + i * row_step : kOutside}; }
  __device__ Column column(int j) const { return {j < columns ? j * column_step : kOutside}; }
  __device__ std::int64_t at(const Row& row, const Column& column) const { return row.offset + column.offset; }

 private:
  static constexpr std::int64_t kOutside = -(std::int64_t{1} << 62);
};

// A window position far outside of every image, and twice it is still an int.
inline constexpr int kFarOutside = -(1 << 30);

// Patches of x (N, H, W, C): rows are the pixels (n, p, q) of y, columns the taps (r, s, c) of a group.
template <class T>
struct Patches {
  struct Row {
    std::int64_t image;
    int h, w;  // of tap (0, 0)
  };
  struct Column {
    int r, s, c;
  };

  Global<const T> values;
  int rows, columns;               // N P Q, R S C / groups
  Divider by_q, by_p, by_s, by_c;  // Q, P, S, C / groups
  int height, width, channels, stride, padding;
  int group_channels;
  int first_channel = 0;

  __device__ void select_group(int group) { first_channel = group * group_channels; }
  __device__ Row row(int i) const {
    if (i >= rows) return {0, kFarOutside, 0};
    int npq = i, np = 0, n = 0;
    const int q = by_q.divide(npq, np), p = by_p.divide(np, n);
    return {std::int64_t{n} * height * width * channels + first_channel, p * stride - padding, q * stride - padding};
  }
  __device__ Column column(int j) const {
    if (j >= columns) return {kFarOutside, 0, 0};
    int rs = 0, r = 0;
    const int c = by_c.divide(j, rs), s = by_s.divide(rs, r);
    return {r, s, c};
  }
  __device__ std::int64_t at(const Row& row, const Column& column) const {
    const int h = row.h + column.r, w = row.w + column.s;
    if (h < 0 || h >= height || w < 0 || w >= width) return -1;
    return row.image + (h * width + w) * channels + column.c;
  }
};

// The pixels h = first_h + stride * i, w = first_w + stride * j of x, (N, I, J) of them: those to which the same taps
// contribute, r = first_r + stride * u and s = first_s + stride * v.
struct PixelClass {
  Divider by_j, by_i;
  int i_extent, j_extent, first_h, first_w;
  int u_extent, v_extent, first_r, first_s, shift_p, shift_q;  // p = i + shift_p - u, q = j + shift_q - v
  int stride;
};

// Patches of grad_output (N, P, Q, K): rows are the pixels (n, i, j) of a class, columns (u, v, filter of a group).
template <class T>
struct GradientPatches {
  struct Row {
    std::int64_t image;
    int p, q;  // of tap (0, 0)
  };
  struct Column {
    int u, v, filter;
  };

  Global<const T> values;
  PixelClass pixels;
  int rows, columns;  // N I J, U V K / groups
  Divider by_v, by_filter;
  int p_extent, q_extent, filters;
  int group_filters;
  int first_filter = 0;

  __device__ void select_group(int group) { first_filter = group * group_filters; }
  __device__ Row row(int m) const {
    if (m >= rows) return {0, kFarOutside, 0};
    int ni = 0, n = 0;
    const int j = pixels.by_j.divide(m, ni), i = pixels.by_i.divide(ni, n);
    return {std::int64_t{n} * p_extent * q_extent * filters + first_filter, i + pixels.shift_p, j + pixels.shift_q};
  }
  __device__ Column column(int k) const {
    if (k >= columns) return {-kFarOutside, 0, 0};
    int uv = 0, u = 0;
    const int filter = by_filter.divide(k, uv), v = by_v.divide(uv, u);
    return {u, v, filter};
  }
  __device__ std::int64_t at(const Row& row, const Column& column) const {
    const int p = row.p - column.u, q = row.q - column.v;
    if (p < 0 || p >= p_extent || q < 0 || q >= q_extent) return -1;
    return row.image + (p * q_extent + q) * filters + column.filter;
  }
};

// Filters (K, R, S, C / groups): rows are (u, v, filter of a group) of a class of pixels, columns the channels.
template <class T>
struct FilterRows {
  struct Part {
    std::int64_t offset;
  };
  using Row = Part;
  using Column = Part;

  Global<const T> values;
  PixelClass pixels;
  int rows, columns;  // U V K / groups, C / groups
  Divider by_v, by_filter;
  int kernel_rows, kernel_columns;  // R, S
  int group_filters;
  int first_filter = 0;

  __device__ void select_group(int group) { first_filter = group * group_filters; }
  __device__ Row row(int k) const {
    if (k >= rows) return {-1};
    int uv = 0, u = 0;
    const int filter = by_filter.divide(k, uv), v = by_v.divide(uv, u);
    const int r = pixels.first_r + u * pixels.stride, s = pixels.first_s + v * pixels.stride;
    return {((std::int64_t{first_filter + filter} * kernel_rows + r) * kernel_columns + s) * columns};
  }
  __device__ Column column(int c) const { return {c < columns ? c : -1}; }
  __device__ std::int64_t at(const Row& row, const Column& column) const {
    return row.offset < 0 || column.offset < 0 ? -1 : row.offset + column.offset;
  }
};

// ---- results

// Row m of a matrix in memory.
struct DenseRows {
  std::int64_t step;
  __device__ std::int64_t operator()(int m) const { return m * step; }
};

// Row m: a pixel of a class of x (N, H, W, C).
struct PixelRows {
  PixelClass pixels;
  int height, width, channels;
  __device__ std::int64_t operator()(int m) const {
    int ni = 0, n = 0;
    const int j = pixels.by_j.divide(m, ni), i = pixels.by_i.divide(ni, n);
    const int h = pixels.first_h + i * pixels.stride, w = pixels.first_w + j * pixels.stride;
    return ((std::int64_t{n} * height + h) * width + w) * channels;
  }
};

// Where a product goes: the epilogue of a contraction. Layer z of the grid begins at z * layer_step.
template <class T, class Rows>
struct Result {
  using Value = T;
  static constexpr int kWidth = 16 / sizeof(T);

  Global<T> values;
  Rows row;
  int rows, columns;
  std::int64_t layer_step;
  bool vectors;  // do rows begin and end at multiples of 16 bytes?

  // Elements (i, j) to (i, j + kWidth - 1), those that are inside.
  __device__ void store(int layer, int i, int j, const Vector<T, kWidth>& vector) const {
    if (i >= rows || j >= columns) return;
    const std::int64_t place = layer * layer_step + row(i) + j;
    if (vectors) {
      values.template store_vector<kWidth>(place, vector);
    } else {
      for (int k = 0; k < kWidth; ++k)
        if (j + k < columns) values[place + k] = vector[k];
    }
  }
};

}  // namespace basin::cuda
