// The functions of cuBLASLt that Basin calls.
#pragma once
#include <cublasLt.h>

#include "cuda/native/libraries/dynamic_library.h"

namespace basin::cuda {

// Each is resolved when the table is made: Error where one is missing.
struct CublasLtFunctions {
  DynamicLibrary library{"libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR)};

  decltype(&cublasLtGetVersion) get_version = library["cublasLtGetVersion"];
  decltype(&cublasLtGetStatusString) get_status_string = library["cublasLtGetStatusString"];
  decltype(&cublasLtCreate) create = library["cublasLtCreate"];
  decltype(&cublasLtDestroy) destroy = library["cublasLtDestroy"];

  decltype(&cublasLtMatmulDescCreate) create_product = library["cublasLtMatmulDescCreate"];
  decltype(&cublasLtMatmulDescSetAttribute) set_product = library["cublasLtMatmulDescSetAttribute"];
  decltype(&cublasLtMatmulDescDestroy) destroy_product = library["cublasLtMatmulDescDestroy"];
  decltype(&cublasLtMatrixLayoutCreate) create_layout = library["cublasLtMatrixLayoutCreate"];
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = library["cublasLtMatrixLayoutDestroy"];
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = library["cublasLtMatmulPreferenceCreate"];
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = library["cublasLtMatmulPreferenceSetAttribute"];
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference = library["cublasLtMatmulPreferenceDestroy"];

  decltype(&cublasLtMatmulAlgoGetHeuristic) rank_algorithms = library["cublasLtMatmulAlgoGetHeuristic"];
  decltype(&cublasLtMatmul) matmul = library["cublasLtMatmul"];
};

}  // namespace basin::cuda
