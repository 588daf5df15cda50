// The nearest name to a mistyped one.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace basin {

// The name in `known` at the least edit distance (Levenshtein) from `typed`, "" if none is within half of its length.
std::string nearest(std::string_view typed, const std::vector<std::string>& known);

}  // namespace basin
