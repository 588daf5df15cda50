// What is known of the published CIFAR archives (https://www.cs.toronto.edu/~kriz/cifar.html).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace basin {

struct OfficialFile {
  std::string_view name, sha256;
};

struct OfficialSet {
  std::string_view name;       // "cifar10"
  std::string_view url;        // of the binary archive
  std::string_view file_name;  // of the archive
  std::int64_t bytes;
  std::string_view sha256;
  std::string_view folder;          // that the archive unpacks to
  std::vector<OfficialFile> files;  // those with images
};

// "cifar10" or "cifar100"; Error for another name, with both.
const OfficialSet& official_set(std::string_view name);

}  // namespace basin
