#include "landscape/direction.h"

#include <array>
#include <cmath>
#include <span>

#include "core/nearest.h"
#include "core/random.h"

namespace basin {
namespace {

constexpr double kTiny = 1e-10;  // the reference tool's, against division by zero

// Index = value of the enumeration.
constexpr std::array<std::string_view, 6> kNorms{"filter", "layer", "weight", "dfilter", "dlayer", "none"};
constexpr std::array<std::string_view, 2> kIgnores{"none", "biasbn"};
constexpr std::array<std::string_view, 2> kKinds{"weights", "states"};

template <class Enum, std::size_t N>
Enum parse(const std::array<std::string_view, N>& names, std::string_view name, std::string_view what) {
  std::string list;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
    list += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  const std::string near = nearest(name, {names.begin(), names.end()});
  fail(what, ": unknown name '", name, "'", near.empty() ? "" : "; did you mean " + near + "?", " (one of ", list, ")");
}

std::vector<double> values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

Tensor tensor_like(const Tensor& like, const std::vector<double>& values) {
  if (like.dtype() == DType::f64) return Tensor::from(like.shape(), values, like.backend());
  return Tensor::from(like.shape(), std::vector<float>(values.begin(), values.end()), like.backend());
}

double length(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

void scale(std::span<double> values, double factor) {
  for (double& v : values) v *= factor;
}

// Normalises d, whose first dimension has `filters` slices, by w.
void normalize(std::span<double> d, std::span<const double> w, std::int64_t filters, Norm norm) {
  const bool by_filter = norm == Norm::filter || norm == Norm::dfilter;
  const std::size_t slices = by_filter ? static_cast<std::size_t>(filters) : 1;
  const std::size_t size = slices == 0 ? 0 : d.size() / slices;
  switch (norm) {
    case Norm::none:
      return;
    case Norm::weight:
      for (std::size_t i = 0; i < d.size(); ++i) d[i] *= w[i];
      return;
    case Norm::filter:
    case Norm::layer:
    case Norm::dfilter:
    case Norm::dlayer:
      for (std::size_t i = 0; i < slices; ++i) {
        const std::span<double> slice = d.subspan(i * size, size);
        const double target = norm == Norm::filter || norm == Norm::layer ? length(w.subspan(i * size, size)) : 1;
        const double own = length(slice) + (by_filter ? kTiny : 0);
        scale(slice, own > 0 ? target / own : 0);  // a layer that is all zero stays so
      }
      return;
  }
}

bool moves(const Entry& entry, const DirectionOptions& options) {
  if (entry.role == Role::batches_tracked) return false;
  if (!is_parameter(entry.role) && options.kind == DirectionKind::weights) return false;
  return entry.value.rank() > 1 || options.ignore == Ignore::none;
}

void check_finite(const Entry& entry, std::span<const double> w) {
  for (std::size_t i = 0; i < w.size(); ++i)
    check(std::isfinite(w[i]), "direction: ", entry.name, "[", i, "] of the network is ", w[i],
          "; a norm by its weights needs finite ones");
}

std::vector<double> standard_normal(std::size_t count, std::uint64_t seed, std::uint64_t stream) {
  const Random random(seed, stream);
  std::vector<double> values(count);
  for (std::size_t pair = 0; 2 * pair < count; ++pair) {
    const auto [first, second] = random.normal_pair(pair);
    values[2 * pair] = first;
    if (2 * pair + 1 < count) values[2 * pair + 1] = second;
  }
  return values;
}

double dot(const Direction& a, const Direction& b) {
  double sum = 0;
  for (std::size_t t = 0; t < a.tensors.size(); ++t) {
    if (!a.tensors[t].defined() || !b.tensors[t].defined()) continue;
    const std::vector<double> u = values_of(a.tensors[t]), v = values_of(b.tensors[t]);
    check(u.size() == v.size(), "direction: tensor ", t, " has ", u.size(), " and ", v.size(), " elements");
    for (std::size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  }
  return sum;
}

bool is_statistic(Role role) { return role == Role::running_mean || role == Role::running_variance; }

}  // namespace

std::string_view name_of(Norm norm) { return kNorms[static_cast<std::size_t>(norm)]; }
std::string_view name_of(Ignore ignore) { return kIgnores[static_cast<std::size_t>(ignore)]; }
std::string_view name_of(DirectionKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
Norm parse_norm(std::string_view name, std::string_view what) { return parse<Norm>(kNorms, name, what); }
Ignore parse_ignore(std::string_view name, std::string_view what) { return parse<Ignore>(kIgnores, name, what); }
DirectionKind parse_direction_kind(std::string_view name, std::string_view what) {
  return parse<DirectionKind>(kKinds, name, what);
}

Direction random_direction(const State& center, const DirectionOptions& options, std::uint64_t seed,
                           std::uint64_t index) {
  Direction direction{options.kind, {}};
  for (const Entry& entry : center.entries()) {
    Tensor& tensor = direction.tensors.emplace_back();
    if (!moves(entry, options)) continue;
    const std::vector<double> w = values_of(entry.value);
    check_finite(entry, w);
    if (entry.value.rank() <= 1) {
      tensor = tensor_like(entry.value, w);
      continue;
    }
    std::vector<double> d = standard_normal(w.size(), seed, random_stream("direction " + entry.name, index));
    normalize(d, w, entry.value.dim(0), options.norm);
    tensor = tensor_like(entry.value, d);
  }
  return direction;
}

Direction difference_direction(const State& from, const State& to, const DirectionOptions& options) {
  Direction direction{options.kind, {}};
  for (const Entry& entry : from.entries()) {
    Tensor& tensor = direction.tensors.emplace_back();
    if (!moves(entry, options)) continue;
    const Entry* other = to.find(entry.name);
    check(other != nullptr, "direction: the second network has no tensor ", entry.name);
    check(other->value.shape() == entry.value.shape(), "direction: ", entry.name, " has shape ", entry.value.shape(),
          " in the first network and ", other->value.shape(), " in the second");
    const std::vector<double> w = values_of(entry.value);
    std::vector<double> d = values_of(other->value);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= w[i];
    if (entry.value.rank() > 1 && options.norm != Norm::none) {
      check_finite(entry, w);
      normalize(d, w, entry.value.dim(0), options.norm);
    }
    tensor = tensor_like(entry.value, d);
  }
  return direction;
}

Direction without_statistics(const Direction& direction, const State& center) {
  Direction result = direction;
  for (std::size_t i = 0; i < result.tensors.size(); ++i)
    if (is_statistic(center.entries()[i].role)) result.tensors[i] = {};
  return result;
}

bool moves_statistics(const Direction& direction, const State& center) {
  for (std::size_t i = 0; i < direction.tensors.size(); ++i)
    if (is_statistic(center.entries()[i].role) && direction.tensors[i].defined()) return true;
  return false;
}

double cosine(const Direction& a, const Direction& b) {
  check(a.tensors.size() == b.tensors.size(), "cosine: directions of ", a.tensors.size(), " and ", b.tensors.size(),
        " tensors");
  return dot(a, b) / (norm(a) * norm(b));
}

double norm(const Direction& direction) { return std::sqrt(dot(direction, direction)); }

}  // namespace basin
