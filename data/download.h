// Downloads that resume and are believed only after their size and SHA-256 are right.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace basin {

struct Download {
  std::vector<std::string> urls;  // tried in order: http, https or file
  std::filesystem::path path;     // the finished file; until then <path>.part, from which the next call goes on
  std::int64_t bytes = 0;         // expected
  std::string sha256;             // expected, 64 hexadecimal digits
};

// Called with the bytes that are there and all bytes; throwing ends the download and keeps the part.
using DownloadProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Makes `path` hold the expected bytes. A file that already does is kept; one that does not is an Error. A mirror that
// fails, stalls for a minute, or serves something else is left for the next one. Error if none serves it, with the
// reason of each.
void fetch(const Download& download, const DownloadProgress& progress = {});

}  // namespace basin
