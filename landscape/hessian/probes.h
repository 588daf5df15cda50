// Random vectors for stochastic estimates: functions of (seed, name, index) and the size alone.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/tensor.h"

namespace basin {

// What the vectors of an operator are.
struct VectorType {
  std::int64_t size = 0;
  DType dtype = DType::f32;
  Backend* backend = nullptr;
};
VectorType type_of(const Tensor& vector);

// Standard normal elements.
Tensor normal_probe(const VectorType& type, std::uint64_t seed, std::string_view name, std::uint64_t index);
// Each element 1 or -1.
Tensor sign_probe(const VectorType& type, std::uint64_t seed, std::string_view name, std::uint64_t index);

}  // namespace basin
