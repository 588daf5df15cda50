// What a run reports after each epoch, and the file it goes to: metrics.jsonl, one JSON object a line.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace basin {

inline constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();  // null in the file

struct EpochMetrics {
  std::int64_t epoch = 0;  // epochs done; 0: before training
  // Running means over the epoch in train mode; error in %.
  double train_loss = kNotMeasured, train_error = kNotMeasured;
  double test_loss = kNotMeasured, test_error = kNotMeasured;  // of the state after the epoch, in eval mode; error in %
  double learning_rate = kNotMeasured;                         // of the epoch's last step
  double parameter_norm = kNotMeasured;                        // the Euclidean norm of all parameters
  double seconds = kNotMeasured;  // of the epoch's training steps, tests excluded; since the start if resumed within
  double images_per_second = kNotMeasured;
};

std::string to_json_line(const EpochMetrics& metrics);  // without the line's end

// Appends one line and makes it durable. Error "cannot write '<path>': <reason>".
void append_metrics(const std::filesystem::path& path, const EpochMetrics& metrics);
// Every line; a last line without its end (a crash) is left out. Error naming file and line if one is malformed.
std::vector<EpochMetrics> read_metrics(const std::filesystem::path& path);
// Leaves only the epochs 0 .. `last_epoch`, atomically, and returns them.
std::vector<EpochMetrics> truncate_metrics(const std::filesystem::path& path, std::int64_t last_epoch);

}  // namespace basin
