#include "tools/plotting/line_labels.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace basin {
namespace {

constexpr double kPixelsPerPoint = 96.0 / 72;
constexpr double kDigitWidth = 0.62, kPadding = 0.7;  // of the text's height
constexpr double kClearance = 0.55;                   // of the text's height, to lines of other levels
constexpr double kLeastStraightness = 0.9;            // chord over arc under a label
constexpr double kLabelSpacing = 900;                 // pixels of line a label
constexpr double kStep = 4;                           // pixels between places that are tried

double distance(const Vertex& a, const Vertex& b) { return std::hypot(a.x - b.x, a.y - b.y); }

// A line by its arc length.
class Arc {
 public:
  explicit Arc(std::vector<Vertex> points) : points_(std::move(points)), length_{0} {
    for (std::size_t i = 1; i < points_.size(); ++i)
      length_.push_back(length_.back() + distance(points_[i - 1], points_[i]));
  }
  double length() const { return length_.back(); }

  Vertex at(double s) const {
    const std::size_t i = segment(s);
    const double span = length_[i + 1] - length_[i];
    const double t = span > 0 ? std::clamp((s - length_[i]) / span, 0.0, 1.0) : 0;
    return {std::lerp(points_[i].x, points_[i + 1].x, t), std::lerp(points_[i].y, points_[i + 1].y, t)};
  }
  std::vector<Vertex> piece(double from, double to) const {
    std::vector<Vertex> result{at(from)};
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (length_[i] > from && length_[i] < to) result.push_back(points_[i]);
    result.push_back(at(to));
    return result;
  }

 private:
  std::size_t segment(double s) const {
    const auto above = std::upper_bound(length_.begin(), length_.end(), s);
    const std::ptrdiff_t index = above - length_.begin() - 1;
    return static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(index, 0, static_cast<std::ptrdiff_t>(points_.size()) - 2));
  }

  std::vector<Vertex> points_;
  std::vector<double> length_;
};

double upright(double degrees) {
  while (degrees > 90) degrees -= 180;
  while (degrees <= -90) degrees += 180;
  return degrees;
}

}  // namespace

LabelPlacer::LabelPlacer(const Box& box, const Extent& x, const Extent& y, int points)
    : box_(box), x_(x), y_(y), text_height_(points * kPixelsPerPoint) {}

Vertex LabelPlacer::pixel(const Vertex& vertex) const {
  return {box_.left + (vertex.x - x_.min) / (x_.max - x_.min) * box_.width(),
          box_.bottom - (vertex.y - y_.min) / (y_.max - y_.min) * box_.height()};
}

Vertex LabelPlacer::unpixel(const Vertex& pixel) const {
  return {x_.min + (pixel.x - box_.left) / box_.width() * (x_.max - x_.min),
          y_.min + (box_.bottom - pixel.y) / box_.height() * (y_.max - y_.min)};
}

bool LabelPlacer::free(const Vertex& center, double radius) const {
  const bool inside = center.x - radius > box_.left && center.x + radius < box_.right && center.y - radius > box_.top &&
                      center.y + radius < box_.bottom;
  return inside && std::none_of(taken_.begin(), taken_.end(),
                                [&](const Disc& disc) { return distance(center, disc.center) < radius + disc.radius; });
}

void LabelPlacer::avoid(const Polyline& line, double level) {
  for (const Vertex& vertex : line) obstacles_.push_back({pixel(vertex), level});
}

// Whether a line of another level passes under text from a to b.
bool LabelPlacer::crossed(const Vertex& a, const Vertex& b, double level) const {
  const double length = distance(a, b), along_x = (b.x - a.x) / length, along_y = (b.y - a.y) / length;
  return std::any_of(obstacles_.begin(), obstacles_.end(), [&](const Obstacle& obstacle) {
    const double dx = obstacle.at.x - a.x, dy = obstacle.at.y - a.y, along = dx * along_x + dy * along_y;
    return obstacle.level != level && along > 0 && along < length &&
           std::abs(dy * along_x - dx * along_y) < kClearance * text_height_;
  });
}

LabelledLine LabelPlacer::place(const Polyline& line, double level, const std::string& text) {
  std::vector<Vertex> pixels;
  for (const Vertex& vertex : line) pixels.push_back(pixel(vertex));
  const Arc arc(std::move(pixels));
  const double width = text_height_ * (kDigitWidth * static_cast<double>(text.size()) + kPadding);
  LabelledLine result;
  double begin = 0;
  const auto stroke = [&](double from, double to) {
    if (!(to > from)) return;
    Polyline piece;
    for (const Vertex& point : arc.piece(from, to)) piece.push_back(unpixel(point));
    result.strokes.push_back(std::move(piece));
  };
  const double parts = std::ceil(arc.length() / kLabelSpacing);
  for (double part = 0; arc.length() > 2 * width && part < parts; ++part) {
    const double first = std::max(arc.length() * part / parts, begin), last = arc.length() * (part + 1) / parts - width;
    double best = kLeastStraightness, start = -1;
    const int places = last < first ? 0 : static_cast<int>((last - first) / kStep) + 1;
    for (int i = 0; i < places; ++i) {
      const double s = first + i * kStep;
      const double straightness = distance(arc.at(s), arc.at(s + width)) / width;
      if (straightness > best && free(arc.at(s + width / 2), width / 2) &&
          !crossed(arc.at(s), arc.at(s + width), level)) {
        best = straightness;
        start = s;
      }
    }
    if (start < 0) continue;
    const Vertex a = arc.at(start), b = arc.at(start + width), center{(a.x + b.x) / 2, (a.y + b.y) / 2};
    taken_.push_back({center, width / 2});
    result.labels.push_back({unpixel(center), upright(std::atan2(a.y - b.y, b.x - a.x) * 180 / std::numbers::pi)});
    stroke(begin, start);
    begin = start + width;
  }
  stroke(begin, arc.length());
  return result;
}

}  // namespace basin
