#include "core/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "safetensors buffers are little-endian and copied as they are");

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";

struct Element {
  std::string_view name;
  std::int64_t bytes;
  std::optional<DType> dtype;
};
constexpr std::array kElements{
    Element{"F64", 8, DType::f64},           Element{"F32", 4, DType::f32},
    Element{"F16", 2, DType::f16},           Element{"BF16", 2, DType::bf16},
    Element{"I64", 8, DType::i64},           Element{"I32", 4, DType::i32},
    Element{"I16", 2, std::nullopt},         Element{"I8", 1, std::nullopt},
    Element{"U64", 8, std::nullopt},         Element{"U32", 4, std::nullopt},
    Element{"U16", 2, std::nullopt},         Element{"U8", 1, DType::u8},
    Element{"BOOL", 1, std::nullopt},        Element{"F8_E4M3", 1, std::nullopt},
    Element{"F8_E5M2", 1, std::nullopt},     Element{"F8_E8M0", 1, std::nullopt},
    Element{"F8_E4M3FNUZ", 1, std::nullopt}, Element{"F8_E5M2FNUZ", 1, std::nullopt},
    Element{"C64", 8, std::nullopt},
};

const Element* find_element(std::string_view name) {
  const auto found = std::find_if(kElements.begin(), kElements.end(), [&](const Element& e) { return e.name == name; });
  return found == kElements.end() ? nullptr : &*found;
}

std::string_view file_name_of(DType dtype) {
  for (const Element& element : kElements)
    if (element.dtype == dtype) return element.name;
  fail("safetensors: dtype ", dtype, " has no name in the format");
}

// A value of the file as it appears in messages: one line, of bounded length.
std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 80;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

// The checks of one file, in the order in which its bytes are understood.
class Reader {
 public:
  Reader(std::string contents, const std::filesystem::path& path) {
    file_.path = path;
    file_.contents = std::make_shared<const std::string>(std::move(contents));
  }

  TensorFile read() {
    const std::string_view text = header_text();
    buffer_ = std::as_bytes(std::span(*file_.contents)).subspan(kLengthBytes + text.size());
    const Json header = parse(text);
    for (const std::string& name : names_) {
      const Json& entry = header[name];
      if (name == kMetadata)
        read_metadata(entry);
      else
        read_tensor(name, entry);
    }
    check_cover();
    return std::move(file_);
  }

 private:
  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) fail("'", file_.path.string(), "': ", parts...);
  }

  std::string_view header_text() const {
    const std::string_view all = *file_.contents;
    require(all.size() >= kLengthBytes, "safetensors header length: expected 8 bytes, found ", all.size());
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
      length |= static_cast<std::uint64_t>(static_cast<unsigned char>(all[i])) << (8 * i);
    require(length <= kMaxHeaderBytes, "safetensors header length: expected at most ", kMaxHeaderBytes, ", found ",
            length);
    require(length <= all.size() - kLengthBytes, "safetensors header: expected ", length, " bytes, found ",
            all.size() - kLengthBytes);
    const std::string_view text = all.substr(kLengthBytes, length);
    require(text.starts_with('{'), "safetensors header: expected a JSON object that starts with '{'");
    return text;
  }

  // The library's parser keeps the last of repeated keys; the callback sees each one.
  Json parse(std::string_view text) {
    constexpr int kDeepest = 3;  // header, entry, shape
    std::vector<std::set<std::string>> open_objects;
    const auto inspect = [&](int depth, Json::parse_event_t event, Json& value) {
      if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
      if (event == Json::parse_event_t::object_end) open_objects.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        require(open_objects.back().insert(key).second, "safetensors header: key ", shown(value), " is repeated");
        if (open_objects.size() == 1) names_.push_back(key);
      }
      require(depth <= kDeepest, "safetensors header: nested deeper than a tensor's shape");
      return true;
    };
    try {
      return Json::parse(text, inspect);
    } catch (const Json::parse_error& error) {
      fail("'", file_.path.string(), "': safetensors header: malformed JSON at byte ", error.byte, " of ", text.size());
    } catch (const Json::exception&) {  // a number beyond double
      fail("'", file_.path.string(), "': safetensors header: a number is out of range");
    }
  }

  void read_metadata(const Json& entry) {
    require(entry.is_object(), "__metadata__: expected an object of texts, found ", shown(entry));
    for (const auto& [key, value] : entry.items()) {
      require(value.is_string(), "__metadata__ ", shown(key), ": expected a text, found ", shown(value));
      file_.metadata[key] = value.get<std::string>();
    }
  }

  void read_tensor(const std::string& name, const Json& entry) {
    const std::string where = "tensor " + shown(name);
    require(entry.is_object(), where, ": expected an object, found ", shown(entry));
    for (const auto& [field, value] : entry.items())
      require(field == "dtype" || field == "shape" || field == "data_offsets", where, ": unexpected field ",
              shown(field));
    for (const char* field : {"dtype", "shape", "data_offsets"})
      require(entry.contains(field), where, ": field \"", field, "\" is missing");

    FileTensor tensor{.name = name, .dtype = {}, .shape = {}, .bytes = {}};
    const Json& dtype = entry["dtype"];
    const Element* element = dtype.is_string() ? find_element(dtype.get_ref<const std::string&>()) : nullptr;
    require(element != nullptr, where, ", dtype: expected a known one such as \"F32\", found ", shown(dtype));
    tensor.dtype = element->name;
    tensor.shape = read_shape(where, entry["shape"]);
    tensor.bytes = read_bytes(where, entry["data_offsets"], tensor.shape, *element);
    file_.tensors.push_back(std::move(tensor));
  }

  // A non-negative integer that fits 63 bits.
  bool is_extent(const Json& value) const {
    constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
    return value.is_number_unsigned() && value.get<std::uint64_t>() <= kLargest;
  }

  Shape read_shape(const std::string& where, const Json& value) const {
    require(value.is_array() && std::all_of(value.begin(), value.end(), [&](const Json& e) { return is_extent(e); }),
            where, ", shape: expected non-negative integers, found ", shown(value));
    Shape shape;
    for (const Json& extent : value) shape.push_back(extent.get<std::int64_t>());
    return shape;
  }

  std::span<const std::byte> read_bytes(const std::string& where, const Json& value, const Shape& shape,
                                        const Element& element) const {
    require(value.is_array() && value.size() == 2 && is_extent(value[0]) && is_extent(value[1]), where,
            ", data_offsets: expected [begin, end], found ", shown(value));
    const auto begin = value[0].get<std::uint64_t>(), end = value[1].get<std::uint64_t>();
    require(begin <= end && end <= buffer_.size(), where,
            ", data_offsets: expected 0 <= begin <= end <= ", buffer_.size(), ", found ", shown(value));
    std::int64_t bytes = 1;
    bool overflow = false;
    for (const std::int64_t extent : shape) overflow |= __builtin_mul_overflow(bytes, extent, &bytes);
    overflow |= __builtin_mul_overflow(bytes, element.bytes, &bytes);
    require(!overflow, where, ", shape ", shape, ": the product of the extents overflows");
    require(end - begin == static_cast<std::uint64_t>(bytes), where, ", data_offsets: shape ", shape, " of ",
            element.name, " needs ", bytes, " bytes, found ", shown(value), " with ", end - begin);
    return buffer_.subspan(begin, end - begin);
  }

  // Every byte of the buffer belongs to exactly one tensor.
  void check_cover() const {
    std::vector<const FileTensor*> sorted;
    for (const FileTensor& tensor : file_.tensors) sorted.push_back(&tensor);
    const auto position = [&](const FileTensor* t) { return std::pair(t->bytes.data(), t->bytes.size()); };
    std::sort(sorted.begin(), sorted.end(), [&](auto* a, auto* b) { return position(a) < position(b); });
    std::size_t covered = 0;
    for (const FileTensor* tensor : sorted) {
      const auto begin = static_cast<std::size_t>(tensor->bytes.data() - buffer_.data());
      require(begin == covered, "tensor ", shown(tensor->name), ", data_offsets: expected to begin at ", covered,
              ", found ", begin, begin > covered ? " (a hole)" : " (an overlap)");
      covered += tensor->bytes.size();
    }
    require(covered == buffer_.size(), "safetensors buffer: expected ", covered, " bytes, found ", buffer_.size());
  }

  TensorFile file_;
  std::span<const std::byte> buffer_;
  std::vector<std::string> names_;  // in the header's order
};

