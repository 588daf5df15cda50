#include "data/image_file.h"

#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <memory>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 27;  // a damaged or hostile header asks for no more memory

struct FreePixels {
  void operator()(stbi_uc* pixels) const { stbi_image_free(pixels); }
};
using Pixels = std::unique_ptr<stbi_uc, FreePixels>;

struct Decoded {
  Pixels pixels;
  int width = 0, height = 0;
};

Decoded decode(const std::filesystem::path& path) {
  const std::string contents = read_file(path);
  check(contents.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), path.string(),
        ": an image file of ", contents.size(), " bytes is too large");
  const auto* bytes = reinterpret_cast<const stbi_uc*>(contents.data());
  const int size = static_cast<int>(contents.size());
  Decoded image;
  int channels = 0;
  const char* expected = ": expected a PNG or JPEG image, found ";
  if (!stbi_info_from_memory(bytes, size, &image.width, &image.height, &channels))
    fail(path.string(), expected, "something else (", stbi_failure_reason(), ")");
  check(std::int64_t{image.width} * image.height <= kMostPixels, path.string(), ": ", image.width, " x ", image.height,
        " pixels are more than the ", kMostPixels, " that are read");
  image.pixels.reset(stbi_load_from_memory(bytes, size, &image.width, &image.height, &channels, 3));
  if (!image.pixels) fail(path.string(), expected, "a damaged one (", stbi_failure_reason(), ")");
  return image;
}

}  // namespace

bool is_image_name(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<std::uint8_t> read_image(const std::filesystem::path& path, std::int64_t extent) {
  const Decoded image = decode(path);
  const int side = std::min(image.width, image.height), stride = 3 * image.width, output = static_cast<int>(extent);
  const int left = (image.width - side) / 2, top = (image.height - side) / 2;
  const stbi_uc* square = image.pixels.get() + std::int64_t{top} * stride + std::int64_t{3} * left;
  std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * extent * extent));
  if (side == extent) {
    for (std::int64_t row = 0; row < extent; ++row)
      std::copy_n(square + row * stride, 3 * extent, result.data() + row * 3 * extent);
    return result;
  }
  const int scaled = stbir_resize_uint8(square, side, side, stride, result.data(), output, output, 0, 3);
  check(scaled == 1, path.string(), ": not enough memory to scale ", side, " x ", side, " to ", extent, " x ", extent);
  return result;
}

}  // namespace basin
