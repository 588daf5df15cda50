// Colours. Viridis (S. van der Walt, N. Smith, CC0) is uniform to the eye, and reads in grey and by the colour-blind.
#pragma once
#include <string>

namespace basin {

// "#rrggbb" at `position` of the palette, 0 (dark violet) to 1 (yellow).
std::string palette_color(double position);
// The same, darkened where needed so that thin lines and small text can be read on white.
std::string palette_ink(double position);
// gnuplot's "set palette ..." for the whole range.
std::string palette_command();

}  // namespace basin
