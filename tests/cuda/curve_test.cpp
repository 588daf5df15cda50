// Curves trained and measured on the CUDA back end, emulated, against the CPU.
#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "cuda/cuda_backend.h"
#include "landscape/curve/barrier.h"
#include "landscape/curve/curve_training.h"
#include "landscape/recomputed_statistics.h"
#include "tests/landscape/landscape_values.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

Backend& gpu() { return cuda::cuda_backend(0); }

class CudaCurve : public ::testing::Test {
 protected:
  CurveTraining training(Backend& backend) const {
    return {model_,  make_curve(CurveKind::bezier, random_state(model_, 1), random_state(model_, 2), 1),
            images_, recipe_normalization(),
            backend, {.epochs = 2, .batch = 4, .learning_rate = 1, .weight_decay = 1e-3}};
  }

  Model model_{"small", 3, Shape{8, 8, 3}, [](const Scope& s, const Tensor& x) {
                 const Tensor y = s.batch_norm("bn", s.conv("conv", x, {.filters = 8}), {.relu = true});
                 return s.linear("linear", average_pool2d(y, {.kernel = 8, .stride = 8}), {.outputs = 3});
               }};
  Images images_ = random_pixels(8, 1, 3, {8, 8, 3});
};

TEST_F(CudaCurve, BendsMoveAsOnTheCpu) {
  CurveTraining device = training(gpu()), host = training(cpu_backend());
  const Tensor start = host.curve().points[1]["conv.weight"];
  while (host.done() < host.steps()) {
    const double expected = host.step();
    EXPECT_NEAR(device.step(), expected, 1e-5 * expected);
  }
  const Curve found = device.curve(), truth = host.curve();
  for (const Entry& entry : truth.points[1].entries()) {
    if (entry.role == Role::batches_tracked) continue;
    EXPECT_LE(relative_error(found.points[1][entry.name], entry.value), 1e-5) << entry.name;
  }
  EXPECT_GT(relative_error(start, truth.points[1]["conv.weight"]), 1e-3);
}

TEST_F(CudaCurve, RestoredItGivesTheSameBits) {
  const TemporaryFolder folder;
  CurveTraining whole = training(gpu());
  while (whole.done() < whole.steps()) {
    whole.step();
    if (whole.done() == 1) whole.save(folder / "part", "{}");
  }
  CurveTraining rest = training(gpu());
  rest.restore(folder / "part", "{}");
  while (rest.done() < rest.steps()) rest.step();
  whole.save(folder / "whole", "{}");
  rest.save(folder / "rest", "{}");
  EXPECT_EQ(read_file(folder / "rest"), read_file(folder / "whole"));
}

TEST_F(CudaCurve, LossesAndStatisticsAreTheCpus) {
  const PreparedImages images(images_, recipe_normalization(), 4);
  const State state = random_state(model_, 3);
  const auto losses = [&](Backend& backend) {
    const State renewed = with_recomputed_statistics(model_, state.on(backend), images);
    return image_losses(model_, renewed, images, Objective::cross_entropy);
  };
  const std::vector<ImageLoss> found = losses(gpu()), truth = losses(cpu_backend());
  ASSERT_EQ(found.size(), 8U);
  for (std::size_t i = 0; i < truth.size(); ++i) EXPECT_NEAR(found[i].loss, truth[i].loss, 1e-5 * truth[i].loss) << i;
}

}  // namespace
}  // namespace basin
