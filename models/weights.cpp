#include "models/weights.h"

#include <sstream>
#include <string>

#include "core/backend.h"

namespace basin {
namespace {

constexpr std::size_t kListed = 3;  // names that a message spells out per kind of misfit

bool is_floating(DType type) {
  return type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
}

std::string_view without_module(std::string_view name) {
  constexpr std::string_view kModule = "module.";
  return name.starts_with(kModule) ? name.substr(kModule.size()) : name;
}

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// "2 missing (fc.weight, fc.bias)"
void append_misfits(std::string& line, const std::vector<std::string>& names, std::string_view kind) {
  if (names.empty()) return;
  line += text(line.empty() ? "" : "; ", names.size(), " ", kind, " (");
  for (std::size_t i = 0; i < names.size() && i < kListed; ++i) line += (i > 0 ? ", " : "") + names[i];
  line += names.size() > kListed ? ", ...)" : ")";
}

// The file's tensor in the entry's layout, dtype and back end.
Tensor converted(const Entry& entry, const FileTensor& tensor, DType dtype) {
  const Tensor raw = Tensor::from_bytes(tensor.shape, dtype, tensor.bytes.data(), cpu_backend());
  const Tensor ordered = from_file_layout(entry, raw);
  const Tensor value = Tensor::empty(ordered.shape(), entry.value.dtype(), cpu_backend());
  cpu_backend().cast(ordered.view(), value.mutable_view());
  Backend& home = entry.value.backend();
  return &home == &cpu_backend() ? value : Tensor::from_bytes(value.shape(), value.dtype(), value.view().data, home);
}

// Matches a file's tensors with a state's entries and remembers what does not fit.
struct Match {
  std::vector<const FileTensor*> tensors;  // by entry; null: keep the value
  std::vector<std::string> missing, unexpected, misshapen;

  Match(const State& state, const TensorFile& file) : tensors(state.entries().size()) {
    for (const FileTensor& tensor : file.tensors) take(state, tensor);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Entry& entry = state.entries()[i];
      if (tensors[i] == nullptr) {
        if (entry.role != Role::batches_tracked) missing.push_back(entry.name);
      } else {
        compare(entry, *tensors[i], file);
      }
    }
  }

  void take(const State& state, const FileTensor& tensor) {
    const Entry* entry = state.find(tensor.name);
    if (entry == nullptr) entry = state.find(without_module(tensor.name));
    const FileTensor** place =
        entry == nullptr ? nullptr : &tensors[static_cast<std::size_t>(entry - state.entries().data())];
    if (place == nullptr || *place != nullptr)
      unexpected.push_back(tensor.name);
    else
      *place = &tensor;
  }

  void compare(const Entry& entry, const FileTensor& tensor, const TensorFile& file) {
    const DType dtype = file.dtype(tensor);
    if (tensor.shape != file_shape(entry))
      misshapen.push_back(text(entry.name, " is ", tensor.shape, ", expected ", file_shape(entry)));
    else if (is_floating(dtype) != is_floating(entry.value.dtype()))
      misshapen.push_back(text(entry.name, " is ", dtype, ", expected ", entry.value.dtype()));
  }
};

}  // namespace

void load_weights(State& state, const TensorFile& file) {
  const Match match(state, file);
  std::string misfits;
  append_misfits(misfits, match.missing, "missing");
  append_misfits(misfits, match.unexpected, "unexpected");
  append_misfits(misfits, match.misshapen, "of the wrong shape or kind");
  check(misfits.empty(), file.path.string(), ": the tensors do not fit the model: ", misfits);

  Tensors values;
  for (std::size_t i = 0; i < match.tensors.size(); ++i) {
    const Entry& entry = state.entries()[i];
    const FileTensor* tensor = match.tensors[i];
    values.push_back(tensor == nullptr ? entry.value : converted(entry, *tensor, file.dtype(*tensor)));
  }
  for (std::size_t i = 0; i < values.size(); ++i) state.entries()[i].value = values[i];
}

FileWeights save_weights(const State& state) {
  FileWeights file;
  for (const Entry& entry : state.entries()) {
    const Tensor value = to_file_layout(entry, entry.value);
    file.tensors.push_back({entry.name, value.dtype(), value.shape(), value.view().data});
    file.storage.push_back(value);
  }
  return file;
}

}  // namespace basin