// Positions in the buffer: indices by element size, widest first, otherwise as given.
std::vector<std::size_t> buffer_order(std::span<const NamedTensor> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return size_of(tensors[a].dtype) > size_of(tensors[b].dtype); });
  return order;
}

std::size_t bytes_of(const NamedTensor& tensor) {
  return static_cast<std::size_t>(tensor.shape.count()) * size_of(tensor.dtype);
}

// The JSON text, padded with spaces so that the buffer starts at a multiple of 8 bytes.
std::string header_of(std::span<const NamedTensor> tensors, const std::vector<std::size_t>& order,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::size_t> begin(tensors.size());
  std::size_t end = 0;
  for (const std::size_t i : order) {
    begin[i] = end;
    end += bytes_of(tensors[i]);
  }
  std::set<std::string_view> names{kMetadata};
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + Json(metadata).dump();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const NamedTensor& tensor = tensors[i];
    check(names.insert(tensor.name).second, "safetensors: tensor name ", shown(tensor.name), " is taken");
    const Json entry = {{"dtype", file_name_of(tensor.dtype)},
                        {"shape", static_cast<const std::vector<std::int64_t>&>(tensor.shape)},
                        {"data_offsets", {begin[i], begin[i] + bytes_of(tensor)}}};
    if (text.size() > 1) text += ',';
    text += Json(tensor.name).dump() + ':' + entry.dump();
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  check(text.size() <= kMaxHeaderBytes, "safetensors: a header of ", text.size(), " bytes exceeds the format's ",
        kMaxHeaderBytes);
  return text;
}

}  // namespace

const FileTensor* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const FileTensor& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

DType TensorFile::dtype(const FileTensor& tensor) const {
  const Element* element = find_element(tensor.dtype);
  check(element && element->dtype, "'", path.string(), "': tensor ", shown(tensor.name),
        ", dtype: expected F64, F32, F16, BF16, I64, I32 or U8, found ", tensor.dtype);
  return *element->dtype;
}

TensorFile parse_safetensors(std::string contents, const std::filesystem::path& path) {
  return Reader(std::move(contents), path).read();
}

TensorFile read_safetensors(const std::filesystem::path& path) { return parse_safetensors(read_file(path), path); }

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<std::size_t> order = buffer_order(tensors);
  std::string header;
  try {
    header = header_of(tensors, order, metadata);
  } catch (const Json::type_error&) {
    fail("'", path.string(), "': a tensor name or a metadata text is not UTF-8");
  }
  std::string length;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length += static_cast<char>(header.size() >> (8 * i));

  AtomicFile file(path);
  file.write(length);
  file.write(header);
  for (const std::size_t i : order) file.write(tensors[i].data, bytes_of(tensors[i]));
  file.commit();
}

}  // namespace basin
