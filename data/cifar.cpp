#include "data/cifar.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/folder.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames = "batches.meta.txt";
constexpr const char* kExtent = "image_extent.txt";
constexpr const char* kTest = "test_batch.bin";
constexpr std::size_t kMostClasses = 256;  // a label is one byte
constexpr std::int64_t kLargestExtent = 4096;
constexpr std::size_t kCifar10Batches = 5;
constexpr std::int64_t kImagesPerBatch = 10000;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string batch_name(std::size_t number) { return "data_batch_" + std::to_string(number) + ".bin"; }

// The n of data_batch_n.bin.
std::optional<std::size_t> batch_number(const std::string& name) {
  constexpr std::string_view kBegin = "data_batch_", kEnd = ".bin";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() <= kBegin.size() + kEnd.size()) return {};
  const char *begin = name.data() + kBegin.size(), *end = name.data() + name.size() - kEnd.size();
  std::size_t number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end || name != batch_name(number)) return {};
  return number;
}

// The numbers of the data_batch_n.bin in the folder.
std::set<std::size_t> batch_numbers(const fs::path& folder) {
  std::set<std::size_t> numbers;
  for (const fs::path& path : folder_entries(folder))
    if (const auto number = batch_number(path.filename().string())) numbers.insert(*number);
  return numbers;
}

std::vector<std::string> read_names(const fs::path& path) {
  const std::string text = read_file(path);
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
    if (name.empty()) continue;
    check(std::find(names.begin(), names.end(), name) == names.end(), path.string(), ": the class name '", name,
          "' appears twice");
    names.push_back(std::move(name));
    check(names.size() <= kMostClasses, path.string(), ": more than ", kMostClasses, " class names");
  }
  return names;
}

std::int64_t read_extent(const fs::path& path) {
  if (!is_file(path)) return 32;
  const std::string text = read_file(path);
  std::int64_t extent = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
  const std::string_view rest(stop, text.data() + text.size());
  check(error == std::errc() && (rest.empty() || rest == "\n") && extent >= 1 && extent <= kLargestExtent,
        path.string(), ": expected one number from 1 to ", kLargestExtent, ", the images' height and width");
  return extent;
}

void check_present(const fs::path& folder, const std::vector<std::string>& files, const std::string& what) {
  std::string missing;
  std::size_t count = 0;
  for (const std::string& file : files) {
    if (is_file(folder / file)) continue;
    missing += (count++ ? ", " : "") + file;
  }
  check(count == 0, folder.string(), ": ", what, " needs ", files.size(), " files, missing ", missing);
}

bool is_cifar10(const std::vector<std::string>& names) {
  return std::equal(names.begin(), names.end(), kCifar10Names.begin(), kCifar10Names.end());
}

void check_classes_present(const CifarFolder& folder, const Images& train) {
  std::vector<bool> present(folder.class_names.size());
  for (const std::int32_t label : train.labels) present[label] = true;
  for (std::size_t i = 0; i < present.size(); ++i)
    check(present[i], folder.folder.string(), ": class ", i, " (", folder.class_names[i], ") has no training image; ",
          folder.names_file, " has ", present.size(), " names");
}

// (H, W, C) from (C, H, W).
void interleave(const std::uint8_t* planes, std::int64_t pixels, std::uint8_t* image) {
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < 3; ++c) image[3 * i + c] = planes[c * pixels + i];
}

// The records of images [begin, end).
std::string encode(const Images& images, std::int64_t begin, std::int64_t end) {
  const std::int64_t pixels = images.height * images.width;
  std::string records;
  records.reserve(static_cast<std::size_t>((end - begin) * (1 + 3 * pixels)));
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint8_t* image = images.pixels.data() + i * images.image_size();
    records += static_cast<char>(images.labels[i]);
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t p = 0; p < pixels; ++p) records += static_cast<char>(image[3 * p + c]);
  }
  return records;
}

struct File {
  std::string name;
  const Images* images = nullptr;  // records [begin, end) of these, or
  std::int64_t begin = 0, end = 0;
  std::string text{};  // this
  std::string contents() const { return images ? encode(*images, begin, end) : text; }
};

