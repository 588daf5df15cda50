#include "landscape/curve/three_points.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "landscape/hdf5.h"

namespace basin {
namespace {

using Json = nlohmann::json;

// Relative to |w_3 - w_1|: a smaller distance from the line is rounding.
constexpr double kOnTheLine = 1e-6;

std::vector<double> values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

// One tensor an entry, in double; empty where nothing moves.
using Difference = std::vector<std::vector<double>>;

Difference difference_of(const State& from, const State& to) {
  const auto& entries = from.entries();
  check(to.entries().size() == entries.size(), "plane: networks of ", entries.size(), " and ", to.entries().size(),
        " tensors");
  Difference difference(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& other = to.entries()[i];
    check(other.name == entries[i].name && other.value.shape() == entries[i].value.shape(), "plane: tensor ",
          entries[i].name, " ", entries[i].value.shape(), " of one network is ", other.name, " ", other.value.shape(),
          " of another");
    if (entries[i].role == Role::batches_tracked) continue;
    difference[i] = values_of(other.value);
    const std::vector<double> origin = values_of(entries[i].value);
    for (std::size_t k = 0; k < origin.size(); ++k) difference[i][k] -= origin[k];
  }
  return difference;
}

double product(const State& state, const Difference& a, const Difference& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (is_parameter(state.entries()[i].role))
      for (std::size_t k = 0; k < a[i].size(); ++k) sum += a[i][k] * b[i][k];
  return sum;
}

void scale(Difference& a, double factor) {
  for (std::vector<double>& tensor : a)
    for (double& value : tensor) value *= factor;
}

// a -= factor * b
void subtract(Difference& a, double factor, const Difference& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < a[i].size(); ++k) a[i][k] -= factor * b[i][k];
}

Direction direction_of(const State& state, const Difference& difference) {
  Direction direction{DirectionKind::states, std::vector<Tensor>(difference.size())};
  for (std::size_t i = 0; i < difference.size(); ++i) {
    if (difference[i].empty()) continue;
    const Tensor& like = state.entries()[i].value;
    if (like.dtype() == DType::f64) {
      direction.tensors[i] = Tensor::from<double>(like.shape(), difference[i], like.backend());
    } else {
      const std::vector<float> rounded(difference[i].begin(), difference[i].end());
      direction.tensors[i] = Tensor::from<float>(like.shape(), rounded, like.backend());
    }
  }
  return direction;
}

}  // namespace

PlaneOfThree plane_through(const State& first, const State& second, const State& third) {
  Difference u = difference_of(first, second), v = difference_of(first, third);
  const double along = std::sqrt(product(first, u, u)), far = std::sqrt(product(first, v, v));
  check(along > 0, "plane: the first two networks are the same");
  scale(u, 1 / along);
  const double a = product(first, u, v);
  subtract(v, a, u);
  subtract(v, product(first, u, v), u);  // again: what rounding left
  const double b = std::sqrt(product(first, v, v));
  check(b > kOnTheLine * far, "plane: the three networks lie on one line (distance ", b, " of ", far, ")");
  scale(v, 1 / b);
  return {direction_of(first, u), direction_of(first, v), {Point{0, 0}, Point{along, 0}, Point{a, b}}};
}

std::array<Range, 2> ranges_around(const PlaneOfThree& plane, double margin, std::int64_t count) {
  const auto range = [&](double Point::*axis) {
    double low = 0, high = 0;
    for (const Point& network : plane.networks) {
      low = std::min(low, network.*axis);
      high = std::max(high, network.*axis);
    }
    const double extra = margin * (high - low);
    return Range{low - extra, high + extra, count};
  };
  return {range(&Point::alpha), range(&Point::beta)};
}

std::string text_of(const PlaneMarkers& markers) {
  Json json{{"networks", Json::array()}, {"path", Json::array()}};
  for (const PlaneMarkers::Network& network : markers.networks)
    json["networks"].push_back({{"name", network.name}, {"x", network.at.alpha}, {"y", network.at.beta}});
  for (const Point& point : markers.path) json["path"].push_back({point.alpha, point.beta});
  return json.dump();
}

std::optional<PlaneMarkers> read_markers(const std::filesystem::path& path) {
  const auto attributes = Hdf5Reader(path).text_attributes();
  const auto text = attributes.find(kMarkersAttribute);
  if (text == attributes.end()) return std::nullopt;
  try {
    PlaneMarkers markers;
    const Json json = Json::parse(text->second);
    for (const Json& network : json.at("networks"))
      markers.networks.push_back(
          {network.at("name").get<std::string>(), {network.at("x").get<double>(), network.at("y").get<double>()}});
    for (const Json& point : json.at("path"))
      markers.path.push_back({point.at(0).get<double>(), point.at(1).get<double>()});
    return markers;
  } catch (const Json::exception& error) {
    fail("'", path.string(), "': attribute ", kMarkersAttribute, ": ", error.what());
  }
}

}  // namespace basin
