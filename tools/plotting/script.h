// A gnuplot script under construction: one picture of one or more panels.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tools/plotting/gnuplot.h"

namespace basin {

struct Size {
  int width = 0, height = 0;  // pixels, at 96 to the inch
};
// Error naming `what` unless the text is WIDTHxHEIGHT, each from 100 to 20000.
Size parse_size(const std::string& text, const std::string& what);

// A rectangle on the picture in pixels, from its top left corner.
struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

inline constexpr int kFontSize = 12;  // points; panels derive the sizes of titles and small text from it
inline constexpr const char* kGrey = "#606060";

class Script {
 public:
  Script(PictureFormat format, Size size, const std::string& title);

  template <class... Values>
  void command(fmt::format_string<Values...> format, Values&&... values) {
    commands_ += fmt::format(format, std::forward<Values>(values)...) + '\n';
  }
  // Stores rows of numbers in the script; returns the name by which plot commands read them.
  std::string data(std::string_view rows);
  // Starts a panel whose plotting area fills `box`: clears labels, arrows, objects and settings of the panel before.
  void begin_panel(const Box& box, const std::string& title);
  PictureFormat format() const { return format_; }
  // Positions on the picture, 0 to 1 from the left and the bottom.
  double screen_x(double pixels) const { return pixels / size_.width; }
  double screen_y(double pixels) const { return 1 - pixels / size_.height; }

  // The whole script. With `output` it writes that file, else to stdout.
  std::string text(const std::string& output = {}) const;

 private:
  PictureFormat format_;
  Size size_;
  std::string terminal_, data_, commands_;
  int blocks_ = 0;
};

// As a gnuplot string: in single quotes, on one line.
std::string gnuplot_string(std::string_view text);

}  // namespace basin
