// A careful look at a data folder: everything that is wrong with it, not only the first thing.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace basin {

enum class Origin : std::uint8_t { official, other, unknown };  // unknown: there is no official file of this name
const char* origin_name(Origin origin);

struct FileReport {
  std::string name;
  std::int64_t bytes = 0, images = 0;
  std::string sha256;  // "" if the file cannot be read
  Origin origin = Origin::unknown;
};

struct DatasetReport {
  std::string name;               // of the data set
  std::filesystem::path folder;   // where its files are
  std::vector<FileReport> files;  // none for image folders
  std::vector<std::string> class_names;
  std::vector<std::int64_t> train_counts, test_counts;  // images a class
  std::vector<std::string> problems;                    // one line each
  bool official = false;                                // every file with images is the published one
};

// Reads all of the data set at `path` (see load_dataset) and says what is there. Error only if nothing can be said.
DatasetReport verify_dataset(const std::filesystem::path& path, const DatasetOptions& options = {});

}  // namespace basin
