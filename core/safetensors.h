// The safetensors file format: named host tensors and text metadata (huggingface/safetensors, "Format").
//
//   u64 little-endian N | N bytes of JSON, {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ...} | buffer
#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace basin {

// One tensor of a file that was read. `bytes` are its row-major little-endian elements, at any alignment: copy them.
// They live as long as the TensorFile or a copy of it.
struct FileTensor {
  std::string name;
  std::string dtype;  // the format's name: "F32", "BF16", ...
  Shape shape;
  std::span<const std::byte> bytes;
};

struct TensorFile {
  std::filesystem::path path;
  std::vector<FileTensor> tensors;  // in the header's order
  std::map<std::string, std::string> metadata;
  std::shared_ptr<const std::string> contents;  // what the tensors' bytes point into

  const FileTensor* find(std::string_view name) const;  // null if absent
  // The element type in Basin's terms. Error naming file and tensor for one that Basin does not compute with, such as
  // "F8_E4M3".
  DType dtype(const FileTensor& tensor) const;
};

// Reads and validates a whole file; tensors that Basin has no DType for are allowed until they are asked for. Error
// naming the file, the tensor, the field, what was expected and what was found: a header longer than 100,000,000 bytes
// or than the file; JSON that is malformed, repeats a key or has other fields; a dtype that is not known; offsets that
// do not match shape and dtype (products are checked for overflow), leave a hole, overlap or do not end where the
// buffer ends; metadata that is not text.
TensorFile read_safetensors(const std::filesystem::path& path);
// The same from memory; `path` serves the messages.
TensorFile parse_safetensors(std::string contents, const std::filesystem::path& path);

// A tensor to write: `data` holds shape.count() elements on the host.
struct NamedTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  const void* data = nullptr;
};

// Replaces the file at `path` atomically (core/atomic_file.h). The header lists the tensors in the given order; in the
// buffer wide elements come before narrow ones, so that every tensor is aligned to its element. Equal arguments give
// equal bytes. Error for a repeated name, the name "__metadata__", text that is not UTF-8, or a failed write.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace basin
