// Archives for the tests.
#pragma once
#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace basin {

// A gzipped tar archive of (path, contents).
inline void write_tar_gz(const std::filesystem::path& path,
                         const std::vector<std::pair<std::string, std::string>>& files) {
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  check(archive_write_open_filename(writer, path.c_str()) == ARCHIVE_OK, "cannot write ", path.string());
  for (const auto& [name, contents] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, contents.data(), contents.size());
    archive_entry_free(entry);
  }
  check(archive_write_close(writer) == ARCHIVE_OK, "cannot write ", path.string());
  archive_write_free(writer);
}

}  // namespace basin
