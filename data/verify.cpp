#include "data/verify.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/hash.h"
#include "data/cifar.h"
#include "data/image_folder.h"
#include "data/official.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> count_classes(const Images& images, std::size_t classes) {
  std::vector<std::int64_t> counts(classes);
  for (const std::int32_t label : images.labels) ++counts[label];
  return counts;
}

Origin origin_of(const CifarFolder& folder, const FileReport& file) {
  if (folder.name != "cifar10" && folder.name != "cifar100") return Origin::unknown;
  for (const OfficialFile& official : official_set(folder.name).files)
    if (official.name == file.name) return official.sha256 == file.sha256 ? Origin::official : Origin::other;
  return Origin::unknown;
}

// Describes one file and adds its images to `counts`.
FileReport verify_file(const CifarFolder& folder, const std::string& name, std::vector<std::int64_t>& counts,
                       std::vector<std::string>& problems) {
  FileReport report{.name = name, .sha256 = {}};
  try {
    report.bytes = static_cast<std::int64_t>(fs::file_size(folder.folder / name));
    report.sha256 = sha256_file(folder.folder / name);
    report.origin = origin_of(folder, report);
    Images images;
    images.height = images.width = folder.extent;
    append_records(folder, name, images);
    report.images = images.count;
    const auto found = count_classes(images, counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += found[i];
  } catch (const std::exception& error) {
    problems.emplace_back(error.what());
  }
  return report;
}

DatasetReport verify_cifar(const CifarFolder& folder) {
  DatasetReport report{.name = folder.name,
                       .folder = folder.folder,
                       .files = {},
                       .class_names = folder.class_names,
                       .train_counts = {},
                       .test_counts = {},
                       .problems = {}};
  report.train_counts.resize(folder.class_names.size());
  report.test_counts.resize(folder.class_names.size());
  for (const std::string& name : folder.train_files)
    report.files.push_back(verify_file(folder, name, report.train_counts, report.problems));
  for (const std::string& name : folder.test_files)
    report.files.push_back(verify_file(folder, name, report.test_counts, report.problems));
  report.official = std::all_of(report.files.begin(), report.files.end(),
                                [](const FileReport& file) { return file.origin == Origin::official; });
  return report;
}

DatasetReport verify_image_folder(const fs::path& path, const DatasetOptions& options) {
  const Dataset dataset = read_image_folder(path, options.image_extent);
  return {.name = dataset.name,
          .folder = path,
          .files = {},
          .class_names = dataset.class_names,
          .train_counts = count_classes(dataset.train, dataset.class_names.size()),
          .test_counts = count_classes(dataset.test, dataset.class_names.size()),
          .problems = {}};
}

void check_classes(DatasetReport& report) {
  for (std::size_t i = 0; i < report.class_names.size(); ++i)
    if (report.train_counts[i] == 0)
      report.problems.push_back("class " + report.class_names[i] + " has no training image");
}

}  // namespace

const char* origin_name(Origin origin) {
  switch (origin) {
    case Origin::official:
      return "official";
    case Origin::other:
      return "not official";
    case Origin::unknown:
      return "-";
  }
  return "-";
}

DatasetReport verify_dataset(const fs::path& path, const DatasetOptions& options) {
  const auto cifar = find_cifar(path, options.fine_labels);
  DatasetReport report = cifar ? verify_cifar(*cifar) : verify_image_folder(path, options);
  if (report.problems.empty()) check_classes(report);
  return report;
}

}  // namespace basin
