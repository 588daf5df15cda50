// Folders of PNG and JPEG files, one folder a class.
#pragma once
#include <cstdint>
#include <filesystem>

#include "data/dataset.h"

namespace basin {

// train/<class>/* and test/<class>/*, with the same classes in both, or without these two <class>/*, where every fifth
// image of each class by sorted name is a test image. Classes are numbered by sorted name. Files that are not named
// .png, .jpg or .jpeg and names that begin with a dot are skipped. The images come in a fixed shuffled order, so that
// the first n of them are a fair sample of the classes. Scaling: see read_image.
// Errors: a folder that is neither, cannot be read, or has fewer than two classes; a class without images or, without
// train/ and test/, with fewer than five; a file that cannot be decoded.
Dataset read_image_folder(const std::filesystem::path& folder, std::int64_t extent);

}  // namespace basin