// In the order of writing: the names come last, so that a set cut short is not mistaken for a whole one.
std::vector<File> files_of(const Dataset& dataset) {
  std::vector<File> files;
  const std::int64_t count = dataset.train.count;
  const std::int64_t batches = is_cifar10(dataset.class_names) ? static_cast<std::int64_t>(kCifar10Batches)
                                                               : (count + kImagesPerBatch - 1) / kImagesPerBatch;
  for (std::int64_t i = 0; i < batches; ++i)
    files.push_back(
        {batch_name(static_cast<std::size_t>(i + 1)), &dataset.train, count * i / batches, count * (i + 1) / batches});
  files.push_back({kTest, &dataset.test, 0, dataset.test.count});
  if (dataset.train.height != 32)
    files.push_back({.name = kExtent, .text = std::to_string(dataset.train.height) + "\n"});
  std::string names;
  for (const std::string& name : dataset.class_names) names += name + "\n";
  files.push_back({.name = kNames, .text = names});
  return files;
}

void check_writable(const Dataset& dataset) {
  const auto classes = dataset.class_names.size();
  check(classes >= 2 && classes <= kMostClasses, "CIFAR form holds 2 to ", kMostClasses, " classes, found ", classes);
  for (const Images* images : {&dataset.train, &dataset.test}) {
    check(images->channels == 3 && images->height == images->width && images->height == dataset.train.height,
          "CIFAR form holds square colour images of one size, found ", images->height, " x ", images->width, " x ",
          images->channels);
    check(images->count >= 1, "CIFAR form needs training and test images, found ", dataset.train.count, " and ",
          dataset.test.count);
  }
  check(!is_cifar10(dataset.class_names) || dataset.train.count >= static_cast<std::int64_t>(kCifar10Batches),
        "CIFAR-10 has five training files, found ", dataset.train.count, " training images");
}

// Files of an older set that would be read as a part of the new one.
std::vector<fs::path> stale_files(const fs::path& folder, const std::vector<File>& files) {
  std::vector<fs::path> stale;
  const auto written = [&](const std::string& name) {
    return std::any_of(files.begin(), files.end(), [&](const File& file) { return file.name == name; });
  };
  for (const std::size_t number : batch_numbers(folder))
    if (!written(batch_name(number))) stale.push_back(folder / batch_name(number));
  if (fs::exists(folder / kExtent) && !written(kExtent)) stale.push_back(folder / kExtent);
  return stale;
}

void check_nothing_lost(const fs::path& folder, const std::vector<File>& files) {
  for (const fs::path& path : stale_files(folder, files))
    fail(path.string(), " belongs to another data set; --force removes it");
  for (const File& file : files) {
    const fs::path path = folder / file.name;
    check(!fs::exists(path) || read_file(path) == file.contents(), path.string(),
          " exists with other contents; --force replaces it");
  }
}

}  // namespace

bool looks_like_cifar10(const fs::path& folder) {
  return is_file(folder / kNames) || is_file(folder / kTest) || !batch_numbers(folder).empty();
}

bool looks_like_cifar100(const fs::path& folder) {
  return is_file(folder / "train.bin") || is_file(folder / "test.bin") || is_file(folder / "fine_label_names.txt");
}

CifarFolder open_cifar10(const fs::path& folder) {
  CifarFolder result{.folder = folder, .name = "binary:" + folder_name(folder), .names_file = kNames};
  check_present(folder, {kNames}, "CIFAR-10 form");
  result.class_names = read_names(folder / kNames);
  check(result.class_names.size() >= 2, (folder / kNames).string(), ": expected 2 to ", kMostClasses,
        " class names, found ", result.class_names.size());
  result.extent = read_extent(folder / kExtent);

  const bool official = is_cifar10(result.class_names) && result.extent == 32;
  if (official) result.name = "cifar10";
  const auto numbers = batch_numbers(folder);
  const std::size_t last = std::max(numbers.empty() ? 1 : *numbers.rbegin(), official ? kCifar10Batches : 1);
  check(last <= numbers.size() + kMostClasses, folder.string(), ": ", batch_name(last), " without the files before it");
  check(!official || last == kCifar10Batches, folder.string(), ": CIFAR-10 has five training files, found also ",
        batch_name(last));
  for (std::size_t number = 1; number <= last; ++number) result.train_files.push_back(batch_name(number));
  result.test_files = {kTest};
  auto needed = result.train_files;
  needed.push_back(kTest);
  check_present(folder, needed, official ? "CIFAR-10" : "CIFAR-10 form");
  return result;
}

