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
  namespace fs = std::filesystem;
  if (path.empty()) return make_synthetic(options.synthetic_seed, options.synthetic_train, options.synthetic_test);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  check(fs::exists(status), "data set '", path.string(), "' does not exist");
  check(fs::is_directory(status), "data set '", path.string(), "': expected a folder, found a file");
  for (const fs::path& folder : {path, path / "cifar-10-batches-bin", path / "cifar-100-binary"}) {
    if (!fs::is_directory(folder, error)) continue;
    if (looks_like_cifar10(folder)) return read_cifar(open_cifar10(folder));
    if (looks_like_cifar100(folder)) return read_cifar(open_cifar100(folder, options.fine_labels));
  }
  return read_image_folder(path, options.image_extent);
}

}  // namespace basin
