// HDF5 files as Basin uses them: whole files, built or inspected in memory, with groups of plain arrays and texts and
// text attributes on the root. Names are paths such as "xdirection/12" with at most one group.
#pragma once
#include <hdf5.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/handle.h"
#include "core/shape.h"

namespace basin {

using Hdf5File = Handle<hid_t, H5Fclose>;

// What a file that was built in memory leaves when it is closed.
struct Hdf5Memory {
  struct Free {
    void operator()(void* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<void, Free> bytes;
  std::size_t size = 0;
};

// Builds a file in memory; save() replaces the one on disk atomically. Equal calls give equal bytes: no times are
// stored. Metadata and arrays carry checksums (format of HDF5 1.10, Fletcher-32 filter), so damage is found when they
// are read.
class Hdf5Writer {
 public:
  explicit Hdf5Writer(const std::filesystem::path& path);
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  void write_group(const std::string& name);
  // Row-major values (shape.count() of them): float, double, std::int64_t or std::uint8_t, stored as such.
  template <class T>
  void write(const std::string& name, std::span<const T> values, const Shape& shape);
  template <class T>
  void write(const std::string& name, const std::vector<T>& values, const Shape& shape) {
    write(name, std::span<const T>(values), shape);
  }
  void write_text(const std::string& name, const std::string& text);       // scalar, fixed length, UTF-8
  void write_attribute(const std::string& name, const std::string& text);  // of the root
  void save();                                                             // once, at the end

 private:
  std::filesystem::path path_;
  Hdf5Memory memory_;
  Hdf5File file_;
};

// Errors name the file, the dataset, what was expected and what was found; the library itself prints nothing.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& path);

  bool contains(const std::string& name) const;
  std::size_t members(const std::string& group) const;  // how many objects the group holds
  Shape shape(const std::string& name) const;           // of a numeric dataset; Error if it is absent or not numeric
  // The values, converted to T (float, double, std::int64_t or std::uint8_t), if the dataset has this shape.
  template <class T>
  std::vector<T> read(const std::string& name, const Shape& expected) const;
  // A text of fixed length; none if the dataset is absent or holds something else. Texts of variable length are not
  // read: the library overruns its memory on damaged ones.
  std::optional<std::string> read_text(const std::string& name) const;
  std::map<std::string, std::string> text_attributes() const;  // of the root, of fixed length; others are left out

  const std::filesystem::path& path() const { return path_; }
  // Error "'<path>': <what>, <library's reason>".
  [[noreturn]] void fail_reading(const std::string& what) const;

 private:
  std::filesystem::path path_;
  Hdf5File file_;
};

}  // namespace basin
