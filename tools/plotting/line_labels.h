// Where a contour line carries its level: on its straightest stretch, away from other labels.
#pragma once
#include <string>
#include <vector>

#include "tools/plotting/isolines.h"
#include "tools/plotting/script.h"

namespace basin {

struct LineLabel {
  Vertex at;       // the text's centre
  double degrees;  // upright: in (-90, 90]
};
struct LabelledLine {
  std::vector<LineLabel> labels;
  std::vector<Polyline> strokes;  // the line without the stretches under its labels
};

class LabelPlacer {
 public:
  // Axes x, y fill `box`; text is `points` high.
  LabelPlacer(const Box& box, const Extent& x, const Extent& y, int points);
  // A line of another level, which labels keep clear of.
  void avoid(const Polyline& line, double level);
  LabelledLine place(const Polyline& line, double level, const std::string& text);

 private:
  Vertex pixel(const Vertex& vertex) const;
  Vertex unpixel(const Vertex& pixel) const;
  bool free(const Vertex& center, double radius) const;
  bool crossed(const Vertex& a, const Vertex& b, double level) const;

  Box box_;
  Extent x_, y_;
  double text_height_;  // pixels
  struct Disc {
    Vertex center;
    double radius;
  };
  std::vector<Disc> taken_;
  struct Obstacle {
    Vertex at;  // pixels
    double level;
  };
  std::vector<Obstacle> obstacles_;
};

}  // namespace basin
