// One PNG or JPEG file as a square of pixels.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace basin {

// Whether the name ends in .png, .jpg or .jpeg, in any case.
bool is_image_name(const std::filesystem::path& path);

// uint8 (extent, extent, 3), red, green, blue. The largest centred square of the image is scaled to extent x extent:
// the shorter side becomes `extent` and what the longer one has beyond it is cut equally from both ends. Scaling is in
// the stored (sRGB) values with stb_image_resize's Mitchell filter downwards and Catmull-Rom upwards; an image whose
// shorter side is `extent` is only cut. Grey images become three equal channels and transparency is ignored. Error
// naming the file if it cannot be decoded.
std::vector<std::uint8_t> read_image(const std::filesystem::path& path, std::int64_t extent);

}  // namespace basin