CifarFolder open_cifar100(const fs::path& folder, bool fine_labels) {
  CifarFolder result{.folder = folder,
                     .name = "cifar100",
                     .names_file = fine_labels ? "fine_label_names.txt" : "coarse_label_names.txt",
                     .train_files = {"train.bin"},
                     .test_files = {"test.bin"},
                     .label_bytes = 2,
                     .label_position = fine_labels ? 1 : 0};
  check_present(folder, {"train.bin", "test.bin", result.names_file}, "CIFAR-100");
  result.class_names = read_names(folder / result.names_file);
  const std::size_t expected = fine_labels ? 100 : 20;
  check(result.class_names.size() == expected, (folder / result.names_file).string(), ": expected ", expected,
        " class names, found ", result.class_names.size());
  return result;
}

std::optional<CifarFolder> find_cifar(const fs::path& path, bool fine_labels) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  check(fs::exists(status), "data set '", path.string(), "' does not exist");
  check(fs::is_directory(status), "data set '", path.string(), "': expected a folder, found a file");
  for (const fs::path& folder : {path, path / "cifar-10-batches-bin", path / "cifar-100-binary"}) {
    if (!fs::is_directory(folder, ignored)) continue;
    if (looks_like_cifar10(folder)) return open_cifar10(folder);
    if (looks_like_cifar100(folder)) return open_cifar100(folder, fine_labels);
  }
  return {};
}

void append_records(const CifarFolder& folder, const std::string& file, Images& images) {
  const fs::path path = folder.folder / file;
  std::error_code error;
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path, error));
  check(!error, "cannot read '", path.string(), "': ", error.message());
  const std::int64_t record = folder.record_bytes(), pixels = folder.extent * folder.extent;
  check(bytes > 0 && bytes % record == 0, path.string(), ": expected a multiple of ", record, " bytes (",
        folder.label_bytes, " + 3 x ", folder.extent, " x ", folder.extent, "), found ", bytes);
  const std::string contents = read_file(path);
  check(static_cast<std::int64_t>(contents.size()) == bytes, path.string(), " changed while it was read");

  const std::int64_t first = images.count, count = bytes / record;
  images.pixels.resize(static_cast<std::size_t>((first + count) * 3 * pixels));
  images.labels.resize(static_cast<std::size_t>(first + count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(contents.data()) + i * record;
    const std::size_t label = from[folder.label_position];
    check(label < folder.class_names.size(), path.string(), ": record ", i, " has label ", label, ", expected 0 to ",
          folder.class_names.size() - 1, " (", folder.names_file, " has ", folder.class_names.size(), " names)");
    images.labels[first + i] = static_cast<std::int32_t>(label);
    interleave(from + folder.label_bytes, pixels, images.pixels.data() + (first + i) * 3 * pixels);
  }
  images.count = first + count;
}

Dataset read_cifar(const CifarFolder& folder) {
  Dataset dataset{.name = folder.name, .class_names = folder.class_names, .train = {}, .test = {}};
  for (Images* images : {&dataset.train, &dataset.test}) {
    images->height = images->width = folder.extent;
    for (const std::string& file : images == &dataset.train ? folder.train_files : folder.test_files)
      append_records(folder, file, *images);
  }
  check_classes_present(folder, dataset.train);
  return dataset;
}

std::vector<std::string> write_cifar10(const Dataset& dataset, const fs::path& folder, bool force) {
  check_writable(dataset);
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, "cannot create '", folder.string(), "': ", error.message());
  const auto files = files_of(dataset);
  if (!force) check_nothing_lost(folder, files);
  for (const fs::path& path : stale_files(folder, files)) fs::remove(path);
  std::vector<std::string> names;
  for (const File& file : files) {
    write_file(folder / file.name, file.contents());
    names.push_back(file.name);
  }
  return names;
}

}  // namespace basin
