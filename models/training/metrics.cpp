#include "models/training/metrics.h"

#include <fcntl.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/file_descriptor.h"

namespace basin {
namespace {

using Json = nlohmann::ordered_json;

struct Field {
  const char* name;
  double EpochMetrics::*value;
};
constexpr Field kFields[] = {{"train_loss", &EpochMetrics::train_loss},
                             {"train_error", &EpochMetrics::train_error},
                             {"test_loss", &EpochMetrics::test_loss},
                             {"test_error", &EpochMetrics::test_error},
                             {"learning_rate", &EpochMetrics::learning_rate},
                             {"parameter_norm", &EpochMetrics::parameter_norm},
                             {"seconds", &EpochMetrics::seconds},
                             {"images_per_second", &EpochMetrics::images_per_second}};

EpochMetrics parse_line(const std::string& line, const std::string& where) {
  const Json json = Json::parse(line, nullptr, false);
  check(json.is_object(), where, ": expected a JSON object");
  EpochMetrics metrics;
  check(json.contains("epoch") && json["epoch"].is_number_integer(), where, ": field epoch: expected an integer");
  metrics.epoch = json["epoch"].get<std::int64_t>();
  for (const Field& field : kFields) {
    check(json.contains(field.name), where, ": field ", field.name, " is missing");
    const Json& value = json[field.name];
    check(value.is_number() || value.is_null(), where, ": field ", field.name, ": expected a number or null, found ",
          value.dump());
    metrics.*field.value = value.is_null() ? kNotMeasured : value.get<double>();
  }
  return metrics;
}

}  // namespace

std::string to_json_line(const EpochMetrics& metrics) {
  Json json{{"epoch", metrics.epoch}};
  for (const Field& field : kFields) {
    const double value = metrics.*field.value;
    json[field.name] = std::isfinite(value) ? Json(value) : Json();
  }
  return json.dump();
}

void append_metrics(const std::filesystem::path& path, const EpochMetrics& metrics) {
  const FileDescriptor file("write", path, O_WRONLY | O_CREAT | O_APPEND);
  const std::string line = to_json_line(metrics) + "\n";
  if (const int error = file.write_all(line.data(), line.size())) fail_file("write", path, error);
  if (::fsync(file.get()) != 0) fail_file("write", path, errno);
}

std::vector<EpochMetrics> read_metrics(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::vector<EpochMetrics> result;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    result.push_back(
        parse_line(text.substr(begin, end - begin), path.string() + " line " + std::to_string(result.size() + 1)));
  return result;
}

std::vector<EpochMetrics> truncate_metrics(const std::filesystem::path& path, std::int64_t last_epoch) {
  std::vector<EpochMetrics> kept = read_metrics(path);
  std::erase_if(kept, [&](const EpochMetrics& line) { return line.epoch > last_epoch; });
  std::string text;
  for (const EpochMetrics& line : kept) text += to_json_line(line) + "\n";
  write_file(path, text);
  return kept;
}

}  // namespace basin
