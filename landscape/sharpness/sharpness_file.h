// Measures of sharpness on disk, JSON:
//
//   {"format": "basin sharpness 1",
//    "configuration": {...},                 all that the numbers depend on
//    "version": "...", ...                   the other attributes, text
//    "measures": [{"name": "sam",            see `basin sharpness --help`
//                  "value": 0.12,
//                  "error": 0.01,            what it is: error_kind
//                  "error_kind": "standard error over images",
//                  "images_error": 0.01,     standard error over images, whatever `error` is
//                  "unit": "loss",
//                  "settings": {"rho": 0.05, ...}}, ...]}
//
// Numbers that are not finite are the texts "nan", "inf" and "-inf".
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace basin {

struct SharpnessMeasure {
  std::string name;
  double value = 0, error = 0;
  std::string error_kind;
  double images_error = 0;  // NaN where it is not known
  std::string unit;
  std::map<std::string, double> settings;  // and what it took, such as gradients
};

struct SharpnessReport {
  std::vector<SharpnessMeasure> measures;
  std::map<std::string, std::string> attributes;  // configuration (JSON), model, checkpoint, version, ...
};

// Replaces the file at `path` atomically; equal reports give equal bytes.
void write_sharpness(const std::filesystem::path& path, const SharpnessReport& report);
// Error naming the file, the field, what was expected and what was found.
SharpnessReport read_sharpness(const std::filesystem::path& path);

}  // namespace basin
