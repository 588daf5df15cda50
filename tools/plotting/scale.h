// From a value to its height and colour.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace basin {

// Values above `clip` are drawn at `clip`; then z, or ln(z + 0.1) as in figure 1 of Li et al. 2018.
struct Scale {
  double clip = std::numeric_limits<double>::infinity();
  bool logarithmic = false;
  double height(double value) const;  // NaN and infinite values: NaN
  double value(double height) const;  // the inverse, below the clip
};

// That of the flags --log, which clips at 10 as the paper's figure 1 does, and --clip. Error if the clip is NaN.
Scale make_scale(bool logarithmic, std::optional<double> clip);

// Round numbers (1, 2 or 5 times a power of ten apart) from min to max, about `count`: contour levels or axis ticks.
std::vector<double> round_steps(double min, double max, int count);
// Values whose heights lie in [scale.height(min), scale.height(max)], evenly seen on that scale: round_steps, or
// 1, 2, 5 series on the logarithmic one.
std::vector<double> ticks(const Scale& scale, double min, double max, int count);
// Contour levels: ticks, without those at the ends, and for losses 0.1 as the lowest level, as in the paper's figures.
std::vector<double> contour_levels(const Scale& scale, double min, double max, int count, bool loss);
// "12" levels or a list "0.1,0.5,1" or "0.1:10:21" (both ends included). Error naming --levels.
struct Levels {
  int count = 0;               // 0: a good number
  std::vector<double> values;  // empty: chosen
};
Levels parse_levels(const std::string& text);

// The shortest text that tells the value from its neighbours: "0.1", "2.5", "1e+04".
std::string number_text(double value);

}  // namespace basin
