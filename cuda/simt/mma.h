// Tensor cores and asynchronous copies, emulated. The twin of cuda/native/mma.cuh, which says what they do.
//
// Products are exact and added to the f32 sum in ascending order of the inner index; the hardware's order, and where it
// truncates, is not documented: results agree bit for bit only where sums are exact, such as of small integers.
#pragma once
#include "cuda/simt/checked.h"
#include "cuda/simt/numbers.h"

namespace basin::simt {

enum class MmaType : std::uint8_t { f16, bf16, tf32 };

// The registers of one lane. (mma.cpp)
void mma(MmaType type, float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const Site& site);
// `row`: the 16 bytes that this lane has read, if its number is below 8 * count.
void exchange_matrices(std::uint32_t* r, int count, bool transposed, const unsigned char* row, const Site& site);

inline bool gives_row(int matrices) { return Block::current().thread() % kWarpSize < 8u * matrices; }

template <class T, int N>
void load_matrices(std::uint32_t* r, int count, bool transposed, cuda::SharedArray<T, N>& array,
                   const cuda::Index& row) {
  cuda::Vector<T, 16 / sizeof(T)> values{};
  if (gives_row(count))
    values = array.template load_vector<16 / sizeof(T)>(row);
  else
    array.check_range(row, 16 / sizeof(T));
  unsigned char bytes[16];
  std::memcpy(bytes, &values, sizeof(bytes));
  exchange_matrices(r, count, transposed, bytes, row.site);
}

}  // namespace basin::simt

namespace basin::cuda {

template <class T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  const simt::Site& site = simt::Site::current()) {
  static_assert(dtype_of<T> == DType::f16 || dtype_of<T> == DType::bf16);
  simt::mma(dtype_of<T> == DType::f16 ? simt::MmaType::f16 : simt::MmaType::bf16, d, a, b, site);
}
inline void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                        const simt::Site& site = simt::Site::current()) {
  simt::mma(simt::MmaType::tf32, d, a, b, site);
}

inline std::uint32_t to_tf32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits & 0x007fffffu ? 0x7fffe000u : bits;
  return (bits + 0x1000u) & 0xffffe000u;
}

template <class T, int N>
void load_matrices(std::uint32_t (&r)[4], SharedArray<T, N>& array, Index row) {
  simt::load_matrices(r, 4, false, array, row);
}
template <class T, int N>
void load_matrices(std::uint32_t (&r)[2], SharedArray<T, N>& array, Index row) {
  simt::load_matrices(r, 2, false, array, row);
}
template <class T, int N>
void load_matrices_transposed(std::uint32_t (&r)[4], SharedArray<T, N>& array, Index row) {
  static_assert(sizeof(T) == 2);
  simt::load_matrices(r, 4, true, array, row);
}
template <class T, int N>
void load_matrices_transposed(std::uint32_t (&r)[2], SharedArray<T, N>& array, Index row) {
  static_assert(sizeof(T) == 2);
  simt::load_matrices(r, 2, true, array, row);
}

template <class T, int N>
void copy_async(SharedArray<T, N>& to, Index i, const Global<const T>& from, std::int64_t j, bool inside = true) {
  constexpr int kCount = 16 / sizeof(T);
  Vector<T, kCount> values{};
  if (inside) values = from.template load_vector<kCount>(Index(j, i.site));
  to.start_copy(i, &values);
}
inline void commit_copies() { simt::Block::current().commit_copies(); }
template <int pending>
void wait_for_copies(const simt::Site& site = simt::Site::current()) {
  simt::Block::current().wait_for_copies(pending, site);
}

}  // namespace basin::cuda
