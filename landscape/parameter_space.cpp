#include "landscape/parameter_space.h"

#include <algorithm>
#include <cmath>

#include "core/backend.h"
#include "core/nearest.h"

namespace basin {
namespace {

// Does `name` start with `prefix`, up to a dot or its end?
bool fits(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// "layer1.0.conv1.weight" and all that names can be cut to: "layer1.0.conv1", "layer1.0", "layer1".
std::vector<std::string> possible_prefixes(const State& state) {
  std::vector<std::string> names;
  for (const Entry& entry : state.entries()) {
    if (!is_parameter(entry.role)) continue;
    for (std::string name = entry.name;; name.resize(name.rfind('.'))) {
      names.push_back(name);
      if (name.find('.') == std::string::npos) break;
    }
  }
  return names;
}

void check_prefix(const State& state, const std::string& prefix, std::string_view what) {
  for (const Entry& entry : state.entries())
    if (is_parameter(entry.role) && fits(entry.name, prefix)) return;
  std::vector<std::string> names = possible_prefixes(state);
  names.insert(names.end(), {"all", "matrices"});
  const std::string near = nearest(prefix, names);
  fail(what, ": no parameter's name begins with '", prefix, "'", near.empty() ? "" : "; did you mean " + near + "?",
       " (expected all, matrices or a list of names)");
}

Tensor converted(const Tensor& tensor, DType type, Backend& backend) {
  Tensor there = tensor;
  if (&tensor.backend() != &backend) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.size()) * size_of(tensor.dtype()));
    tensor.copy_to_host(bytes.data());
    there = Tensor::from_bytes(tensor.shape(), tensor.dtype(), bytes.data(), backend);
  }
  if (there.dtype() == type) return there;
  const Tensor result = Tensor::empty(there.shape(), type, backend);
  backend.cast(there.view(), result.mutable_view());
  return result;
}

}  // namespace

ParameterSpace::ParameterSpace(const State& state, const ParameterSubset& subset, std::string_view what)
    : text_(subset.text), entries_(state.entries().size()) {
  const bool all = text_ == "all", matrices = text_ == "matrices";
  const std::vector<std::string> prefixes = all || matrices ? std::vector<std::string>{} : split(text_);
  for (const std::string& prefix : prefixes) check_prefix(state, prefix, what);
  for (std::size_t i = 0; i < entries_; ++i) {
    const Entry& entry = state.entries()[i];
    if (!is_parameter(entry.role)) continue;
    const bool named = std::any_of(prefixes.begin(), prefixes.end(),
                                   [&](const std::string& prefix) { return fits(entry.name, prefix); });
    if (!(all || named || (matrices && entry.value.rank() > 1))) continue;
    parts_.push_back({i, size_, entry.value.shape()});
    size_ += entry.value.size();
  }
  check(size_ > 0, what, " ", text_, ": no parameter moves");
}

Tensor ParameterSpace::flatten(const State& state, DType type, Backend& backend) const {
  std::vector<Tensor> values;
  for (const Entry& entry : state.entries()) values.push_back(entry.value);
  return flatten(values, type, backend);
}

Tensor ParameterSpace::flatten(const std::vector<Tensor>& tensors, DType type, Backend& backend) const {
  check(tensors.size() == entries_, "parameter space: ", tensors.size(), " tensors for ", entries_, " entries");
  const Tensor vector = Tensor::zeros({size_}, type, backend);
  for (const Part& part : parts_) {
    const Tensor& tensor = tensors[part.entry];
    if (!tensor.defined()) continue;
    check(tensor.shape() == part.shape, "parameter space: tensor ", part.entry, " has shape ", tensor.shape(),
          ", expected ", part.shape);
    backend.write_slice(converted(tensor, type, backend).viewed_as({tensor.size()}).view(), 0, part.begin,
                        vector.mutable_view());
  }
  return vector;
}

Tensor ParameterSpace::join(const Tensors& parts) const {
  check(parts.size() == parts_.size(), "parameter space: ", parts.size(), " parts for ", parts_.size());
  const Tensor vector = Tensor::empty({size_}, parts[0].dtype(), parts[0].backend());
  for (std::size_t i = 0; i < parts.size(); ++i)
    vector.backend().write_slice(parts[i].viewed_as({parts[i].size()}).view(), 0, parts_[i].begin,
                                 vector.mutable_view());
  return vector;
}

Tensors ParameterSpace::views(const Tensor& vector) const {
  check(vector.shape() == Shape{size_}, "parameter space: a vector ", vector.shape(), ", expected (", size_, ")");
  Tensors parts;
  for (const Part& part : parts_)
    parts.push_back(vector.rows(part.begin, part.begin + part.shape.count()).viewed_as(part.shape));
  return parts;
}

State ParameterSpace::at(const State& state, const Tensor& vector) const {
  State result = state;
  for (Entry& entry : result.entries())
    if (entry.role != Role::batches_tracked) entry.value = converted(entry.value, vector.dtype(), vector.backend());
  const Tensors parts = views(vector);
  for (std::size_t i = 0; i < parts.size(); ++i) result.entries()[parts_[i].entry].value = parts[i];
  return result;
}

Tensors ParameterSpace::parameters(const State& state) const {
  Tensors values;
  for (const Part& part : parts_) values.push_back(state.entries()[part.entry].value);
  return values;
}

Direction ParameterSpace::direction(const State& state, const Tensor& vector) const {
  Direction direction{DirectionKind::weights, std::vector<Tensor>(entries_)};
  const Tensors parts = views(vector);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tensor& like = state.entries()[parts_[i].entry].value;
    // A copy: a direction outlives the vector and does not hold all of it.
    direction.tensors[parts_[i].entry] = converted(parts[i], like.dtype(), like.backend()).clone();
  }
  return direction;
}

double inner_product(const Tensor& a, const Tensor& b) {
  const Recording off(false);
  return dot(a, b).item();
}

double length(const Tensor& a) { return std::sqrt(a.backend().sum_of_squares(a.view())); }

Tensor scaled(const Tensor& a, double factor) {
  const Recording off(false);
  return a * factor;
}

Tensor sum_of(const Tensor& a, double factor, const Tensor& b) {
  const Recording off(false);
  return a + b * factor;
}

}  // namespace basin
