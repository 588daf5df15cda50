// A libcublasLt.so.13 that computes on the host, in loops, what Basin asks of cuBLASLt: column-major products. Its one
// algorithm remembers the alignments that it was promised and refuses others.
#include <cublasLt.h>

#include <array>
#include <cstring>

#include "tests/cuda/libraries/element.h"

struct cublasLtContext {};

namespace {

constexpr std::size_t kWorkspace = 100;        // bytes
constexpr std::uint64_t kRefusedRows = 7;      // of a product: no algorithm is offered
constexpr std::uint64_t kRefusedLateRows = 5;  // the algorithm refuses when it is run

// What the fields of an opaque descriptor hold here.
enum MatrixField { kType, kRows, kColumns, kLeading };
enum ProductField { kTransposeA, kTransposeB };

basin::DType type_of(cublasLtMatrixLayout_t matrix) {
  const auto type = static_cast<cudaDataType>(matrix->data[kType]);
  return type == CUDA_R_16F ? basin::DType::f16 : type == CUDA_R_16BF ? basin::DType::bf16 : basin::DType::f32;
}

template <class T>
bool holds(const void* value, std::size_t bytes, T expected) {
  T found{};
  if (bytes != sizeof(T)) return false;
  std::memcpy(&found, value, bytes);
  return found == expected;
}

float at(const void* data, cublasLtMatrixLayout_t matrix, bool transpose, std::uint64_t row, std::uint64_t column) {
  if (transpose) std::swap(row, column);
  return basin::element(data, type_of(matrix), static_cast<std::int64_t>(column * matrix->data[kLeading] + row));
}

bool aligned(const void* data, std::uint64_t promised) {
  return reinterpret_cast<std::uintptr_t>(data) % promised == 0;
}

template <class T>
cublasStatus_t create(T** made) {
  *made = new T{};
  return CUBLAS_STATUS_SUCCESS;
}
template <class T>
cublasStatus_t destroy(T* made) {
  delete made;
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

std::size_t cublasLtGetVersion() { return CUBLAS_VERSION; }
const char* cublasLtGetStatusString(cublasStatus_t) { return "refused by the stand-in"; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return create(handle); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* made, cudaDataType type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
  if (leading < static_cast<std::int64_t>(rows)) return CUBLAS_STATUS_INVALID_VALUE;
  create(made);
  (*made)->data[kType] = type;
  (*made)->data[kRows] = rows;
  (*made)->data[kColumns] = columns;
  (*made)->data[kLeading] = static_cast<std::uint64_t>(leading);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t made) { return destroy(made); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made, cublasComputeType_t sums, cudaDataType_t scale) {
  if (sums != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F) return CUBLAS_STATUS_INVALID_VALUE;
  return create(made);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t made) { return destroy(made); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  const bool transpose = holds(value, bytes, std::int32_t{CUBLAS_OP_T});
  if (!transpose && !holds(value, bytes, std::int32_t{CUBLAS_OP_N})) return CUBLAS_STATUS_INVALID_VALUE;
  if (attribute != CUBLASLT_MATMUL_DESC_TRANSA && attribute != CUBLASLT_MATMUL_DESC_TRANSB)
    return CUBLAS_STATUS_INVALID_VALUE;
  product->data[attribute == CUBLASLT_MATMUL_DESC_TRANSA ? kTransposeA : kTransposeB] = transpose;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* made) { return create(made); }
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t made) { return destroy(made); }
// Alignments are kept at 4 .. 7, in the order of A, B, C, D.
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t bytes) {
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    return bytes == sizeof(std::uint64_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
    return holds(value, bytes, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}) ? CUBLAS_STATUS_SUCCESS
                                                                                      : CUBLAS_STATUS_INVALID_VALUE;
  std::uint32_t alignment = 0;
  if (bytes != sizeof(alignment) || attribute < CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES ||
      attribute > CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&alignment, value, bytes);
  preference->data[4 + attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES] = alignment;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int,
                                              cublasLtMatmulHeuristicResult_t* best, int* count) {
  *count = 0;
  if (d->data[kColumns] == kRefusedRows) return CUBLAS_STATUS_NOT_SUPPORTED;
  *count = 1;
  *best = {};
  for (std::size_t i = 0; i < 4; ++i) best->algo.data[i] = preference->data[4 + i];
  best->workspaceSize = kWorkspace;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* space,
                              std::size_t bytes, cudaStream_t) {
  const std::uint64_t rows = d_layout->data[kRows], columns = d_layout->data[kColumns];
  if (columns == kRefusedLateRows) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool scaled = *static_cast<const float*>(alpha) == 1 && *static_cast<const float*>(beta) == 0;
  const std::array operands{a, b, c, static_cast<const void*>(d)};
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (!aligned(operands[i], algorithm->data[i])) return CUBLAS_STATUS_INVALID_VALUE;
  if (!scaled || !space || bytes != kWorkspace) return CUBLAS_STATUS_INVALID_VALUE;
  const bool transpose_a = product->data[kTransposeA] != 0, transpose_b = product->data[kTransposeB] != 0;
  const std::uint64_t terms = a_layout->data[transpose_a ? kRows : kColumns];
  if (terms != b_layout->data[transpose_b ? kColumns : kRows]) return CUBLAS_STATUS_INVALID_VALUE;
  if (rows != a_layout->data[transpose_a ? kColumns : kRows]) return CUBLAS_STATUS_INVALID_VALUE;
  if (columns != b_layout->data[transpose_b ? kRows : kColumns]) return CUBLAS_STATUS_INVALID_VALUE;
  for (std::uint64_t column = 0; column < columns; ++column)
    for (std::uint64_t row = 0; row < rows; ++row) {
      float sum = 0;
      for (std::uint64_t k = 0; k < terms; ++k)
        sum += at(a, a_layout, transpose_a, row, k) * at(b, b_layout, transpose_b, k, column);
      basin::set_element(d, type_of(d_layout), static_cast<std::int64_t>(column * d_layout->data[kLeading] + row), sum);
    }
  return CUBLAS_STATUS_SUCCESS;
}
