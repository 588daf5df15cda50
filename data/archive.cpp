#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLargestFile = std::int64_t{1} << 30;
constexpr std::size_t kReadBytes = 1 << 20;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeArchive>;

[[noreturn]] void fail_archive(const fs::path& path, archive* reader) {
  const char* reason = archive_error_string(reader);
  fail(path.string(), ": expected a tar archive, found a damaged or different file (", reason ? reason : "unknown",
       ")");
}

Reader open(const fs::path& path) {
  Reader reader(archive_read_new());
  check(reader != nullptr, path.string(), ": not enough memory to unpack it");
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), kReadBytes) != ARCHIVE_OK)
    fail_archive(path, reader.get());
  return reader;
}

// The entry's path, which must stay below the folder.
fs::path safe_path(const fs::path& archive_path, archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  fs::path path = name ? fs::path(name).lexically_normal() : fs::path();
  check(!path.empty() && path.is_relative() && *path.begin() != "..", archive_path.string(), ": the entry '",
        name ? name : "", "' would be written outside the folder");
  return path;
}

std::string read_entry(const fs::path& path, archive* reader, archive_entry* entry) {
  const std::int64_t bytes = archive_entry_size(entry);
  check(bytes >= 0 && bytes <= kLargestFile, path.string(), ": the entry '", archive_entry_pathname(entry), "' has ",
        bytes, " bytes, expected at most ", kLargestFile);
  std::string contents(static_cast<std::size_t>(bytes), '\0');
  for (std::size_t filled = 0; filled < contents.size();) {
    const la_ssize_t count = archive_read_data(reader, contents.data() + filled, contents.size() - filled);
    if (count <= 0) fail_archive(path, reader);
    filled += static_cast<std::size_t>(count);
  }
  return contents;
}

void store(const fs::path& path, const std::string& contents, bool force) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  check(!error, "cannot create '", path.parent_path().string(), "': ", error.message());
  if (fs::exists(path)) {
    if (read_file(path) == contents) return;
    check(force, path.string(), " exists with other contents; --force replaces it");
  }
  write_file(path, contents);
}

}  // namespace

std::vector<fs::path> unpack(const fs::path& archive_path, const fs::path& folder, bool force) {
  const Reader reader = open(archive_path);
  std::vector<fs::path> files;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) fail_archive(archive_path, reader.get());
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const fs::path path = folder / safe_path(archive_path, entry);
    store(path, read_entry(archive_path, reader.get(), entry), force);
    files.push_back(path);
  }
  check(!files.empty(), archive_path.string(), ": the archive holds no files");
  return files;
}

}  // namespace basin
