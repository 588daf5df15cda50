// What a run depends on, as JSON text.
#pragma once
#include <string>

namespace basin {

// "<field>: expected <wanted>, found <found>" of the first field in which two configurations differ.
std::string configuration_difference(const std::string& wanted, const std::string& found);

}  // namespace basin
