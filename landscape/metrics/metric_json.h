// Metrics as JSON: a list of {name, value, error, unit, error_kind}; infinities are the texts "inf" and "-inf", NaN is
// null.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "landscape/metrics/surface_metrics.h"

namespace basin {

nlohmann::json metrics_json(const std::vector<Metric>& metrics);
// Error naming `where` (a file and attribute) and the field that is not as above.
std::vector<Metric> metrics_of_json(const nlohmann::json& json, const std::string& where);

// One line for people: "  basin_area_0.1     7.85 % +- 0.8 (level and grid)".
std::string metric_line(const Metric& metric);

}  // namespace basin
