#include "landscape/hessian/hessian_file.h"

#include <algorithm>
#include <limits>

#include "landscape/hdf5.h"

namespace basin {
namespace {

constexpr const char* kFormatAttribute = "format";
constexpr const char* kFormat = "basin hessian 1";

std::int64_t count_of(const auto& values) { return static_cast<std::int64_t>(values.size()); }

void write_eigenvalues(Hdf5Writer& file, const std::string& name, const std::vector<MeasuredEigenvalue>& values) {
  if (values.empty()) return;
  std::vector<double> value, residual, sampling;
  std::vector<std::uint8_t> converged;
  for (const MeasuredEigenvalue& v : values) {
    value.push_back(v.numerical.value);
    residual.push_back(v.numerical.residual);
    sampling.push_back(v.sampling_error);
    converged.push_back(v.numerical.converged ? 1 : 0);
  }
  const Shape shape{count_of(values)};
  file.write(name, value, shape);
  file.write(name + "_residual", residual, shape);
  file.write(name + "_sampling_error", sampling, shape);
  file.write(name + "_converged", converged, shape);
}

std::vector<MeasuredEigenvalue> read_eigenvalues(const Hdf5Reader& file, const std::string& name) {
  if (!file.contains(name)) return {};
  const Shape shape = file.shape(name);
  check(shape.size() == 1, "'", file.path().string(), "': dataset ", name, ": expected one dimension, found ", shape);
  const auto value = file.read<double>(name, shape), residual = file.read<double>(name + "_residual", shape),
             sampling = file.read<double>(name + "_sampling_error", shape);
  const auto converged = file.read<std::uint8_t>(name + "_converged", shape);
  std::vector<MeasuredEigenvalue> values;
  for (std::size_t i = 0; i < value.size(); ++i)
    values.push_back({{value[i], residual[i], converged[i] != 0}, sampling[i]});
  return values;
}

void write_density(Hdf5Writer& file, const HessianReport& report) {
  std::size_t steps = 0;
  for (const Quadrature& probe : report.probes) steps = std::max(steps, probe.nodes.size());
  std::vector<double> nodes, weights;
  for (const Quadrature& probe : report.probes)
    for (std::size_t k = 0; k < steps; ++k) {
      const bool there = k < probe.nodes.size();
      nodes.push_back(there ? probe.nodes[k] : std::numeric_limits<double>::quiet_NaN());
      weights.push_back(there ? probe.weights[k] : std::numeric_limits<double>::quiet_NaN());
    }
  const Shape shape{count_of(report.probes), static_cast<std::int64_t>(steps)};
  file.write("density_nodes", nodes, shape);
  file.write("density_weights", weights, shape);
  const Density& density = *report.density;
  file.write("density_at", density.at, {count_of(density.at)});
  file.write("density", density.density, {count_of(density.at)});
  file.write("density_error", density.error, {count_of(density.at)});
  file.write("density_width", std::vector<double>{density.width}, {1});
}

void read_density(const Hdf5Reader& file, HessianReport& report) {
  const Shape shape = file.shape("density_nodes"), points = file.shape("density_at");
  check(shape.size() == 2 && points.size() == 1, "'", file.path().string(),
        "': datasets density_nodes and density_at: expected two and one dimensions, found ", shape, " and ", points);
  const auto nodes = file.read<double>("density_nodes", shape), weights = file.read<double>("density_weights", shape);
  for (std::int64_t p = 0; p < shape[0]; ++p) {
    Quadrature& probe = report.probes.emplace_back();
    for (std::int64_t k = 0; k < shape[1]; ++k) {
      const auto i = static_cast<std::size_t>(p * shape[1] + k);
      if (!(nodes[i] == nodes[i])) continue;  // NaN: beyond the last
      probe.nodes.push_back(nodes[i]);
      probe.weights.push_back(weights[i]);
    }
  }
  report.density = Density{file.read<double>("density_at", points), file.read<double>("density", points),
                           file.read<double>("density_error", points), file.read<double>("density_width", {1})[0]};
}

}  // namespace

Estimate TraceReport::estimate() const {
  if (samples.empty()) return {range, 0};
  const Estimate rest = estimate_of(std::span<const double>(samples));
  return {range + rest.value, rest.error};
}

void write_hessian(const std::filesystem::path& path, const HessianReport& report) {
  Hdf5Writer file(path);
  file.write_attribute(kFormatAttribute, kFormat);
  for (const auto& [name, text] : report.attributes) file.write_attribute(name, text);
  write_eigenvalues(file, "largest", report.largest);
  write_eigenvalues(file, "smallest", report.smallest);
  if (report.trace) {
    const Estimate trace = report.trace->estimate();
    file.write("trace", std::vector<double>{trace.value, trace.error}, {2});
    file.write("trace_samples", report.trace->samples, {count_of(report.trace->samples)});
    file.write("trace_range", std::vector<double>{report.trace->range}, {1});
  }
  if (report.density) write_density(file, report);
  file.save();
}

HessianReport read_hessian(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  HessianReport report;
  report.attributes = file.text_attributes();
  const auto format = report.attributes.extract(kFormatAttribute);
  check(!format.empty() && format.mapped() == kFormat, "'", path.string(), "': attribute format: expected '", kFormat,
        "', found '", format.empty() ? "" : format.mapped(), "'");
  report.largest = read_eigenvalues(file, "largest");
  report.smallest = read_eigenvalues(file, "smallest");
  if (file.contains("trace")) {
    const Shape samples = file.shape("trace_samples");
    check(samples.size() == 1, "'", path.string(), "': dataset trace_samples: expected one dimension, found ", samples);
    report.trace = TraceReport{file.read<double>("trace_range", {1})[0], file.read<double>("trace_samples", samples)};
  }
  if (file.contains("density_nodes")) read_density(file, report);
  return report;
}

}  // namespace basin
