// The parts of `basin sharpness`.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "landscape/sharpness/mean_loss.h"
#include "landscape/sharpness/sharpness_file.h"
#include "tools/landscape_flags.h"

namespace basin {

struct SharpnessFlags {
  LandscapeFlags landscape;
  std::string measures = "keskar,sam,asam,expected";
  std::string parameters = "all";
  std::uint64_t seed = 1;
  bool exact = false;  // float64
  std::int64_t block = 128;
  double epsilon = 1e-3;
  std::int64_t subspace = 20;  // dimensions; 0: none
  double rho = 0.05, adaptive_rho = 0.5, filter_rho = 0.05;
  std::int64_t gradients = 10, starts = 3;  // of the ascents
  double sigma = 0.01, relative_sigma = 0.1;
  std::int64_t samples = 20;
  double gamma = 10, beta = 0;  // beta 0: the number of images
  std::int64_t steps = 200;     // of the entropy's chains
  std::string out;
  bool force = false, resume = false;
};

// A part of the work that is done at once, and what the log keeps of it.
struct SharpnessItem {
  std::string title;
  std::int64_t passes;  // over the images, at most; a gradient counts as three
  std::function<std::vector<double>()> measure;
};

// Items that measures are made of together.
struct SharpnessGroup {
  std::vector<SharpnessItem> items;
  // From the values of its items, in order.
  std::function<std::vector<SharpnessMeasure>(const std::vector<std::vector<double>>& values)> measures;
};

constexpr std::size_t kItemValues = 6;  // of an item, at most
constexpr std::int64_t kGradientPasses = 3;

// The groups that --measures asks for, after the loss itself. Error for an unknown name. All arguments outlive them.
std::vector<SharpnessGroup> sharpness_groups(const SharpnessFlags& flags, const LossFunction& function,
                                             const MeanLoss& loss);
// The fields of the flags that these groups depend on.
nlohmann::json sharpness_settings(const SharpnessFlags& flags, const LossFunction& function);

// Measures, saves and reports. Throws Interrupted after Ctrl-C with what is done in the log.
void run_sharpness(const SharpnessFlags& flags);

}  // namespace basin
