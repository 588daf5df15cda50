#include "landscape/grid.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "core/error.h"

namespace basin {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The number that `text` spells out completely, independent of the locale; false if it does not.
template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && !text.empty();
}

// The shortest text that reads back as the same number.
std::string shortest(double number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

}  // namespace

double Range::value(std::int64_t index) const {
  if (index == 0) return first;
  if (index == count - 1) return last;
  const double exact = first + (last - first) * static_cast<double>(index) / static_cast<double>(count - 1);
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(first), std::abs(last));
  return std::abs(exact) <= rounding ? 0.0 : exact;
}

std::vector<double> Range::values() const {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = value(i);
  return values;
}

std::string Range::text() const { return shortest(first) + ':' + shortest(last) + ':' + std::to_string(count); }

Range parse_range(std::string_view text, std::string_view what) {
  const std::vector<std::string_view> parts = split(text, ':');
  const auto require = [&](bool condition, const auto&... reason) {
    if (!condition) fail(what, " '", text, "': ", reason...);
  };
  const auto number = [&](std::string_view part) {
    double value = 0;
    require(parse_number(part, value) && std::isfinite(value), "'", part, "' is not a finite number");
    return value == 0 ? 0.0 : value;  // no negative zero
  };
  require(parts.size() == 1 || parts.size() == 3, "expected first:last:count (such as -1:1:51) or one value");
  Range range;
  range.first = range.last = number(parts.front());
  if (parts.size() == 1) return range;

  range.last = number(parts[1]);
  require(parse_number(parts[2], range.count) && range.count >= 1 && range.count <= kMaxRangePoints,
          "expected a count from 1 to ", kMaxRangePoints, ", found '", parts[2], "'");
  require(range.count > 1 || range.first == range.last, "one point cannot have two ends");
  require(range.count == 1 || range.first != range.last, range.count, " points need two different ends");
  require(std::isfinite(range.last - range.first), "the ends are too far apart");
  return range;
}

Point Grid::point(std::int64_t index) const {
  return {x.value(index % x.count), two_dimensional ? y.value(index / x.count) : 0.0};
}

Grid make_grid(const Range& x) { return {.x = x, .y = {}, .two_dimensional = false}; }

Grid make_grid(const Range& x, const Range& y) {
  check(x.count <= kMaxGridPoints / y.count, "grid of ", x.count, " x ", y.count, " points: expected at most ",
        kMaxGridPoints);
  return {.x = x, .y = y, .two_dimensional = true};
}

}  // namespace basin
