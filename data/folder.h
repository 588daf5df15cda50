// Folders as data sets are kept in.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace basin {

// The last part of the folder's full path, with which a data set is named.
std::string folder_name(const std::filesystem::path& folder);

// What is in the folder, sorted, but for names that begin with a dot. Error if it cannot be read.
std::vector<std::filesystem::path> folder_entries(const std::filesystem::path& folder);

}  // namespace basin
