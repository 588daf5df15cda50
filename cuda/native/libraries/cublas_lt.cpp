#include "cuda/native/libraries/cublas_lt.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "cuda/native/libraries/cublas_lt_functions.h"

namespace basin::cuda {
namespace {

constexpr std::uint64_t kWorkspaceLimit = std::uint64_t{32} << 20;  // bytes; what NVIDIA advises for Hopper
constexpr std::uintptr_t kBestAlignment = 256;                      // bytes, beyond which no algorithm asks

template <class Descriptor>
using Owned = std::unique_ptr<std::remove_pointer_t<Descriptor>, cublasStatus_t (*)(Descriptor)>;

cudaDataType cuda_type(DType type) {
  return type == DType::f16 ? CUDA_R_16F : type == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

std::uint32_t alignment(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return static_cast<std::uint32_t>(std::min(address & (~address + 1), kBestAlignment));
}

// What an algorithm is chosen by: a (a_rows, a_columns), b (b_rows, b_columns) as they lie in memory.
struct ProductCase {
  DType type;
  bool transpose_a, transpose_b;
  std::int64_t a_rows, a_columns, b_rows, b_columns;
  std::uint32_t a_alignment, b_alignment, y_alignment;

  std::int64_t rows() const { return transpose_a ? a_columns : a_rows; }  // of y
  std::int64_t columns() const { return transpose_b ? b_rows : b_columns; }
  auto key() const {
    return std::tie(type, transpose_a, transpose_b, a_rows, a_columns, b_rows, b_columns, a_alignment, b_alignment,
                    y_alignment);
  }
  friend bool operator<(const ProductCase& a, const ProductCase& b) { return a.key() < b.key(); }
};

// How a case is computed: no algorithm where cuBLASLt does not.
struct Plan {
  Owned<cublasLtMatmulDesc_t> product;
  Owned<cublasLtMatrixLayout_t> a, b, y;
  std::optional<cublasLtMatmulAlgo_t> algorithm{};
  std::size_t workspace_bytes = 0;
};

class CublasLtProducts final : public Products {
 public:
  explicit CublasLtProducts(Stream stream) : stream_(stream), handle_(nullptr, functions_.destroy) {
    cublasLtHandle_t handle = nullptr;
    check_status(functions_.create(&handle), "cublasLtCreate");
    handle_.reset(handle);
  }

  bool matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) override {
    if (a.size() == 0 || b.size() == 0) return false;
    Plan& plan = plan_of({a.dtype, transpose_a, transpose_b, a.shape[0], a.shape[1], b.shape[0], b.shape[1],
                          alignment(a.data), alignment(b.data), alignment(y.data)});
    if (!plan.algorithm) return false;
    const DeviceBuffer workspace(stream_, plan.workspace_bytes);
    const float one = 1, zero = 0;
    const cublasStatus_t status = functions_.matmul(
        handle_.get(), plan.product.get(), &one, b.data, plan.b.get(), a.data, plan.a.get(), &zero, y.data,
        plan.y.get(), y.data, plan.y.get(), &*plan.algorithm, workspace.data(), plan.workspace_bytes, stream_.handle());
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
      plan.algorithm.reset();
      return false;
    }
    check_status(status, "the product of ", a.shape, " and ", b.shape);
    return true;
  }

 private:
  template <class... What>
  void check_status(cublasStatus_t status, const What&... what) const {
    check(status == CUBLAS_STATUS_SUCCESS, "cuBLASLt: ", what..., ": ", functions_.get_status_string(status),
          " (BASIN_CUDA_PRODUCTS=own does without cuBLASLt)");
  }

  // A row-major matrix is the transposed one to cuBLASLt, whose matrices are column-major.
  Owned<cublasLtMatrixLayout_t> describe_matrix(DType type, std::int64_t rows, std::int64_t columns) const {
    cublasLtMatrixLayout_t layout = nullptr;
    check_status(functions_.create_layout(&layout, cuda_type(type), static_cast<std::uint64_t>(columns),
                                          static_cast<std::uint64_t>(rows), columns),
                 "a matrix of ", rows, " x ", columns);
    return {layout, functions_.destroy_layout};
  }

  // y' = op(b)' op(a)': b is the first operand.
  Owned<cublasLtMatmulDesc_t> describe_product(bool transpose_a, bool transpose_b) const {
    cublasLtMatmulDesc_t created = nullptr;
    check_status(functions_.create_product(&created, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a product");
    Owned<cublasLtMatmulDesc_t> product(created, functions_.destroy_product);
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, bool transpose) {
      const cublasOperation_t operation = transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
      check_status(functions_.set_product(created, attribute, &operation, sizeof(operation)), "a transposition");
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, transpose_b);
    set(CUBLASLT_MATMUL_DESC_TRANSB, transpose_a);
    return product;
  }

  Owned<cublasLtMatmulPreference_t> preference_for(const ProductCase& c) const {
    cublasLtMatmulPreference_t created = nullptr;
    check_status(functions_.create_preference(&created), "a preference");
    Owned<cublasLtMatmulPreference_t> preference(created, functions_.destroy_preference);
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      check_status(functions_.set_preference(created, attribute, &value, sizeof(value)), "a preference");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceLimit);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, c.b_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, c.a_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c.y_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c.y_alignment);
    // Partial sums in f32, added in a step of their own: not in the output's type, nor in place.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    return preference;
  }

  Plan make_plan(const ProductCase& c) const {
    Plan plan{describe_product(c.transpose_a, c.transpose_b), describe_matrix(c.type, c.a_rows, c.a_columns),
              describe_matrix(c.type, c.b_rows, c.b_columns), describe_matrix(c.type, c.rows(), c.columns())};
    const auto preference = preference_for(c);
    cublasLtMatmulHeuristicResult_t best{};
    int count = 0;
    const cublasStatus_t status =
        functions_.rank_algorithms(handle_.get(), plan.product.get(), plan.b.get(), plan.a.get(), plan.y.get(),
                                   plan.y.get(), preference.get(), 1, &best, &count);
    if (status != CUBLAS_STATUS_SUCCESS || count == 0 || best.state != CUBLAS_STATUS_SUCCESS) return plan;
    plan.algorithm = best.algo;
    plan.workspace_bytes = best.workspaceSize;
    return plan;
  }

  Plan& plan_of(const ProductCase& c) {
    const auto found = plans_.find(c);
    return found != plans_.end() ? found->second : plans_.emplace(c, make_plan(c)).first->second;
  }

  Stream stream_;
  CublasLtFunctions functions_;
  Owned<cublasLtHandle_t> handle_;
  std::map<ProductCase, Plan> plans_;
};

}  // namespace

FoundLibrary find_cublas_lt() { return find_library<CublasLtFunctions>("cuBLASLt"); }
std::unique_ptr<Products> open_cublas_lt(Stream stream) { return std::make_unique<CublasLtProducts>(stream); }

}  // namespace basin::cuda
