// States of a single tensor: points in the space of its elements.
#pragma once
#include <vector>

#include "core/backend.h"
#include "models/state.h"

namespace basin {

template <class T = double>
State flat_state(const std::vector<T>& values, const std::string& name = "weight") {
  State state;
  state.add({.name = name,
             .role = Role::weight,
             .value = Tensor::from<T>({static_cast<std::int64_t>(values.size())}, values, cpu_backend())});
  return state;
}

template <class T = double>
std::vector<T> values_of(const State& state) {
  return state.entries().front().value.to_vector<T>();
}

}  // namespace basin
