// What training leaves: losses, errors and weight norms by epoch, and the weights themselves.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/backend.h"
#include "models/training/checkpoint.h"
#include "models/training/metrics.h"
#include "models/training/run_folder.h"
#include "tools/plot/plot.h"
#include "tools/plotting/chart.h"

namespace basin {
namespace {

ChartSeries by_epoch(const std::vector<EpochMetrics>& metrics, const std::string& name, int color, bool dashed,
                     double EpochMetrics::*value) {
  ChartSeries series{.name = name, .x = {}, .y = {}, .low = {}, .high = {}, .color = color, .dashed = dashed};
  for (const EpochMetrics& m : metrics) {
    if (!std::isfinite(m.*value)) continue;  // not measured after this epoch
    series.x.push_back(static_cast<double>(m.epoch));
    series.y.push_back(m.*value);
  }
  return series;
}

std::string run_name(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) path = path.parent_path();  // "runs/a/"
  return path.filename().string();
}

// "runs/a/checkpoints/last.safetensors" is "a, last".
std::string checkpoint_name(const std::string& file) {
  const std::filesystem::path path(file), folder = path.parent_path();
  const std::string stem = path.stem().string();
  return folder.filename() == "checkpoints" ? folder.parent_path().filename().string() + ", " + stem : stem;
}

// Of all weights of two dimensions or more: what filter normalisation scales.
std::vector<double> weights_of(const std::string& file) {
  std::vector<double> weights;
  const Checkpoint checkpoint = load_checkpoint(file, "", cpu_backend());
  for (const Entry& entry : checkpoint.state.entries()) {
    if (entry.role != Role::weight) continue;
    const std::vector<float> values = entry.value.to_vector<float>();
    weights.insert(weights.end(), values.begin(), values.end());
  }
  return weights;
}

}  // namespace

Picture draw_runs(const PlotOptions& options, PictureFormat format) {
  Chart norms{.title = "Norm of the parameters", .x_label = "epoch", .y_label = "Euclidean norm", .series = {}};
  Chart losses{.title = "Loss", .x_label = "epoch", .y_label = "loss", .series = {}, .logarithmic_y = true};
  Chart errors{.title = "Error", .x_label = "epoch", .y_label = "error (%)", .series = {}};
  for (std::size_t i = 0; i < options.files.size(); ++i) {
    const std::string& folder = options.files[i];
    const std::vector<EpochMetrics> metrics = read_metrics(RunFolder::open(folder).metrics());
    check(!metrics.empty(), "'", folder, "': no epoch has ended yet");
    const std::string name = run_name(folder);
    const auto color = static_cast<int>(i);
    norms.series.push_back(by_epoch(metrics, name, color, false, &EpochMetrics::parameter_norm));
    losses.series.push_back(by_epoch(metrics, name + " train", color, false, &EpochMetrics::train_loss));
    losses.series.push_back(by_epoch(metrics, name + " test", color, true, &EpochMetrics::test_loss));
    errors.series.push_back(by_epoch(metrics, name + " train", color, false, &EpochMetrics::train_error));
    errors.series.push_back(by_epoch(metrics, name + " test", color, true, &EpochMetrics::test_error));
  }
  if (options.kind == "norms") return picture_of({norms}, options, format, "norms");
  return picture_of({losses, errors}, options, format, "training");
}

Picture draw_histograms(const PlotOptions& options, PictureFormat format) {
  constexpr int kBins = 101;
  std::vector<std::vector<double>> weights;
  double reach = 0;  // four standard deviations of the widest
  for (const std::string& file : options.files) {
    weights.push_back(weights_of(file));
    double squares = 0;
    for (const double w : weights.back()) squares += w * w / static_cast<double>(weights.back().size());
    check(std::isfinite(squares), "'", file, "': weights that are not finite have no histogram");
    reach = std::max(reach, 4 * std::sqrt(squares));
  }
  check(reach > 0, "there is nothing to draw: all weights are 0");
  Chart chart{.title = "Weights of two dimensions or more", .x_label = "weight", .y_label = "density", .series = {}};
  const double width = 2 * reach / kBins;
  double peak = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ChartSeries series{.name = checkpoint_name(options.files[i]),
                       .x = {},
                       .y = {},
                       .low = {},
                       .high = {},
                       .style = SeriesStyle::steps,
                       .color = static_cast<int>(i)};
    std::vector<double> counts(kBins, 0.0);
    for (const double w : weights[i])
      if (std::abs(w) < reach) counts[static_cast<std::size_t>((w + reach) / width)] += 1;
    for (int bin = 0; bin < kBins; ++bin) {
      series.x.push_back(-reach + (bin + 0.5) * width);
      series.y.push_back(counts[static_cast<std::size_t>(bin)] / (static_cast<double>(weights[i].size()) * width));
    }
    peak = std::max(peak, *std::max_element(series.y.begin(), series.y.end()));
    chart.series.push_back(std::move(series));
  }
  const std::size_t inside = weights.size() <= kKeyInside ? weights.size() : 0;
  chart.y_max = peak * (1.1 + 0.08 * static_cast<double>(inside));  // room for the key
  return picture_of({chart}, options, format, "histogram");
}

}  // namespace basin
