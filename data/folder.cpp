#include "data/folder.h"

#include <algorithm>

#include "core/error.h"

namespace basin {

namespace fs = std::filesystem;

std::string folder_name(const fs::path& folder) {
  std::error_code ignored;
  const fs::path full = fs::weakly_canonical(folder, ignored);
  return (full.has_filename() ? full : full.parent_path()).filename().string();
}

std::vector<fs::path> folder_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (!entry->path().filename().string().starts_with('.')) paths.push_back(entry->path());
  check(!error, "cannot read '", folder.string(), "': ", error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace basin
