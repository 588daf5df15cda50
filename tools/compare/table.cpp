#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "landscape/metrics/metric_json.h"
#include "tools/compare/compare.h"

namespace basin {
namespace {

// The names of all metrics, in the order in which they appear.
std::vector<std::string> metric_names(const Table& table) {
  std::vector<std::string> names;
  for (const std::vector<Metric>& metrics : table.metrics)
    for (const Metric& metric : metrics)
      if (std::find(names.begin(), names.end(), metric.name) == names.end()) names.push_back(metric.name);
  return names;
}

const Metric* find(const std::vector<Metric>& metrics, const std::string& name) {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

std::string cell(const Metric* metric) {
  if (metric == nullptr || std::isnan(metric->value)) return "";
  if (std::isinf(metric->value)) return "not reached";
  std::string text = fmt::format("{:.4g}", metric->value);
  if (metric->error > 0 && std::isfinite(metric->error)) text += fmt::format(" ± {:.2g}", metric->error);
  return text;
}

// The unit and kind of error, of the first network that has it.
std::string meaning(const Table& table, const std::string& name) {
  for (const std::vector<Metric>& metrics : table.metrics)
    if (const Metric* metric = find(metrics, name))
      return metric->unit + (metric->unit.empty() || metric->error_kind.empty() ? "" : "; ") + metric->error_kind;
  return "";
}

// Settings in which the networks differ.
std::vector<std::string> differing_settings(const Table& table) {
  std::vector<std::string> names;
  for (const auto& recipe : table.recipes)
    for (const auto& [name, value] : recipe) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const bool same =
          std::all_of(table.recipes.begin(), table.recipes.end(), [&, key = name, text = value](const auto& other) {
            return std::any_of(other.begin(), other.end(),
                               [&](const auto& line) { return line.first == key && line.second == text; });
          });
      if (!same) names.push_back(name);
    }
  return names;
}

std::string setting(const std::vector<std::pair<std::string, std::string>>& recipe, const std::string& name) {
  for (const auto& [key, value] : recipe)
    if (key == name) return value;
  return "";
}

}  // namespace

std::string markdown_of(const Table& table) {
  std::string text = "| |";
  for (const std::string& name : table.names) text += " " + name + " |";
  text += " unit; error |\n|---|";
  for (std::size_t i = 0; i <= table.names.size(); ++i) text += "---|";
  text += "\n";
  for (const std::string& name : differing_settings(table)) {
    text += "| " + name + " |";
    for (const auto& recipe : table.recipes) text += " " + setting(recipe, name) + " |";
    text += " |\n";
  }
  for (const std::string& name : metric_names(table)) {
    text += "| " + name + " |";
    for (const std::vector<Metric>& metrics : table.metrics) text += " " + cell(find(metrics, name)) + " |";
    text += " " + meaning(table, name) + " |\n";
  }
  return text;
}

std::string csv_of(const Table& table) {
  std::string text = "network,metric,value,error,unit,error_kind\n";
  for (std::size_t i = 0; i < table.names.size(); ++i)
    for (const Metric& m : table.metrics[i])
      text += fmt::format("\"{}\",{},{:.17g},{:.17g},\"{}\",\"{}\"\n", table.names[i], m.name, m.value, m.error, m.unit,
                          m.error_kind);
  return text;
}

std::string json_of(const Table& table) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < table.names.size(); ++i) {
    nlohmann::ordered_json recipe;
    for (const auto& [name, value] : table.recipes[i]) recipe[name] = value;
    json.push_back({{"name", table.names[i]}, {"recipe", recipe}, {"metrics", metrics_json(table.metrics[i])}});
  }
  return json.dump();
}

}  // namespace basin
