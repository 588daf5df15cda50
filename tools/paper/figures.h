// The figures and the table of Li et al. 2018 as recipes of Basin's commands.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/recipe/recipe.h"

namespace basin {

// How much of the published scale is done.
struct PaperScale {
  std::string name;                        // "small" or "full"
  std::int64_t train_images, test_images;  // 0: all
  std::int64_t epochs, large_batch_vgg, large_batch_resnet;
  std::int64_t surface_images, points, line_points;
  std::int64_t map_images, map_points;
  std::int64_t save_every;  // epochs between the checkpoints of paths
  std::vector<int> widths;  // of figure 6
  std::string shrinks;      // what is less than published, in words; "" where nothing is
};
PaperScale parse_scale(const std::string& name);  // Error naming --scale

struct PaperContext {
  PaperScale scale;
  std::string data, device;
  std::int64_t threads = 0, seed = 1;
  std::filesystem::path out;  // runs/, surfaces and pictures of the scale
};

struct Figure {
  Recipe recipe;
  std::vector<std::filesystem::path> pictures;
  std::vector<std::filesystem::path> runs;  // whose test errors stand in the table
  std::string caption;                      // what the paper shows, and what to look for
};
std::vector<std::string> figure_names();                              // "fig1" ... "fig9", "table1"
Figure figure(const std::string& name, const PaperContext& context);  // Error with the nearest name

// The published test error of a run of this name, in %, as known; none: NaN.
struct PublishedError {
  std::string run;  // "resnet56-sgd-128-5e-4"
  double error;
};
const std::vector<PublishedError>& published_errors();

}  // namespace basin
