// The CIFAR binary form: records of label bytes and a planar image (Krizhevsky, "Learning multiple layers of features
// from tiny images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html).
//
//   CIFAR-10 form   data_batch_1.bin ... data_batch_n.bin, test_batch.bin; record = label, red plane, green plane, blue
//                   plane. batches.meta.txt names the classes, one a line (2 to 256). image_extent.txt holds the
//                   images' height = width in pixels; without it they are 32 x 32. n is any number from 1 without gaps;
//                   the ten names of CIFAR-10 itself ask for all five of its files.
//   CIFAR-100       train.bin, test.bin; record = coarse label, fine label, three planes of 32 x 32.
//                   coarse_label_names.txt has 20 names, fine_label_names.txt has 100.
#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace basin {

inline constexpr std::array<std::string_view, 10> kCifar10Names = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                                   "dog",      "frog",       "horse", "ship", "truck"};

// A folder in CIFAR form whose names are read and whose images are not.
struct CifarFolder {
  std::filesystem::path folder{};
  std::string name{};        // of the data set: "cifar10", "cifar100", "binary:<folder>"
  std::string names_file{};  // where the class names stand
  std::vector<std::string> class_names{};
  std::vector<std::string> train_files{}, test_files{};
  std::int64_t extent = 32;
  std::int64_t label_bytes = 1;     // at the start of a record
  std::int64_t label_position = 0;  // which of them is the label
  std::int64_t record_bytes() const { return label_bytes + 3 * extent * extent; }
};

// Whether `folder` holds any file of the form. The open functions say what is missing.
bool looks_like_cifar10(const std::filesystem::path& folder);
bool looks_like_cifar100(const std::filesystem::path& folder);

// Errors: files missing (which), a names file with too few, too many or repeated names.
CifarFolder open_cifar10(const std::filesystem::path& folder);
CifarFolder open_cifar100(const std::filesystem::path& folder, bool fine_labels);

// The data set at `path`, itself or in the folder that its official archive unpacks to; nothing if no file of either
// form is there. Errors: `path` is not a folder; those of the open functions.
std::optional<CifarFolder> find_cifar(const std::filesystem::path& path, bool fine_labels);

// Reads all records of one file to the end of `images`, which has the folder's extent. Errors: a size that is not a
// multiple of the record, a label without a class name (with its record number, from 0).
void append_records(const CifarFolder& folder, const std::string& file, Images& images);

// All images. Error if a class has no training image.
Dataset read_cifar(const CifarFolder& folder);

// Writes square images in CIFAR-10 form, up to 10,000 a file (the ten names of CIFAR-10 make five files). Existing
// files with other contents, and data files which the new set does not have, are an Error unless `force`, which
// replaces or removes them; nothing is written before this is checked. Returns the files' names.
std::vector<std::string> write_cifar10(const Dataset& dataset, const std::filesystem::path& folder, bool force);

}  // namespace basin
