#include "tests/data/png_file.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#include "core/error.h"

namespace basin {

void write_png(const std::filesystem::path& path, int width, int height, int channels,
               const std::vector<std::uint8_t>& pixels) {
  std::filesystem::create_directories(path.parent_path());
  check(stbi_write_png(path.c_str(), width, height, channels, pixels.data(), width * channels) != 0, "cannot write ",
        path.string());
}

}  // namespace basin
