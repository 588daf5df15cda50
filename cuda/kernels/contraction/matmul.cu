#include "cuda/kernels/contraction/matmul.h"

#include "cuda/kernels/contraction/contraction.cuh"
#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

template <class T>
DenseMatrix<T> stored(const ConstView& x) {
  return {global<T>(x), static_cast<int>(x.shape[0]), static_cast<int>(x.shape[1]), x.shape[1], 1, 0};
}
template <class T>
DenseMatrix<T> transposed(const DenseMatrix<T>& x) {
  return {x.values, x.columns, x.rows, x.column_step, x.row_step, 0};
}

template <class T>
Result<T, DenseRows> result_of(const View& y) {
  const std::int64_t n = y.shape[1];
  const bool vectors = n % Result<T, DenseRows>::kWidth == 0 && aligned_to_vectors(y.data);
  return {global<T>(y), {n}, static_cast<int>(y.shape[0]), static_cast<int>(n), 0, vectors};
}

// Can rows of these operands be read 16 bytes at a time? Products of two transposed matrices are rare: not worth their
// kernels.
bool read_in_vectors(std::int64_t a_columns, bool transpose_a, std::int64_t b_columns, bool transpose_b, DType type) {
  const auto width = static_cast<std::int64_t>(16 / size_of(type));
  return a_columns % width == 0 && b_columns % width == 0 && !(transpose_a && transpose_b);
}

template <class T, class F>
void with_matmul_block(const ContractionConfig& config, const F& f) {
  if (config.columns == 32) return f(BlockExtents<64, 32>{});
  f(BlockExtents < sizeof(T) == 2 ? 128 : 64, 64 > {});
}

template <bool a_along_columns, bool b_along_columns, class T>
void matmul_vectors(Stream stream, const ContractionShape& shape, const ConstView& a, const ConstView& b,
                    const View& y) {
  const ContractionConfig config = matmul_config(shape, y.dtype, true);
  with_matmul_block<T>(config, [&](auto extents) {
    launch_contraction<T, decltype(extents)>(
        stream, shape, config, Operand<DenseMatrix<T>, a_along_columns, true>{stored<T>(a)},
        Operand<DenseMatrix<T>, b_along_columns, true>{stored<T>(b)}, result_of<T>(y));
  });
}

template <class T>
void matmul_elements(Stream stream, const ContractionShape& shape, const DenseMatrix<T>& a, const DenseMatrix<T>& b,
                     const View& y) {
  using ByElement = Operand<DenseMatrix<T>, true, false>;
  launch_contraction<T, ElementExtents>(stream, shape, matmul_config(shape, y.dtype, false), ByElement{a}, ByElement{b},
                                        result_of<T>(y));
}

}  // namespace

void matmul(Stream stream, const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) {
  check(a.shape.size() == 2 && b.shape.size() == 2, "matmul: takes matrices, not ", a.shape, " and ", b.shape);
  const std::int64_t m = a.shape[transpose_a ? 1 : 0], k = a.shape[transpose_a ? 0 : 1];
  const std::int64_t n = b.shape[transpose_b ? 0 : 1];
  check(b.shape[transpose_b ? 1 : 0] == k && y.shape == Shape({m, n}), "matmul: ", a.shape, " times ", b.shape,
        " does not fit ", y.shape);
  const ContractionShape shape{m, n, k};
  check_extents(shape, "matmul");
  dispatch_float(y.dtype, "matmul", [&]<class T>(T) {
    const bool vectors = read_in_vectors(a.shape[1], transpose_a, b.shape[1], transpose_b, y.dtype) &&
                         aligned_to_vectors(a.data) && aligned_to_vectors(b.data);
    if (!vectors)
      matmul_elements(stream, shape, transpose_a ? transposed(stored<T>(a)) : stored<T>(a),
                      transpose_b ? stored<T>(b) : transposed(stored<T>(b)), y);
    else if (transpose_a)
      matmul_vectors<false, false, T>(stream, shape, a, b, y);
    else if (transpose_b)
      matmul_vectors<true, true, T>(stream, shape, a, b, y);
    else
      matmul_vectors<true, false, T>(stream, shape, a, b, y);
  });
}

Cost matmul_cost(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a, bool transpose_b, DType type) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const ContractionConfig config = matmul_config(
      {m, n, k}, type, read_in_vectors(transpose_a ? m : k, transpose_a, transpose_b ? k : n, transpose_b, type));
  const std::int64_t row_tiles = (m + config.rows - 1) / config.rows,
                     column_tiles = (n + config.columns - 1) / config.columns;
  return {(m * k * column_tiles + n * k * row_tiles) * bytes, m * n * bytes, 2 * m * n * k};
}

}  // namespace basin::cuda
