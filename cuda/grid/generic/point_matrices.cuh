// The operands and the result of contractions at many points, as cuda/kernels/contraction/matrices.cuh describes those
// at one. A layer of the grid is a group of a point: point * groups + group.
#pragma once
#include "cuda/kernels/contraction/matrices.cuh"

namespace basin::cuda {

// Patches of the images of a point. `point_step`: elements from a point's images to the next one's, 0 where they are
// shared.
template <class T>
struct PointPatches : Patches<T> {
  Divider by_groups;
  std::int64_t point_step, origin = 0;

  __device__ void select_group(int layer) {
    int point = 0;
    const int group = by_groups.divide(layer, point);
    Patches<T>::select_group(group);
    origin = point * point_step;
  }
  __device__ typename Patches<T>::Row row(int i) const {
    typename Patches<T>::Row row = Patches<T>::row(i);
    row.image += origin;
    return row;
  }
};

// Filters of a point.
template <class T>
struct PointFilters : DenseMatrix<T> {
  Divider by_groups;
  std::int64_t point_step;

  __device__ void select_group(int layer) {
    int point = 0;
    const int group = by_groups.divide(layer, point);
    DenseMatrix<T>::select_group(group);
    this->origin += point * point_step;
  }
};

// Is `value` neither infinite nor NaN?
template <class T>
__device__ bool holds(T value) {
  const float wide = widen(value);
  return wide - wide == 0;
}

// Sums on their way to activations: shift, residual, relu, one rounding.
template <class T>
struct PointResult {
  using Value = float;
  static constexpr int kWidth = 4;

  Global<T> values;
  Global<const float> shifts;
  Global<const T> residual;
  Global<std::int32_t> overflowed;
  Divider by_groups, by_pixels;       // groups; P Q
  int rows, columns;                  // images P Q; K / groups
  std::int64_t row_step, shift_step;  // K; floats from a point to the next
  int images;
  bool relu;
  bool vectors;  // are the channels of a group a multiple of four, and all addresses of vectors?

  __device__ void store(int layer, int i, int j, const Vector<float, kWidth>& sums) const {
    if (i >= rows || j >= columns) return;
    int point = 0;
    const int channel = by_groups.divide(layer, point) * columns + j;
    const std::int64_t place = (std::int64_t{point} * rows + i) * row_step + channel;
    bool held = true;
    if (vectors) {
      const Vector<float, kWidth> shift = shifts.template load_vector<kWidth>(point * shift_step + channel);
      Vector<T, kWidth> others{}, results;
      if (residual) others = residual.template load_vector<kWidth>(place);
      for (int k = 0; k < kWidth; ++k) results[k] = finish(sums[k] + shift[k], others[k], held);
      values.template store_vector<kWidth>(place, results);
    } else {
      for (int k = 0; k < kWidth && j + k < columns; ++k) {
        const float sum = sums[k] + static_cast<float>(shifts[point * shift_step + channel + k]);
        values[place + k] = finish(sum, residual ? static_cast<T>(residual[place + k]) : T{}, held);
      }
    }
    if (!held && overflowed) overflowed.atomic_add(std::int64_t{point} * images + by_pixels.quotient(i), 1);
  }

 private:
  __device__ T finish(float sum, T other, bool& held) const {
    sum += widen(other);
    const T result = narrow<T>(relu && sum < 0 ? 0 : sum);
    held = held && holds(result);
    return result;
  }
};

}  // namespace basin::cuda
