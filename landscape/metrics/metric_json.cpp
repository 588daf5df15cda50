#include "landscape/metrics/metric_json.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace basin {
namespace {

using Json = nlohmann::json;

Json number_json(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double number_of(const Json& json, const char* field, const std::string& where) {
  check(json.contains(field), where, ": a metric has no field ", field);
  const Json& value = json[field];
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  check(value.is_number(), where, ": ", field, " of a metric: expected a number, found ", value.dump());
  return value.get<double>();
}

std::string text_of(const Json& json, const char* field, const std::string& where) {
  check(json.contains(field) && json[field].is_string(), where, ": ", field, " of a metric: expected a text");
  return json[field].get<std::string>();
}

std::string short_text(const char* format, double value) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

Json metrics_json(const std::vector<Metric>& metrics) {
  Json list = Json::array();
  for (const Metric& m : metrics)
    list.push_back({{"name", m.name},
                    {"value", number_json(m.value)},
                    {"error", number_json(m.error)},
                    {"unit", m.unit},
                    {"error_kind", m.error_kind}});
  return list;
}

std::vector<Metric> metrics_of_json(const Json& json, const std::string& where) {
  check(json.is_array(), where, ": expected a list of metrics");
  std::vector<Metric> metrics;
  for (const Json& m : json)
    metrics.push_back({text_of(m, "name", where), number_of(m, "value", where), number_of(m, "error", where),
                       text_of(m, "unit", where), text_of(m, "error_kind", where)});
  return metrics;
}

std::string metric_line(const Metric& metric) {
  std::string line = "  " + metric.name;
  line.resize(std::max<std::size_t>(line.size() + 1, 28), ' ');
  line += short_text("%12.5g", metric.value);
  if (!metric.unit.empty()) line += " " + metric.unit;
  if (!std::isnan(metric.error)) line += " +- " + short_text("%.2g", metric.error) + " (" + metric.error_kind + ")";
  return line;
}

}  // namespace basin
