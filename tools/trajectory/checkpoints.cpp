#include "tools/trajectory/checkpoints.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/safetensors.h"
#include "models/training/checkpoint.h"
#include "models/training/metrics.h"
#include "models/training/run_folder.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

std::int64_t epoch_of(const fs::path& path) {
  const Metadata metadata = read_safetensors(path).metadata;
  return metadata.contains("epoch") ? metadata_integer(metadata, "epoch", path) : -1;
}

// From the run's metrics, where it has any.
void add_learning_rates(const fs::path& folder, std::vector<SavedPoint>& points) {
  const fs::path file = RunFolder::metrics_of(folder);
  if (!fs::exists(file)) return;
  std::map<std::int64_t, double> rates;
  for (const EpochMetrics& epoch : read_metrics(file)) rates[epoch.epoch] = epoch.learning_rate;
  for (SavedPoint& point : points)
    if (const auto rate = rates.find(point.epoch); rate != rates.end()) point.learning_rate = rate->second;
}

std::vector<SavedPoint> points_of_folder(const fs::path& folder, std::int64_t run) {
  std::vector<SavedPoint> points;
  const fs::path checkpoints = folder / "checkpoints";
  check(fs::is_directory(checkpoints), "'", folder.string(),
        "': expected a run's folder with checkpoints/, found none");
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("epoch_") && name.ends_with(".safetensors"))
      points.push_back({entry.path(), run, epoch_of(entry.path())});
  }
  std::sort(points.begin(), points.end(), [](const SavedPoint& a, const SavedPoint& b) { return a.epoch < b.epoch; });
  if (const fs::path last = checkpoints / "last.safetensors"; fs::exists(last)) {
    const std::int64_t epoch = epoch_of(last);
    if (points.empty() || epoch > points.back().epoch) points.push_back({last, run, epoch});
  }
  add_learning_rates(folder, points);
  return points;
}

std::vector<SavedPoint> thinned(const std::vector<SavedPoint>& points, std::int64_t every) {
  std::vector<SavedPoint> result;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (i % static_cast<std::size_t>(every) == 0 || i + 1 == points.size()) result.push_back(points[i]);
  return result;
}

}  // namespace

std::size_t SavedRuns::last_of(std::int64_t run) const {
  std::size_t last = 0;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (points[i].run == run) last = i;
  return last;
}

SavedRuns find_checkpoints(const std::vector<std::string>& arguments, std::int64_t every) {
  SavedRuns runs;
  const bool folders = fs::is_directory(arguments.at(0));
  for (const std::string& argument : arguments)
    check(fs::is_directory(argument) == folders, "expected run folders or checkpoints of one run, found '",
          arguments[0], "' and '", argument, "'");
  const auto add = [&](const std::string& name, const std::vector<SavedPoint>& points) {
    check(points.size() >= 2, "'", name, "': a path needs at least 2 checkpoints, found ", points.size(),
          folders ? " (basin train --save-every 1 keeps one an epoch)" : "");
    runs.names.push_back(name);
    const std::vector<SavedPoint> taken = thinned(points, every);
    runs.points.insert(runs.points.end(), taken.begin(), taken.end());
  };
  if (folders) {
    for (const std::string& folder : arguments)
      add(folder, points_of_folder(folder, static_cast<std::int64_t>(runs.names.size())));
    return runs;
  }
  std::vector<SavedPoint> points;
  for (const std::string& path : arguments) points.push_back({path, 0, epoch_of(path)});
  add(arguments[0], points);
  return runs;
}

}  // namespace basin
