#include "landscape/hessian/probes.h"

#include "core/backend.h"
#include "core/random.h"

namespace basin {

VectorType type_of(const Tensor& vector) { return {vector.size(), vector.dtype(), &vector.backend()}; }

Tensor normal_probe(const VectorType& type, std::uint64_t seed, std::string_view name, std::uint64_t index) {
  return normal({type.size}, seed, random_stream(name, index), type.dtype, *type.backend);
}

Tensor sign_probe(const VectorType& type, std::uint64_t seed, std::string_view name, std::uint64_t index) {
  const Recording off(false);
  const Tensor u = Tensor::empty({type.size}, type.dtype, *type.backend);
  type.backend->uniform(seed, random_stream(name, index), u.mutable_view());
  const Tensor half = Tensor::full({type.size}, 0.5, type.dtype, *type.backend);
  return greater_equal(u, half) * 2.0 - 1.0;
}

}  // namespace basin
