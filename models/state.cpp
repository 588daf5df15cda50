#include "models/state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/backend.h"

namespace basin {

bool is_parameter(Role role) {
  return role == Role::weight || role == Role::bias || role == Role::gamma || role == Role::beta;
}

void State::add(Entry entry) {
  check(index_.emplace(entry.name, entries_.size()).second, "state: tensor ", entry.name, " is there twice");
  entries_.push_back(std::move(entry));
}

const Entry* State::find(std::string_view name) const {
  const auto place = index_.find(name);
  return place == index_.end() ? nullptr : &entries_[place->second];
}

Entry* State::find(std::string_view name) { return const_cast<Entry*>(std::as_const(*this).find(name)); }

const Tensor& State::operator[](std::string_view name) const {
  const Entry* entry = find(name);
  check(entry != nullptr, "state: no tensor ", name, " among ", entries_.size());
  return entry->value;
}

Tensors State::parameters() const {
  Tensors values;
  for (const Entry& entry : entries_)
    if (is_parameter(entry.role)) values.push_back(entry.value);
  return values;
}

void State::set_parameters(const Tensors& values) {
  std::vector<Entry*> parameters;
  for (Entry& entry : entries_)
    if (is_parameter(entry.role)) parameters.push_back(&entry);
  check(parameters.size() == values.size(), "state: ", values.size(), " values for ", parameters.size(), " parameters");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Tensor& old = parameters[i]->value;
    check(values[i].shape() == old.shape() && values[i].dtype() == old.dtype(), "state: ", parameters[i]->name, " is ",
          old.dtype(), " ", old.shape(), ", not ", values[i].dtype(), " ", values[i].shape());
  }
  for (std::size_t i = 0; i < values.size(); ++i) parameters[i]->value = values[i];
}

std::int64_t State::parameter_count() const {
  std::int64_t count = 0;
  for (const Entry& entry : entries_)
    if (is_parameter(entry.role)) count += entry.value.size();
  return count;
}

State State::clone() const {
  State copy = *this;
  for (Entry& entry : copy.entries_) entry.value = entry.value.clone();
  return copy;
}

State State::on(Backend& backend) const {
  State moved = *this;
  for (Entry& entry : moved.entries_) {
    if (entry.role == Role::batches_tracked || &entry.value.backend() == &backend) continue;
    std::vector<std::byte> bytes(static_cast<std::size_t>(entry.value.size()) * size_of(entry.value.dtype()));
    entry.value.copy_to_host(bytes.data());
    entry.value = Tensor::from_bytes(entry.value.shape(), entry.value.dtype(), bytes.data(), backend);
  }
  return moved;
}

namespace {

// Both layouts differ by one transposition per leading row: (pixels, channels) here, (channels, pixels) in the file.
struct Layout {
  Shape basin, file;
  std::int64_t rows = 1, pixels = 1, channels = 1;
};

Layout layout_of(const Entry& entry) {
  const Shape& shape = entry.value.shape();
  if (entry.role == Role::weight && shape.size() == 4)
    return {shape, {shape[0], shape[3], shape[1], shape[2]}, shape[0], shape[1] * shape[2], shape[3]};
  if (entry.role == Role::weight && entry.flattened_channels > 0)
    return {shape, shape, shape[0], entry.flattened_height * entry.flattened_width, entry.flattened_channels};
  return {shape, shape, 1, 1, shape.count()};
}

// (rows, a, b) -> (rows, b, a) of elements of `size` bytes.
std::vector<std::byte> transposed(const std::vector<std::byte>& from, std::int64_t rows, std::int64_t a, std::int64_t b,
                                  std::size_t size) {
  std::vector<std::byte> to(from.size());
  const std::byte* source = from.data();
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t i = 0; i < a; ++i)
      for (std::int64_t j = 0; j < b; ++j, source += size)
        std::memcpy(to.data() + static_cast<std::size_t>((row * b + j) * a + i) * size, source, size);
  return to;
}

Tensor reordered(const Tensor& value, const Shape& shape, std::int64_t rows, std::int64_t a, std::int64_t b) {
  const std::size_t size = size_of(value.dtype());
  std::vector<std::byte> bytes(static_cast<std::size_t>(value.size()) * size);
  value.copy_to_host(bytes.data());
  if (a > 1 && b > 1) bytes = transposed(bytes, rows, a, b, size);
  return Tensor::from_bytes(shape, value.dtype(), bytes.data(), cpu_backend());
}

}  // namespace

Shape file_shape(const Entry& entry) { return layout_of(entry).file; }

Tensor to_file_layout(const Entry& entry, const Tensor& value) {
  const Layout layout = layout_of(entry);
  check(value.shape() == layout.basin, entry.name, ": shape ", value.shape(), ", expected ", layout.basin);
  return reordered(value, layout.file, layout.rows, layout.pixels, layout.channels);
}

Tensor from_file_layout(const Entry& entry, const Tensor& file_value) {
  const Layout layout = layout_of(entry);
  check(file_value.shape() == layout.file, entry.name, ": shape ", file_value.shape(), ", expected ", layout.file);
  return reordered(file_value, layout.basin, layout.rows, layout.channels, layout.pixels);
}

}  // namespace basin
