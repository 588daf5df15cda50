// PNG files for the tests.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace basin {

// Writes uint8 pixels (height, width, channels) as a PNG file, with the folders that its path lacks.
void write_png(const std::filesystem::path& path, int width, int height, int channels,
               const std::vector<std::uint8_t>& pixels);

}  // namespace basin
