// Trains the bends of a curve: stochastic gradient descent on the mean of L(theta(t)) over t uniform on [0, 1] (Garipov
// et al. 2018, eq. 2), one t a batch. The ends stay.
//
// The batch of a step, its augmentation and its t are functions of (seed, step), so that a run that was interrupted and
// restored is the same to the last bit.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "core/optimizer.h"
#include "data/dataset.h"
#include "landscape/curve/curve_loss.h"

namespace basin {

struct CurveTrainingOptions {
  std::int64_t epochs = 10, batch = 128;
  double learning_rate = 0.03, momentum = 0.9;  // no Nesterov
  double weight_decay = 0;                      // of theta(t), not of the bends
  std::uint64_t seed = 1;
  bool augment = true;  // pad by 4, random crop, flip
  Objective loss = Objective::cross_entropy;
  DType dtype = DType::f32;  // or f64, on the CPU
};
// Error naming the flag if a value makes no sense.
void validate(const CurveTrainingOptions& options);

// Constant for half of the run, then down to a hundredth along a straight line that ends at 90 % of it (the schedule of
// the published code of Garipov et al. 2018, by step instead of epoch).
double curve_learning_rate(double highest, std::int64_t step, std::int64_t steps);

class CurveTraining {
 public:
  // Starts at `start`, a bezier or chain. Model and images outlive the training. Error where the images do not fit the
  // model.
  CurveTraining(const Model& model, const Curve& start, const Images& images, const Normalization& normalization,
                Backend& backend, const CurveTrainingOptions& options);

  std::int64_t steps() const { return options_.epochs * batches_; }
  std::int64_t done() const { return optimizer_->steps(); }
  std::int64_t batches() const { return batches_; }  // of an epoch
  // One update of the bends. The batch's loss before it. Error, the bends as they were, where the loss or its gradient
  // is not finite.
  double step();

  // The curve as it is now, on the CPU. Its bends have the statistics of the start's: they want recomputing.
  Curve curve() const;

  // Bends, momentum and position, written atomically.
  void save(const std::filesystem::path& path, const std::string& configuration) const;
  // Goes on from such a file. Error naming the file, the field, what was expected and what was found.
  void restore(const std::filesystem::path& path, const std::string& configuration);

 private:
  CurveBatch batch_of(std::int64_t step);

  const Model& model_;
  Curve start_;
  const Images& images_;
  Normalization normalization_;
  CurveTrainingOptions options_;
  std::int64_t batches_;
  CurveLoss loss_;
  Tensors bends_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<std::int64_t> order_;  // of the images in epoch `order_epoch_`
  std::int64_t order_epoch_ = -1;
};

}  // namespace basin
