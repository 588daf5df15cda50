#include "tools/plotting/script.h"

#include <charconv>

#include "core/error.h"

namespace basin {
namespace {

constexpr double kPixelsPerInch = 96;
constexpr double kTitleRise = 20;  // pixels from a panel to the middle of its title
constexpr int kLeastSize = 100, kMostSize = 20000;

std::string terminal(PictureFormat format, Size size) {
  const std::string font = fmt::format("font 'sans-serif,{}' noenhanced background rgb 'white'", kFontSize);
  switch (format) {
    case PictureFormat::png:
      return fmt::format("set terminal pngcairo size {},{} {}", size.width, size.height, font);
    case PictureFormat::svg:
      return fmt::format("set terminal svg size {},{} dynamic {}", size.width, size.height, font);
    case PictureFormat::pdf:
      return fmt::format("set terminal pdfcairo size {:.4f}in,{:.4f}in {}", size.width / kPixelsPerInch,
                         size.height / kPixelsPerInch, font);
  }
  return {};
}

int parse_extent(std::string_view text, const std::string& whole, const std::string& what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && value >= kLeastSize && value <= kMostSize, what,
        ": expected WIDTHxHEIGHT in pixels, each from ", kLeastSize, " to ", kMostSize, ", found '", whole, "'");
  return value;
}

}  // namespace

Size parse_size(const std::string& text, const std::string& what) {
  const std::size_t cross = text.find('x');
  const std::string_view view = text;
  return {parse_extent(view.substr(0, cross), text, what),
          parse_extent(cross == std::string::npos ? std::string_view{} : view.substr(cross + 1), text, what)};
}

Script::Script(PictureFormat format, Size size, const std::string& title)
    : format_(format), size_(size), terminal_(terminal(format, size)) {
  command("set encoding utf8");
  if (title.empty())
    command("set multiplot");
  else
    command("set multiplot title {} font ',{}'", gnuplot_string(title), kFontSize + 4);
}

std::string Script::data(std::string_view rows) {
  std::string name = fmt::format("$data{}", ++blocks_);
  data_ += name + " << END\n";
  data_ += rows;
  if (!rows.ends_with('\n')) data_ += '\n';
  data_ += "END\n";
  return name;
}

void Script::begin_panel(const Box& box, const std::string& title) {
  command("\nreset");
  command("set lmargin at screen {:.5f}; set rmargin at screen {:.5f}", screen_x(box.left), screen_x(box.right));
  command("set tmargin at screen {:.5f}; set bmargin at screen {:.5f}", screen_y(box.top), screen_y(box.bottom));
  if (!title.empty())
    command("set label {} at screen {:.5f},{:.5f} center font ',{}'", gnuplot_string(title),
            screen_x((box.left + box.right) / 2), screen_y(box.top - kTitleRise), kFontSize + 1);
  command("set border lw 0.8 lc rgb '{}'; set tics nomirror textcolor rgb '#202020' scale 0.6", kGrey);
  command("unset key");
}

std::string Script::text(const std::string& output) const {
  const std::string file = output.empty() ? "" : fmt::format("set output {}\n", gnuplot_string(output));
  return terminal_ + '\n' + file + '\n' + data_ + '\n' + commands_ + "\nunset multiplot\n" +
         (output.empty() ? "" : "unset output\n");
}

std::string gnuplot_string(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "''";
    else
      result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "'";
}

}  // namespace basin
