#include "tools/plotting/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace basin {
namespace {

using Color = std::array<double, 3>;  // red, green, blue in 0 .. 255

// Viridis at equal distances.
constexpr std::array<std::array<int, 3>, 9> kViridis = {{{0x44, 0x01, 0x54},
                                                         {0x47, 0x2d, 0x7b},
                                                         {0x3b, 0x52, 0x8b},
                                                         {0x2c, 0x72, 0x8e},
                                                         {0x21, 0x91, 0x8c},
                                                         {0x28, 0xae, 0x80},
                                                         {0x5e, 0xc9, 0x62},
                                                         {0xad, 0xdc, 0x30},
                                                         {0xfd, 0xe7, 0x25}}};
constexpr double kDarkestPaperContrast = 110;  // luma that a line on white may have at most

Color color_at(double position) {
  const double place = std::clamp(position, 0.0, 1.0) * (kViridis.size() - 1);
  const std::size_t low = std::min<std::size_t>(static_cast<std::size_t>(place), kViridis.size() - 2);
  Color color;
  for (std::size_t c = 0; c < 3; ++c)
    color[c] = std::lerp<double>(kViridis[low][c], kViridis[low + 1][c], place - static_cast<double>(low));
  return color;
}

std::string text(const Color& color) {
  const auto digits = [](double channel) { return static_cast<int>(std::lround(channel)); };
  return fmt::format("#{:02x}{:02x}{:02x}", digits(color[0]), digits(color[1]), digits(color[2]));
}

}  // namespace

std::string palette_color(double position) { return text(color_at(position)); }

std::string palette_ink(double position) {
  Color color = color_at(position);
  const double luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
  if (luma > kDarkestPaperContrast)
    for (double& channel : color) channel *= kDarkestPaperContrast / luma;
  return text(color);
}

std::string palette_command() {
  std::string command = "set palette defined (";
  for (std::size_t i = 0; i < kViridis.size(); ++i)
    command += fmt::format("{}{} '#{:02x}{:02x}{:02x}'", i == 0 ? "" : ", ", i, kViridis[i][0], kViridis[i][1],
                           kViridis[i][2]);
  return command + ")";
}

}  // namespace basin
