// Whole files: read at once, and replaced so that a failure (full disk, crash, power cut) leaves the old file or the
// new one, never a part of either.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"

namespace basin {

// Writes to a temporary file in the destination's folder; commit() syncs it and renames it over the destination.
// Without commit() the temporary is removed and the destination is untouched. A symbolic link is followed, an existing
// file's permissions are kept, and a device or pipe is written directly. Every failure is an Error "cannot write
// '<path>': <reason>".
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  void create_temporary();

  std::filesystem::path path_;       // as the caller named it
  std::filesystem::path target_;     // with links resolved
  std::filesystem::path temporary_;  // empty: nothing to remove
  FileDescriptor file_;
};

// Replaces the file at `path` by `contents`, through AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view contents);

// The whole file, byte for byte. Error "cannot read '<path>': <reason>".
std::string read_file(const std::filesystem::path& path);

}  // namespace basin
