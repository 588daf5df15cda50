#include "models/training/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "core/atomic_file.h"
#include "core/backend.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "models/weights.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

// "last.safetensors" -> "last.optimizer.safetensors", and where the one that it replaces waits until both are written.
fs::path optimizer_path(const fs::path& path) { return fs::path(path).replace_extension(".optimizer.safetensors"); }
fs::path previous_path(const fs::path& path) {
  return fs::path(path).replace_extension(".optimizer.previous.safetensors");
}

template <class Number>
Number parse_number(const Metadata& metadata, const std::string& name, const fs::path& path, const char* expected) {
  const auto field = metadata.find(name);
  check(field != metadata.end(), path.string(), ": metadata has no field ", name);
  const std::string& text = field->second;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size(), path.string(), ": metadata field ", name,
        ": expected ", expected, ", found '", text, "'");
  return value;
}

// The model that was asked for, or that the file names.
Model model_of(const TensorFile& file, const std::string& given, std::int64_t classes) {
  if (!given.empty()) return find_model(given, classes);
  const auto field = file.metadata.find("model");
  check(field != file.metadata.end(), file.path.string(),
        ": the file does not say which model it is of; name it with --model (such as --model resnet20)");
  try {
    return find_model(field->second, classes);
  } catch (const Error& error) {
    fail(file.path.string(), ": metadata field model: ", error.what());
  }
}

// "32x32x3" where the file has it; else the model's own.
Shape image_shape(const TensorFile& file, const Shape& usual) {
  const auto field = file.metadata.find("image");
  if (field == file.metadata.end()) return usual;
  constexpr std::int64_t kLargest = 4096;
  Shape shape;
  const char* at = field->second.data();
  const char* const end = at + field->second.size();
  while (at < end) {
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || extent < 1 || extent > kLargest || (next < end && *next != 'x')) break;
    shape.push_back(extent);
    at = next == end ? end : next + 1;
  }
  check(at == end && shape.size() == 3, file.path.string(),
        ": metadata field image: expected such as 32x32x3 (each at most ", kLargest, "), found '", field->second, "'");
  return shape;
}

std::string text_of(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text.append(text.empty() ? "" : "x").append(std::to_string(extent));
  return text;
}

// The file's last tensor is the classifier's, in Basin's files and in PyTorch's; its first extent is the classes.
std::int64_t class_count(const TensorFile& file) {
  if (file.metadata.contains("classes")) {
    const auto classes = parse_number<std::int64_t>(file.metadata, "classes", file.path, "an integer");
    check(classes >= 1 && classes <= 1'000'000, file.path.string(),
          ": metadata field classes: expected 1 to 1000000, found ", classes);
    return classes;
  }
  const auto ends_in_classifier = [](const FileTensor& tensor) {
    return tensor.shape.size() == 2 && tensor.shape[0] >= 1 &&
           (tensor.name.ends_with("linear.weight") || tensor.name.ends_with("classifier.weight"));
  };
  const auto found = std::find_if(file.tensors.begin(), file.tensors.end(), ends_in_classifier);
  return found == file.tensors.end() ? Model{}.classes : found->shape[0];
}

}  // namespace

double metadata_number(const Metadata& metadata, const std::string& name, const fs::path& path) {
  return parse_number<double>(metadata, name, path, "a number");
}
std::int64_t metadata_integer(const Metadata& metadata, const std::string& name, const fs::path& path) {
  return parse_number<std::int64_t>(metadata, name, path, "an integer");
}

Checkpoint load_checkpoint(const fs::path& path, const std::string& model_override, Backend& backend) {
  const TensorFile file = read_safetensors(path);
  Checkpoint checkpoint{.model = model_of(file, model_override, class_count(file)),
                        .hash = sha256(*file.contents),
                        .metadata = file.metadata};
  checkpoint.model.image = image_shape(file, checkpoint.model.image);
  if (const auto dataset = file.metadata.find("dataset"); dataset != file.metadata.end())
    checkpoint.dataset = dataset->second;
  checkpoint.state = initialize(checkpoint.model, 0, backend);
  try {
    load_weights(checkpoint.state, file);
  } catch (const Error& error) {
    fail(error.what(), " (loaded as ", checkpoint.model.name, " of ", checkpoint.model.classes, " classes)");
  }
  return checkpoint;
}

void save_checkpoint(const fs::path& path, const Model& model, const State& state, Metadata metadata) {
  metadata["model"] = model.name;
  metadata["classes"] = std::to_string(model.classes);
  metadata["image"] = text_of(model.image);
  write_safetensors(path, save_weights(state).tensors, metadata);
}

void save_resumable(const fs::path& path, const Model& model, const State& state, const Optimizer& optimizer,
                    const Metadata& metadata) {
  std::vector<std::vector<std::byte>> storage;
  std::vector<NamedTensor> tensors;
  for (const OptimizerSlot& slot : optimizer.slots()) {
    const Tensor& value = slot.value;
    storage.emplace_back(static_cast<std::size_t>(value.size()) * size_of(value.dtype()));
    value.copy_to_host(storage.back().data());
    tensors.push_back({slot.name, value.dtype(), value.shape(), storage.back().data()});
  }
  // Until the new pair is complete the old optimizer file stands by: whichever has the checkpoint's step belongs to it.
  const fs::path beside = optimizer_path(path), previous = previous_path(path);
  std::error_code error;
  if (fs::exists(beside, error)) fs::rename(beside, previous, error);
  check(!error, "cannot replace '", beside.string(), "': ", error.message());
  write_safetensors(beside, tensors, {{"model", model.name}, {"step", std::to_string(optimizer.steps())}});
  save_checkpoint(path, model, state, metadata);
  fs::remove(previous, error);
}

void load_optimizer(const fs::path& path, const Checkpoint& checkpoint, Optimizer& optimizer) {
  const char* const field = checkpoint.metadata.contains("updates") ? "updates" : "step";
  const std::int64_t step = metadata_integer(checkpoint.metadata, field, path);
  const fs::path beside = optimizer_path(path), previous = previous_path(path);
  std::int64_t found = -1;
  for (const fs::path& candidate : {beside, previous}) {
    if (!fs::exists(candidate)) continue;
    const TensorFile file = read_safetensors(candidate);
    found = metadata_integer(file.metadata, "step", candidate);
    if (found != step) continue;
    std::vector<OptimizerSlot> slots;
    for (const FileTensor& tensor : file.tensors)
      slots.push_back(
          {tensor.name, Tensor::from_bytes(tensor.shape, file.dtype(tensor), tensor.bytes.data(), cpu_backend())});
    try {
      optimizer.restore(step, slots);
    } catch (const Error& error) {
      fail(candidate.string(), ": ", error.what());
    }
    if (candidate == previous) fs::rename(previous, beside);
    return;
  }
  check(found >= 0, beside.string(), ": the optimizer's state is missing; without it the run cannot be resumed");
  fail(beside.string(), ": field step: expected ", step, " as field ", field, " of ", path.string(), ", found ", found);
}

}  // namespace basin
