// What a classifier is trained on and measured by, per image.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace basin {

enum class Objective : std::uint8_t {
  cross_entropy,
  squared_error,  // mean over classes of (softmax - one-hot)^2
};
Objective parse_objective(std::string_view name);  // "cross-entropy", "mse"; else Error
std::string name_of(Objective objective);

}  // namespace basin
