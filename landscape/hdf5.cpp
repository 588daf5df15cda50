#include "landscape/hdf5.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

using PropertyList = Handle<hid_t, H5Pclose>;
using Dataset = Handle<hid_t, H5Dclose>;
using Dataspace = Handle<hid_t, H5Sclose>;
using Datatype = Handle<hid_t, H5Tclose>;
using Group = Handle<hid_t, H5Gclose>;
using Attribute = Handle<hid_t, H5Aclose>;

constexpr std::size_t kGrowth = std::size_t{1} << 20;  // bytes by which a file in memory grows
constexpr std::size_t kLongestText = std::size_t{1} << 26;

// The library prints its error stack to stderr unless told not to, separately in every thread.
void silence() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

// The innermost, most specific entry of the library's error stack, and forgets the stack.
std::string reason() {
  std::string text;
  const auto keep_first = [](unsigned depth, const H5E_error2_t* entry, void* result) -> herr_t {
    if (depth == 0 && entry->desc != nullptr) *static_cast<std::string*>(result) = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "" : " (" + text + ")";
}

// Files in memory have names too: unique in the process, and of nothing that could exist on the disk.
std::string absent_name() {
  static std::atomic<unsigned> counter{0};
  return "/dev/null/" + std::to_string(counter++);
}

// The library allocates through these; the memory that it would free on closing the file becomes *memory.
H5FD_file_image_callbacks_t memory_callbacks(Hdf5Memory* memory) {
  using Operation = H5FD_file_image_op_t;
  return {
      .image_malloc = [](std::size_t size, Operation, void*) { return std::malloc(size); },
      .image_memcpy = [](void* to, const void* from, std::size_t size, Operation,
                         void*) { return std::memcpy(to, from, size); },
      .image_realloc =
          [](void* bytes, std::size_t size, Operation, void* user) {
            static_cast<Hdf5Memory*>(user)->size = size;
            return std::realloc(bytes, size);
          },
      .image_free = [](void* bytes, Operation operation, void* user) -> herr_t {
        if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
          static_cast<Hdf5Memory*>(user)->bytes.reset(bytes);
        else
          std::free(bytes);
        return 0;
      },
      .udata_copy = [](void* user) { return user; },
      .udata_free = [](void*) -> herr_t { return 0; },
      .udata = memory,
  };
}

// The memory grows in steps; where the file ends is said by its superblock (HDF5 File Format Specification 3.0, II.A,
// versions 2 and 3: u64 at byte 28).
std::size_t end_of_file(const Hdf5Memory& memory) {
  constexpr std::size_t kEndOfFileField = 28;
  std::uint64_t end = 0;
  check(memory.size >= kEndOfFileField + sizeof end, "HDF5: a file without a superblock");
  std::memcpy(&end, static_cast<const char*>(memory.bytes.get()) + kEndOfFileField, sizeof end);
  check(end <= memory.size, "HDF5: a file of ", end, " bytes in a memory of ", memory.size);
  return static_cast<std::size_t>(end);
}

template <class T>
struct Stored;
template <>
struct Stored<float> {
  static hid_t file() { return H5T_IEEE_F32LE; }
  static hid_t memory() { return H5T_NATIVE_FLOAT; }
};
template <>
struct Stored<double> {
  static hid_t file() { return H5T_IEEE_F64LE; }
  static hid_t memory() { return H5T_NATIVE_DOUBLE; }
};
template <>
struct Stored<std::int64_t> {
  static hid_t file() { return H5T_STD_I64LE; }
  static hid_t memory() { return H5T_NATIVE_INT64; }
};
template <>
struct Stored<std::uint8_t> {
  static hid_t file() { return H5T_STD_U8LE; }
  static hid_t memory() { return H5T_NATIVE_UINT8; }
};

std::vector<hsize_t> extents_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

Dataspace make_space(const Shape& shape) {
  const std::vector<hsize_t> extents = extents_of(shape);
  return Dataspace(extents.empty() ? H5Screate(H5S_SCALAR)
                                   : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
}

Datatype text_type(std::size_t bytes) {
  Datatype type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), bytes == 0 ? 1 : bytes);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

// One checksummed chunk for the whole array; arrays without extent or elements have no chunks.
PropertyList creation_of(const Shape& shape) {
  constexpr std::int64_t kLargestChunk = std::int64_t{1} << 28;  // elements; a chunk is limited to 4 GiB
  PropertyList list(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(list.get(), false);
  if (shape.empty() || shape.count() == 0 || shape.count() > kLargestChunk) return list;
  const std::vector<hsize_t> extents = extents_of(shape);
  H5Pset_chunk(list.get(), static_cast<int>(extents.size()), extents.data());
  H5Pset_fletcher32(list.get());
  return list;
}

// One text of fixed length. Those of variable length lie in a heap without checksums, which version 1.10 of the library
// reads beyond its end if it is damaged: they are left alone.
bool is_fixed_text(hid_t type, hid_t space) {
  return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Tget_size(type) <= kLongestText &&
         H5Sget_simple_extent_npoints(space) == 1;
}

// `read(type, destination)` reads the bytes of one text of `type`.
std::string read_fixed_text(hid_t type, const auto& read) {
  std::string text(H5Tget_size(type), '\0');
  read(type, text.data());
  return text.substr(0, text.find('\0'));
}

}  // namespace

// ---- writing

// The library's driver for files in memory, made to hand over its memory when the file is closed. (H5Fget_file_image
// would do, but in version 1.10 it clears the superblock's open-for-writing flag and leaves the old checksum beside
// it.)
Hdf5Writer::Hdf5Writer(const std::filesystem::path& path) : path_(path) {
  silence();
  const PropertyList creation(H5Pcreate(H5P_FILE_CREATE)), access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fapl_core(access.get(), kGrowth, /*backing_store=*/false);
  H5FD_file_image_callbacks_t callbacks = memory_callbacks(&memory_);
  H5Pset_file_image_callbacks(access.get(), &callbacks);
  const hid_t file = H5Fcreate(absent_name().c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
  check(file > 0, "'", path_.string(), "': cannot build an HDF5 file", file > 0 ? "" : reason());
  file_ = Hdf5File(file);
}

void Hdf5Writer::write_group(const std::string& name) {
  const PropertyList creation(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(creation.get(), false);
  const Group group(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  check(group.get() > 0, "'", path_.string(), "': cannot write group ", name, group.get() > 0 ? "" : reason());
}

template <class T>
void Hdf5Writer::write(const std::string& name, std::span<const T> values, const Shape& shape) {
  check(static_cast<std::int64_t>(values.size()) == shape.count(), "'", path_.string(), "': ", name, ": shape ", shape,
        " needs ", shape.count(), " values, found ", values.size());
  const Dataspace space = make_space(shape);
  const PropertyList creation = creation_of(shape);
  const Dataset dataset(
      H5Dcreate2(file_.get(), name.c_str(), Stored<T>::file(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  const bool written = dataset.get() > 0 &&
                       H5Dwrite(dataset.get(), Stored<T>::memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
  check(written, "'", path_.string(), "': cannot write ", name, written ? "" : reason());
}

template void Hdf5Writer::write(const std::string&, std::span<const float>, const Shape&);
template void Hdf5Writer::write(const std::string&, std::span<const double>, const Shape&);
template void Hdf5Writer::write(const std::string&, std::span<const std::int64_t>, const Shape&);
template void Hdf5Writer::write(const std::string&, std::span<const std::uint8_t>, const Shape&);

void Hdf5Writer::write_text(const std::string& name, const std::string& text) {
  const Datatype type = text_type(text.size());
  const Dataspace space = make_space({});
  const PropertyList creation = creation_of({});
  constexpr std::size_t kLongestCompact = 60'000;  // in the object's header, which is checksummed and limited to 64 KiB
  if (text.size() <= kLongestCompact) H5Pset_layout(creation.get(), H5D_COMPACT);
  const Dataset dataset(
      H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  const bool written =
      dataset.get() > 0 && H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.c_str()) >= 0;
  check(written, "'", path_.string(), "': cannot write ", name, written ? "" : reason());
}

void Hdf5Writer::write_attribute(const std::string& name, const std::string& text) {
  const Datatype type = text_type(text.size());
  const Dataspace space = make_space({});
  const Attribute attribute(H5Acreate2(file_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
  const bool written = attribute.get() > 0 && H5Awrite(attribute.get(), type.get(), text.c_str()) >= 0;
  check(written, "'", path_.string(), "': cannot write attribute ", name, written ? "" : reason());
}

void Hdf5Writer::save() {
  const bool closed = H5Fclose(file_.release()) >= 0;
  check(closed && memory_.bytes, "'", path_.string(), "': cannot build an HDF5 file", closed ? "" : reason());
  write_file(path_, {static_cast<const char*>(memory_.bytes.get()), end_of_file(memory_)});
}

// ---- reading

void Hdf5Reader::fail_reading(const std::string& what) const { fail("'", path_.string(), "': ", what, reason()); }

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path) : path_(path) {
  silence();
  std::string image = read_file(path);
  const PropertyList access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_core(access.get(), kGrowth, /*backing_store=*/false);
  if (image.empty()) fail_reading("expected an HDF5 file, found an empty one");
  H5Pset_file_image(access.get(), image.data(), image.size());
  image = {};
  const hid_t file = H5Fopen(absent_name().c_str(), H5F_ACC_RDONLY, access.get());
  if (file <= 0) fail_reading("not an HDF5 file, or a damaged one");
  file_ = Hdf5File(file);
}

bool Hdf5Reader::contains(const std::string& name) const {
  const std::size_t slash = name.find('/');
  if (slash != std::string::npos && H5Lexists(file_.get(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0)
    return false;
  return H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT) > 0;
}

std::size_t Hdf5Reader::members(const std::string& name) const {
  if (!contains(name)) fail_reading("group " + name + " is missing");
  const Group group(H5Gopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  H5G_info_t info{};
  if (group.get() <= 0 || H5Gget_info(group.get(), &info) < 0) fail_reading("cannot read group " + name);
  return static_cast<std::size_t>(info.nlinks);
}

Shape Hdf5Reader::shape(const std::string& name) const {
  if (!contains(name)) fail_reading("dataset " + name + " is missing");
  const Dataset dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  if (dataset.get() <= 0) fail_reading("cannot read dataset " + name);
  const Datatype type(H5Dget_type(dataset.get()));
  const Dataspace space(H5Dget_space(dataset.get()));
  if (type.get() <= 0 || space.get() <= 0) fail_reading("cannot read dataset " + name);
  const H5T_class_t kind = H5Tget_class(type.get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) fail_reading("dataset " + name + ": expected numbers");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0 || H5Sget_simple_extent_type(space.get()) == H5S_NULL) fail_reading("cannot read dataset " + name);
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  return Shape(extents.begin(), extents.end());
}

template <class T>
std::vector<T> Hdf5Reader::read(const std::string& name, const Shape& expected) const {
  const Shape found = shape(name);
  check(found == expected, "'", path_.string(), "': dataset ", name, ": expected shape ", expected, ", found ", found);
  std::vector<T> values(static_cast<std::size_t>(expected.count()));
  const Dataset dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  if (dataset.get() <= 0 ||
      H5Dread(dataset.get(), Stored<T>::memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    fail_reading("cannot read dataset " + name);
  return values;
}

template std::vector<float> Hdf5Reader::read(const std::string&, const Shape&) const;
template std::vector<double> Hdf5Reader::read(const std::string&, const Shape&) const;
template std::vector<std::int64_t> Hdf5Reader::read(const std::string&, const Shape&) const;
template std::vector<std::uint8_t> Hdf5Reader::read(const std::string&, const Shape&) const;

std::optional<std::string> Hdf5Reader::read_text(const std::string& name) const {
  if (!contains(name)) return std::nullopt;
  const Dataset dataset(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  if (dataset.get() <= 0) fail_reading("cannot read dataset " + name);
  const Datatype type(H5Dget_type(dataset.get()));
  const Dataspace space(H5Dget_space(dataset.get()));
  if (!is_fixed_text(type.get(), space.get())) return std::nullopt;
  return read_fixed_text(type.get(), [&](hid_t memory, void* destination) {
    if (H5Dread(dataset.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, destination) < 0)
      fail_reading("cannot read dataset " + name);
  });
}

std::map<std::string, std::string> Hdf5Reader::text_attributes() const {
  H5O_info_t info{};
  if (H5Oget_info2(file_.get(), &info, H5O_INFO_NUM_ATTRS) < 0) fail_reading("cannot read the attributes");
  std::map<std::string, std::string> attributes;
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Attribute attribute(
        H5Aopen_by_idx(file_.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
    if (attribute.get() <= 0) fail_reading("cannot read the attributes");
    const Datatype type(H5Aget_type(attribute.get()));
    const Dataspace space(H5Aget_space(attribute.get()));
    if (!is_fixed_text(type.get(), space.get())) continue;
    std::string name(static_cast<std::size_t>(H5Aget_name(attribute.get(), 0, nullptr)), '\0');
    H5Aget_name(attribute.get(), name.size() + 1, name.data());
    attributes[name] = read_fixed_text(type.get(), [&](hid_t memory, void* destination) {
      if (H5Aread(attribute.get(), memory, destination) < 0) fail_reading("cannot read attribute " + name);
    });
  }
  return attributes;
}

}  // namespace basin
