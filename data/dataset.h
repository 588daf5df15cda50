// Labelled images in memory, as every part of Basin reads them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace basin {

enum class Split : std::uint8_t { train, test };

// uint8 images (N, H, W, C) with C = 3, channels interleaved red, green, blue.
struct Images {
  std::int64_t count = 0, height = 32, width = 32, channels = 3;
  std::vector<std::uint8_t> pixels;  // count * height * width * channels
  std::vector<std::int32_t> labels;  // count, each in [0, classes)
  std::int64_t image_size() const { return height * width * channels; }
  // The first `n` images; n <= count, else Error.
  Images first(std::int64_t n) const;
};

// Per-channel constants on the scale of pixel / 255.
struct Normalization {
  std::vector<float> mean, deviation;
};
// The recipe's constants: mean [125.3, 123.0, 113.9] / 255, standard deviation [63.0, 62.1, 66.7] / 255.
Normalization recipe_normalization();

struct Dataset {
  std::string name;  // "cifar10", "cifar100", "synthetic", "folder:<name>"
  std::vector<std::string> class_names;
  Normalization normalization = recipe_normalization();
  Images train, test;
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names.size()); }
  const Images& split(Split which) const { return which == Split::train ? train : test; }
};

struct DatasetOptions {
  std::int64_t image_extent = 32;  // image folders are resized to extent x extent
  bool fine_labels = true;         // CIFAR-100: 100 fine or 20 coarse classes
  std::uint64_t synthetic_seed = 0;
  std::int64_t synthetic_train = 10000, synthetic_test = 2000;
};
// Reads the data set at `path`: a CIFAR-10 or CIFAR-100 binary folder (also when `path` holds the archive's own
// cifar-10-batches-bin / cifar-100-binary), or an image folder (train/<class>/*.png|jpg, test/<class>/...; without
// train/ and test/: class/*.png|jpg, every fifth image by sorted name is a test image). An empty path is the synthetic
// set. Throws Error naming the file, what was expected and what was found.
Dataset load_dataset(const std::filesystem::path& path, const DatasetOptions& options = {});

}  // namespace basin
