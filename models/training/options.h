// Everything that determines a training run. The defaults are the 300-epoch recipe of Li et al. 2018.
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/objective.h"
#include "core/optimizer.h"
#include "core/schedule.h"

namespace basin {

enum class Precision : std::uint8_t { fp32, bf16, fp16 };
Precision parse_precision(std::string_view name);  // "fp32", "bf16", "fp16"; else Error
std::string name_of(Precision precision);

struct TrainingOptions {
  // ---- what determines the result, bit by bit
  std::string model = "resnet20";  // "": the model of `init`
  std::int64_t epochs = 300, batch = 128;
  OptimizerOptions optimizer;
  std::optional<double> learning_rate;  // default: see recipe_learning_rate
  ScheduleKind schedule = ScheduleKind::step;
  std::vector<double> milestones;  // in epochs; empty: the recipe's 150, 225, 275 of 300, in proportion to `epochs`
  double warmup = 0;               // epochs of linear warm-up
  Objective loss = Objective::cross_entropy;
  double label_smoothing = 0;
  bool augment = true;                             // pad by 4, random crop, flip
  std::int64_t train_images = 0, test_images = 0;  // the first so many of each split; 0: all
  std::uint64_t seed = 0;
  Precision precision = Precision::fp32;
  std::filesystem::path init;  // a checkpoint to start from instead of a fresh initialisation

  // ---- what changes the rounding of its sums: the back end, by name ("cpu", "cuda:0"), set by train()
  std::string device = "cpu";

  // ---- what does not
  int threads = 0;               // 0: one per processor
  std::int64_t test_every = 1;   // epochs between tests; the last epoch is always tested
  std::int64_t save_every = 10;  // epochs between kept checkpoints; 0: none but the first, last and best
  std::filesystem::path data;    // recorded for --resume; the data set itself is an argument of train()
  std::filesystem::path out;     // the run's folder; "": no files
  bool resume = false;           // continue the run in `out`, whose config.json agrees with these options
  std::string version;           // of the program, recorded in checkpoints
  bool overwrite = false;        // replace the run that `out` holds
};

// 0.1 for SGD (0.01 for resnet110-noshort, which does not start at 0.1), 0.001 for Adam and AdamW.
double recipe_learning_rate(const TrainingOptions& options);

// The epochs after which the learning rate falls: the given ones or the recipe's, scaled to the length of the run.
std::vector<double> milestones(const TrainingOptions& options);
// The schedule of a run of `steps_per_epoch` steps an epoch.
Schedule make_schedule(const TrainingOptions& options, std::int64_t steps_per_epoch);

// Error naming the flag if a value makes no sense.
void validate(const TrainingOptions& options);

// Only what determines the result: the part that belongs in a checkpoint.
nlohmann::ordered_json recipe_json(const TrainingOptions& options);
// Everything but `out`, `resume`, `version` and `overwrite`: a run's config.json.
nlohmann::ordered_json to_json(const TrainingOptions& options);
// The inverse; Error naming `file`, the field, what was expected and found.
TrainingOptions training_options(const nlohmann::ordered_json& json, const std::filesystem::path& file);

}  // namespace basin
