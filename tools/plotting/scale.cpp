#include "tools/plotting/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "landscape/grid.h"

namespace basin {
namespace {

constexpr double kLogOffset = 0.1;
constexpr double kPaperClip = 10;  // figure 1 of the paper
constexpr int kMostLevels = 100;

double round_step(double range, int count) {
  const double rough = range / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  // The nearest of 1, 2, 5, 10 in ratio.
  for (const auto& [digit, limit] : {std::pair{1.0, std::sqrt(2)}, {2.0, std::sqrt(10)}, {5.0, std::sqrt(50)}})
    if (rough <= limit * power) return digit * power;
  return 10 * power;
}

std::vector<double> decade_steps(double min, double max, int count) {
  std::vector<double> result;
  const int first = static_cast<int>(std::floor(std::log10(std::max(min, kLogOffset / 10))));
  const int last = static_cast<int>(std::ceil(std::log10(std::max(max, kLogOffset))));
  const bool only_decades = last - first > count;
  const int stride = std::max((last - first) / std::max(count, 1), 1);
  for (int decade = first; decade <= last; decade += only_decades ? stride : 1)
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double value = digit * std::pow(10, decade);
      if (value >= min && value <= max && (!only_decades || digit == 1)) result.push_back(value);
    }
  return result;
}

double parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && std::isfinite(value), "--levels: '", text,
        "' is not a number (expected a count such as 12, a list such as 0.1,0.5,1 or a range such as 0.1:10:21)");
  return value;
}

}  // namespace

double Scale::height(double value) const {
  if (!std::isfinite(value)) return std::numeric_limits<double>::quiet_NaN();
  const double clipped = std::min(value, clip);
  return logarithmic ? std::log(clipped + kLogOffset) : clipped;
}

double Scale::value(double height) const { return logarithmic ? std::exp(height) - kLogOffset : height; }

Scale make_scale(bool logarithmic, std::optional<double> clip) {
  Scale scale;
  scale.logarithmic = logarithmic;
  if (logarithmic) scale.clip = kPaperClip;
  if (clip) scale.clip = *clip;
  check(!std::isnan(scale.clip), "--clip: expected a number, found nan");
  return scale;
}

std::vector<double> round_steps(double min, double max, int count) {
  std::vector<double> result;
  if (!(max > min)) return result;
  const double step = round_step(max - min, count);
  for (double k = std::ceil(min / step - 1e-9); k * step <= max + 1e-9 * step; ++k)
    result.push_back(k == 0 ? 0 : std::stod(fmt::format("{:.12g}", k * step)));
  return result;
}

std::vector<double> ticks(const Scale& scale, double min, double max, int count) {
  const double top = std::min(max, scale.clip);
  return scale.logarithmic ? decade_steps(min, top, count) : round_steps(min, top, count);
}

std::vector<double> contour_levels(const Scale& scale, double min, double max, int count, bool loss) {
  const double top = std::min(max, scale.clip);
  std::vector<double> levels = ticks(scale, min, top, count > 0 ? count : 16);
  if (loss && min < 0.1 && !levels.empty() && top > 0.2) levels.push_back(0.1);
  std::sort(levels.begin(), levels.end());
  const double nothing = (top - min) * 1e-9;
  std::erase_if(levels, [&](double level) { return !(level > min + nothing && level < top - nothing); });
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

Levels parse_levels(const std::string& text) {
  Levels levels;
  if (text.empty()) return levels;
  if (text.find(':') != std::string::npos) {
    levels.values = parse_range(text, "--levels").values();
  } else if (text.find_first_of(",.") == std::string::npos) {
    const double count = parse_number(text);
    check(count >= 1 && count <= kMostLevels && count == std::floor(count), "--levels: expected a count of 1 to ",
          kMostLevels, ", found ", text, " (one level alone is written ", text, ",)");
    levels.count = static_cast<int>(count);
  } else {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      levels.values.push_back(parse_number(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  check(levels.values.size() <= static_cast<std::size_t>(kMostLevels), "--levels: expected at most ", kMostLevels,
        " levels, found ", levels.values.size());
  std::sort(levels.values.begin(), levels.values.end());
  levels.values.erase(std::unique(levels.values.begin(), levels.values.end()), levels.values.end());
  return levels;
}

std::string number_text(double value) { return fmt::format("{:.4g}", value); }

}  // namespace basin
