#include "landscape/export/npz.h"

#include <archive.h>
#include <archive_entry.h>

#include <bit>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

static_assert(std::endian::native == std::endian::little);

// One array in the form of numpy.lib.format, version 1.0: magic, u16 of the header's bytes, a Python dictionary padded
// with spaces so that the values begin at a multiple of 64.
std::string npy(const std::string& type, const Shape& shape, const void* values, std::size_t bytes) {
  std::string extents;
  for (const std::int64_t extent : shape) extents += std::to_string(extent) + ",";
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + extents + "), }";
  constexpr std::size_t kPrefix = 10, kAlignment = 64;
  header.resize((kPrefix + header.size() + kAlignment) / kAlignment * kAlignment - kPrefix, ' ');
  header.back() = '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  return (file += header).append(static_cast<const char*>(values), bytes);
}

template <class T>
std::string npy_of(const char* type, const Shape& shape, const std::vector<double>& values) {
  const std::vector<T> converted(values.begin(), values.end());
  return npy(type, shape, converted.data(), converted.size() * sizeof(T));
}

std::string npy_of(const PointColumn& column, const Shape& shape) {
  if (column.type == ColumnType::count) return npy_of<std::int64_t>("<i8", shape, column.values);
  if (column.type == ColumnType::flag) return npy_of<std::uint8_t>("|u1", shape, column.values);
  return npy_of<double>("<f8", shape, column.values);
}

// NumPy has no strings of no bytes.
std::string npy_of(std::string text) {
  if (text.empty()) text.push_back('\0');
  return npy("|S" + std::to_string(text.size()), {}, text.data(), text.size());
}

struct Free {
  void operator()(archive* writer) const { archive_write_free(writer); }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// A ZIP archive in memory, without times.
class Zip {
 public:
  explicit Zip(const std::filesystem::path& path) : path_(path), writer_(archive_write_new()) {
    archive* zip = writer_.get();
    archive_write_set_bytes_in_last_block(zip, 1);  // no padding
    check_status(archive_write_set_format_zip(zip));
    const auto append = [](archive*, void* bytes, const void* data, std::size_t size) -> la_ssize_t {
      static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
      return static_cast<la_ssize_t>(size);
    };
    check_status(archive_write_open(zip, &bytes_, nullptr, append, nullptr));
  }

  void add(const std::string& name, const std::string& array) {
    check(names_.insert(name).second, "'", path_.string(), "': two arrays are called ", name);
    const std::unique_ptr<archive_entry, Free> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), (name + ".npy").c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(array.size()));
    check_status(archive_write_header(writer_.get(), entry.get()));
    check_status(archive_write_data(writer_.get(), array.data(), array.size()) == static_cast<la_ssize_t>(array.size())
                     ? ARCHIVE_OK
                     : ARCHIVE_FATAL);
  }

  void save() {
    check_status(archive_write_close(writer_.get()));
    write_file(path_, bytes_);
  }

 private:
  void check_status(int status) const {
    if (status == ARCHIVE_OK) return;
    const char* reason = archive_error_string(writer_.get());
    fail("'", path_.string(), "': cannot build a ZIP archive (", reason != nullptr ? reason : "unknown", ")");
  }

  std::filesystem::path path_;
  std::string bytes_;
  std::set<std::string> names_;
  std::unique_ptr<archive, Free> writer_;  // goes before the bytes that it writes to
};

}  // namespace

void write_npz(const std::filesystem::path& path, const PointTable& table) {
  Zip zip(path);
  const auto coordinates = [&](const std::string& name, const std::vector<double>& values) {
    zip.add(name, npy_of<double>("<f8", {static_cast<std::int64_t>(values.size())}, values));
  };
  coordinates(table.x_name == "x" ? "xcoordinates" : table.x_name, table.x);
  if (table.arrangement != Arrangement::line) coordinates(table.y_name == "y" ? "ycoordinates" : table.y_name, table.y);
  for (const PointColumn& column : table.columns) zip.add(column.name, npy_of(column, table.shape()));
  for (const auto& [name, text] : table.attributes) zip.add(name, npy_of(text));
  zip.save();
}

}  // namespace basin
