// Archives as they are downloaded.
#pragma once
#include <filesystem>
#include <vector>

namespace basin {

// Unpacks the regular files of a tar archive, compressed or not, below `folder`; each is written whole or not at all.
// Returns their paths. Errors: an unreadable or cut archive; a path that would leave the folder; a file larger than 1
// GiB; an existing file with other contents, unless `force`.
std::vector<std::filesystem::path> unpack(const std::filesystem::path& archive, const std::filesystem::path& folder,
                                          bool force);

}  // namespace basin
