// One row per operation (and per interesting shape of it): what every check of operation_test.cpp runs on.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/operations.h"

namespace basin {

struct OperationCase {
  std::string name;
  std::vector<Shape> inputs;  // all differentiated
  std::function<Tensor(const Tensors&)> function;
  bool positive = false;  // inputs are drawn from [0.5, 2.5) instead of the standard normal
};

inline std::ostream& operator<<(std::ostream& out, const OperationCase& row) { return out << row.name; }

const std::vector<OperationCase>& operation_table();

}  // namespace basin
