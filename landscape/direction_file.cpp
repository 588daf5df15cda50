#include "landscape/direction_file.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backend.h"
#include "core/error.h"
#include "landscape/coordinates.h"
#include "landscape/hdf5.h"

namespace basin {
namespace {

// The entries that a file numbers, as indices into the state: parameters alone, or all.
std::vector<std::size_t> numbered(const State& state, DirectionKind kind, bool with_batches_tracked = true) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < state.entries().size(); ++i) {
    const Role role = state.entries()[i].role;
    const bool listed =
        kind == DirectionKind::weights ? is_parameter(role) : with_batches_tracked || role != Role::batches_tracked;
    if (listed) indices.push_back(i);
  }
  return indices;
}

// ---- writing

std::vector<float> file_values(const Entry& entry, const Tensor& tensor) {
  if (!tensor.defined()) return std::vector<float>(static_cast<std::size_t>(entry.value.size()), 0.0f);
  const Tensor reordered = to_file_layout(entry, tensor);
  if (reordered.dtype() == DType::f32) return reordered.to_vector<float>();
  const std::vector<double> exact = reordered.to_vector<double>();
  return {exact.begin(), exact.end()};
}

void write_direction(Hdf5Writer& file, const std::string& group, const State& state, const Direction& direction) {
  check(direction.tensors.size() == state.entries().size(), "directions: ", group, ": expected ",
        state.entries().size(), " tensors, found ", direction.tensors.size());
  file.write_group(group);
  const std::vector<std::size_t> entries = numbered(state, direction.kind);
  for (std::size_t number = 0; number < entries.size(); ++number) {
    const Entry& entry = state.entries()[entries[number]];
    file.write(group + '/' + std::to_string(number), file_values(entry, direction.tensors[entries[number]]),
               file_shape(entry));
  }
}

// ---- reading

// Which entries the `count` tensors of a file are.
struct Numbering {
  DirectionKind kind = DirectionKind::weights;
  std::vector<std::size_t> entries;
};
Numbering numbering_of(const Hdf5Reader& file, const std::string& group, const State& state) {
  const std::size_t count = file.members(group);
  const std::vector<Numbering> possible{{DirectionKind::weights, numbered(state, DirectionKind::weights)},
                                        {DirectionKind::states, numbered(state, DirectionKind::states)},
                                        {DirectionKind::states, numbered(state, DirectionKind::states, false)}};
  for (const Numbering& numbering : possible)
    if (numbering.entries.size() == count) return numbering;
  fail("'", file.path().string(), "': group ", group, ": expected ", possible[0].entries.size(),
       " tensors (weights) or ", possible[1].entries.size(), " (states) of this network, found ", count);
}

Tensor tensor_like(const Tensor& like, const std::vector<float>& values) {
  if (like.dtype() != DType::f64) return Tensor::from(like.shape(), values, like.backend());
  return Tensor::from(like.shape(), std::vector<double>(values.begin(), values.end()), like.backend());
}

Tensor read_tensor(const Hdf5Reader& file, const std::string& name, const Entry& entry) {
  const Shape expected = file_shape(entry), found = file.shape(name);
  check(found == expected, "'", file.path().string(), "': dataset ", name, ", ", entry.name, ": expected shape ",
        expected, ", found ", found);
  const std::vector<float> values = file.read<float>(name, expected);
  const auto broken = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  check(broken == values.end(), "'", file.path().string(), "': dataset ", name, ", ", entry.name,
        ": expected finite values, found ", broken == values.end() ? 0.0f : *broken);
  const bool moves = std::any_of(values.begin(), values.end(), [](float v) { return v != 0; });
  if (!moves || entry.role == Role::batches_tracked) return {};
  const Tensor on_host = from_file_layout(entry, Tensor::from(expected, values, cpu_backend()));
  return tensor_like(entry.value, on_host.to_vector<float>());
}

Direction read_direction(const Hdf5Reader& file, const std::string& group, const State& state) {
  const Numbering numbering = numbering_of(file, group, state);
  Direction direction{numbering.kind, std::vector<Tensor>(state.entries().size())};
  for (std::size_t number = 0; number < numbering.entries.size(); ++number) {
    const std::size_t index = numbering.entries[number];
    direction.tensors[index] = read_tensor(file, group + '/' + std::to_string(number), state.entries()[index]);
  }
  return direction;
}

}  // namespace

void write_directions(const std::filesystem::path& path, const State& state, const DirectionPair& directions) {
  check(!directions.y || directions.y->kind == directions.x.kind, "'", path.string(),
        "': the two directions are of different kinds");
  Hdf5Writer file(path);
  for (const auto& [name, text] : directions.attributes) file.write_attribute(name, text);
  write_direction(file, "xdirection", state, directions.x);
  if (directions.y) write_direction(file, "ydirection", state, *directions.y);
  for (const auto& [name, values] : directions.arrays)
    file.write(name, values, {static_cast<std::int64_t>(values.size())});
  file.save();
}

DirectionPair read_directions(const std::filesystem::path& path, const State& state) {
  const Hdf5Reader file(path);
  DirectionPair pair;
  pair.attributes = file.text_attributes();
  pair.x = read_direction(file, "xdirection", state);
  for (const char* name : {"explained_variance_ratio_", "explained_variance_", "singular_values_"})
    if (file.contains(name)) pair.arrays[name] = read_coordinates(file, name);
  if (!file.contains("ydirection")) return pair;
  pair.y = read_direction(file, "ydirection", state);
  check(pair.y->kind == pair.x.kind, "'", path.string(), "': xdirection and ydirection are of different kinds");
  return pair;
}

}  // namespace basin
