#include "data/dataset.h"

#include "core/error.h"
#include "data/cifar.h"
#include "data/image_folder.h"
#include "data/synthetic.h"

namespace basin {

Images Images::first(std::int64_t n) const {
  check(n >= 0 && n <= count, "the first ", n, " images of ", count, " do not exist");
  Images part{.count = n, .height = height, .width = width, .channels = channels, .pixels = {}, .labels = {}};
  part.pixels.assign(pixels.begin(), pixels.begin() + n * image_size());
  part.labels.assign(labels.begin(), labels.begin() + n);
  return part;
}

Normalization recipe_normalization() {
  return {.mean = {125.3f / 255, 123.0f / 255, 113.9f / 255}, .deviation = {63.0f / 255, 62.1f / 255, 66.7f / 255}};
}

Dataset load_dataset(const std::filesystem::path& path, const DatasetOptions& options) {
  if (path.empty()) return make_synthetic(options.synthetic_seed, options.synthetic_train, options.synthetic_test);
  if (const auto cifar = find_cifar(path, options.fine_labels)) return read_cifar(*cifar);
  return read_image_folder(path, options.image_extent);
}

}  // namespace basin
