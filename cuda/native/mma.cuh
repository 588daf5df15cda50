// Tensor cores and asynchronous copies (PTX ISA 8: mma.sync, ldmatrix, cp.async; compute capability 8.0 and later). The
// twin of cuda/simt/mma.h. All 32 lanes of a warp call the operations of tensor cores together.
//
// With g = lane / 4 and q = lane % 4; two halves in a register: the one of lower index in the low 16 bits.
#pragma once
#include "cuda/native/memory.cuh"
#include "cuda/native/numbers.cuh"

namespace basin::cuda {

// d (16, 8) += a (16, 16) * b (16, 8), T = float16 or bfloat16, sums in f32.
//   a[0]: row g, columns 2q, 2q + 1    a[1]: row g + 8    a[2]: row g, columns 2q + 8, 2q + 9    a[3]: row g + 8, those
//   b[0]: rows 2q, 2q + 1, column g    b[1]: rows 2q + 8, 2q + 9
//   d[0], d[1]: row g, columns 2q, 2q + 1    d[2], d[3]: row g + 8
template <class T>
__device__ void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  if constexpr (dtype_of<T> == DType::f16)
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, "
        "%2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// d (16, 8) += a (16, 8) * b (8, 8) of tf32: the bits of an f32 of which the low 13 are ignored.
//   a[0]: row g, column q    a[1]: row g + 8    a[2]: row g, column q + 4    a[3]: row g + 8, column q + 4
//   b[0]: row q, column g    b[1]: row q + 4;   d as above
__device__ inline void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Rounded to the nearest tf32, away from zero where two are as near: the bits of an f32.
__device__ inline std::uint32_t to_tf32(float value) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits & 0xffffe000u;
}

template <class T, int N>
__device__ std::uint32_t shared_address(SharedArray<T, N>& array, int i) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(&array[i]));
}

// Matrices of 8 rows of 16 bytes, each row aligned to them. Lane 8 j + i names the first element of row i of matrix j;
// r[j] is the lane's register of matrix j: row g, the bytes 4q to 4q + 3.
template <class T, int N>
__device__ void load_matrices(std::uint32_t (&r)[4], SharedArray<T, N>& array, int row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(array, row))
               : "memory");
}
// Two matrices; the rows of lanes 16 to 31 are not read, but must be inside the array.
template <class T, int N>
__device__ void load_matrices(std::uint32_t (&r)[2], SharedArray<T, N>& array, int row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(array, row))
               : "memory");
}
// Of the transposes of 8 x 8 matrices of halves: r[j] is column g, rows 2q and 2q + 1 of matrix j.
template <class T, int N>
__device__ void load_matrices_transposed(std::uint32_t (&r)[4], SharedArray<T, N>& array, int row) {
  static_assert(sizeof(T) == 2);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(array, row))
               : "memory");
}
template <class T, int N>
__device__ void load_matrices_transposed(std::uint32_t (&r)[2], SharedArray<T, N>& array, int row) {
  static_assert(sizeof(T) == 2);
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(array, row))
               : "memory");
}

// Starts to copy 16 bytes, elements j, j + 1, ... of `from` to elements i, i + 1, ... of `to`, both aligned to 16
// bytes; zeros where not `inside`, and nothing is read.
template <class T, int N>
__device__ void copy_async(SharedArray<T, N>& to, int i, const Global<const T>& from, std::int64_t j,
                           bool inside = true) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to, i)),
               "l"(__cvta_generic_to_global(&from[inside ? j : 0])), "r"(inside ? 16 : 0)
               : "memory");
}
// Closes a group: the copies that this thread has started since the last.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits for this thread's groups but the last `pending`. Other threads see the copies after a barrier.
template <int pending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

}  // namespace basin::cuda
