#include "data/image_folder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/folder.h"
#include "data/image_file.h"
#include "data/preprocess.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTestEvery = 5;
constexpr std::int64_t kLargestExtent = 4096;

struct Example {
  fs::path file;
  std::int32_t label;
};
using Examples = std::vector<Example>;

std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::path& path : folder_entries(folder)) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) names.push_back(path.filename().string());
  }
  return names;
}

std::vector<fs::path> image_files(const fs::path& folder) {
  auto paths = folder_entries(folder);
  std::erase_if(paths, [](const fs::path& path) { return !is_image_name(path); });
  check(!paths.empty(), folder.string(), ": expected .png or .jpg images of one class, found none");
  return paths;
}

void check_classes(const fs::path& folder, const std::vector<std::string>& names) {
  check(names.size() >= 2, folder.string(),
        ": expected a CIFAR-10 folder (data_batch_1.bin, ...), a CIFAR-100 folder (train.bin, ...) or at least two "
        "folders of images, one a class; found ",
        names.size(), " folder", names.size() == 1 ? "" : "s");
}

Examples list_split(const fs::path& folder, const std::vector<std::string>& names) {
  const auto found = class_folders(folder);
  for (const std::string& name : names)
    check(std::binary_search(found.begin(), found.end(), name), folder.string(), ": the class '", name, "' is missing");
  for (const std::string& name : found)
    check(std::binary_search(names.begin(), names.end(), name), folder.string(), ": the class '", name,
          "' is not one of the training classes");
  Examples examples;
  for (std::size_t label = 0; label < names.size(); ++label)
    for (fs::path& file : image_files(folder / names[label]))
      examples.push_back({std::move(file), static_cast<std::int32_t>(label)});
  return examples;
}

std::pair<Examples, Examples> split_by_name(const fs::path& folder, const std::vector<std::string>& names) {
  Examples train, test;
  for (std::size_t label = 0; label < names.size(); ++label) {
    const auto files = image_files(folder / names[label]);
    check(files.size() >= kTestEvery, (folder / names[label]).string(), ": expected at least ", kTestEvery,
          " images, as every fifth is a test image, found ", files.size());
    for (std::size_t i = 0; i < files.size(); ++i)
      (i % kTestEvery == kTestEvery - 1 ? test : train).push_back({files[i], static_cast<std::int32_t>(label)});
  }
  return {std::move(train), std::move(test)};
}

Images read_all(const Examples& examples, std::int64_t extent) {
  Images images{.count = static_cast<std::int64_t>(examples.size()),
                .height = extent,
                .width = extent,
                .pixels = {},
                .labels = {}};
  images.pixels.reserve(static_cast<std::size_t>(images.count * images.image_size()));
  for (const std::int64_t i : shuffled(images.count, 0, 0)) {
    const auto pixels = read_image(examples[i].file, extent);
    images.pixels.insert(images.pixels.end(), pixels.begin(), pixels.end());
    images.labels.push_back(examples[i].label);
  }
  return images;
}

}  // namespace

Dataset read_image_folder(const fs::path& folder, std::int64_t extent) {
  check(extent >= 1 && extent <= kLargestExtent, "image extent: expected 1 to ", kLargestExtent, ", found ", extent);
  std::error_code ignored;
  const bool split = fs::is_directory(folder / "train", ignored) && fs::is_directory(folder / "test", ignored);
  const fs::path classes = split ? folder / "train" : folder;
  Dataset dataset{
      .name = "folder:" + folder_name(folder), .class_names = class_folders(classes), .train = {}, .test = {}};
  check_classes(classes, dataset.class_names);
  const auto [train, test] =
      split ? std::pair{list_split(classes, dataset.class_names), list_split(folder / "test", dataset.class_names)}
            : split_by_name(folder, dataset.class_names);
  dataset.train = read_all(train, extent);
  dataset.test = read_all(test, extent);
  return dataset;
}

}  // namespace basin
