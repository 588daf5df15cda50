// Enumerations with names, as flags and files write them.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"

namespace basin {

template <class Enum>
struct Choice {
  std::string_view name;
  Enum value;
};

// The value named `text`; Error "<what>: expected sgd, adam or adamw, found 'sgdd'; did you mean sgd?".
template <class Enum, std::size_t count>
Enum parse_choice(std::string_view what, std::string_view text, const Choice<Enum> (&choices)[count]) {
  std::string expected;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    if (choices[i].name == text) return choices[i].value;
    names.emplace_back(choices[i].name);
    expected.append(i == 0 ? "" : i + 1 < count ? ", " : " or ").append(choices[i].name);
  }
  const std::string near = nearest(text, names);
  fail(what, ": expected ", expected, ", found '", text, "'", near.empty() ? "" : "; did you mean " + near + "?");
}

template <class Enum, std::size_t count>
std::string choice_name(Enum value, const Choice<Enum> (&choices)[count]) {
  for (const Choice<Enum>& choice : choices)
    if (choice.value == value) return std::string(choice.name);
  fail("choice ", static_cast<int>(value), " has no name");
}

}  // namespace basin
