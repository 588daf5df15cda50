#include "landscape/curve/curve_training.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/atomic_file.h"
#include "data/preprocess.h"
#include "landscape/curve/barrier.h"
#include "models/training/checkpoint.h"
#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"
#include "tests/landscape/small_networks.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

const Normalization kGrey{{0.5F}, {0.25F}};

// ---- gradients

double value_at(const CurveLoss& loss, const Tensors& bends, double t, const CurveBatch& batch) {
  return loss.value_and_gradient(bends, t, batch).value;
}

// Without kinks, over which differences would stumble.
Model smooth() {
  return {"smooth", 10, {8, 8, 1}, [](const Scope& s, const Tensor& x) {
            const Tensor y = tanh(s.batch_norm("bn", s.conv("conv", x, {.filters = 6})));
            return small_network::mean_and_linear(s, tanh(s.batch_norm("bn2", s.conv("conv2", y, {.filters = 5}))));
          }};
}

// In train mode with batch norm and a weight-decay term, float64.
TEST(CurveLoss, GradientsAreThoseOfCentralDifferences) {
  const Model model = smooth();
  const State first = random_state(model, 1, DType::f64), last = random_state(model, 2, DType::f64);
  const CurveBatch batch{random_images(model, 6, 3, DType::f64),
                         Tensor::from<std::int32_t>({6}, {0, 1, 2, 3, 4, 5}, cpu_backend())};
  for (const CurveKind kind : {CurveKind::bezier, CurveKind::chain}) {
    const CurveLoss loss(model, make_curve(kind, first, last, 2), Objective::cross_entropy, 0.01, DType::f64,
                         cpu_backend());
    Tensors bends = loss.bends(make_curve(kind, first, last, 2));
    const double t = 0.55;  // in the chain's second segment, between both bends
    const CurveGradient found = loss.value_and_gradient(bends, t, batch);
    ASSERT_EQ(found.gradients.size(), 2U);
    for (std::size_t k = 0; k < 2; ++k) {
      const Tensor v = normal(bends[k].shape(), 7, k, DType::f64, cpu_backend());
      const double h = 1e-5;
      Tensors above = bends, below = bends;
      above[k] = sum_of(bends[k], h, v);
      below[k] = sum_of(bends[k], -h, v);
      const double difference = (value_at(loss, above, t, batch) - value_at(loss, below, t, batch)) / (2 * h);
      EXPECT_NEAR(inner_product(found.gradients[k], v), difference, 1e-6 * std::abs(difference)) << name_of(kind) << k;
    }
  }
}

// Bends without a part at this t have no gradient.
TEST(CurveLoss, BendsOfOtherSegmentsHaveNoGradient) {
  const Model model = small_networks()[13];
  const Curve curve = make_curve(CurveKind::chain, random_state(model, 1), random_state(model, 2), 2);
  const CurveLoss loss(model, curve, Objective::cross_entropy, 0.1, DType::f32, cpu_backend());
  const CurveBatch batch{random_images(model, 3, 3), Tensor::from<std::int32_t>({3}, {0, 1, 2}, cpu_backend())};
  const CurveGradient found = loss.value_and_gradient(loss.bends(curve), 0.1, batch);
  EXPECT_GT(length(found.gradients[0]), 0);
  EXPECT_EQ(length(found.gradients[1]), 0);
}

// ---- a valley in a ring: p = weight + bias in the plane, loss log(1 + exp(4 (|p|^2 - 1)^2 - 3))

Model ring() {
  return {"ring", 2, {1, 1, 1}, [](const Scope& s, const Tensor& x) {
            const Tensor p = s.linear("linear", x, {.outputs = 2});
            const Tensor excess = sum(p * p, {1}, true) - 1;
            return concat({excess * 0, excess * excess * 4 - 3}, 1);
          }};
}
double ring_loss(double square) { return std::log1p(std::exp(4 * (square - 1) * (square - 1) - 3)); }

State ring_state(const Model& model, double angle) {
  State state = initialize(model, 0, cpu_backend());
  const auto x = static_cast<float>(std::cos(angle)), y = static_cast<float>(std::sin(angle));
  state.set_parameters(
      {Tensor::from<float>({2, 1}, {x, y}, cpu_backend()), Tensor::zeros({2}, DType::f32, cpu_backend())});
  return state;
}

std::vector<double> losses_along(const Model& model, const Curve& curve, const PreparedImages& images,
                                 const std::vector<double>& t) {
  std::vector<double> losses;
  for (const double at : t)
    losses.push_back(measure(image_losses(model, curve.at(at), images, Objective::cross_entropy)).loss);
  return losses;
}

std::vector<double> even_points(int count) {
  std::vector<double> t;
  for (int i = 0; i < count; ++i) t.push_back(i / (count - 1.0));
  return t;
}

Images bright_pixels(std::int64_t count) {
  return {.count = count,
          .height = 1,
          .width = 1,
          .channels = 1,
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(count), 255),
          .labels = std::vector<std::int32_t>(static_cast<std::size_t>(count), 0)};
}

TEST(CurveTraining, GoesAroundAKnownBarrier) {
  const Model model = ring();
  const double angle = 2.4;
  const State first = ring_state(model, 0), last = ring_state(model, angle);
  const Images images = bright_pixels(4);
  const PreparedImages prepared(images, {{0}, {1}}, 4);
  const std::vector<double> t = even_points(101);

  const Curve line = make_curve(CurveKind::linear, first, last, 0);
  const Barrier straight = barrier_of(t, losses_along(model, line, prepared, t));
  const double middle = std::cos(angle / 2);  // |p| half way along the chord
  EXPECT_NEAR(straight.height, ring_loss(middle * middle) - ring_loss(1), 1e-5);
  EXPECT_EQ(straight.t, 0.5);

  for (const auto& [kind, bends] : {std::pair{CurveKind::bezier, 1}, {CurveKind::chain, 3}}) {
    CurveTraining training(model, make_curve(kind, first, last, bends), images, {{0}, {1}}, cpu_backend(),
                           {.epochs = 1500, .batch = 4, .learning_rate = 0.01, .augment = false});
    while (training.done() < training.steps()) training.step();
    const Barrier found = barrier_of(t, losses_along(model, training.curve(), prepared, t));
    EXPECT_LT(found.height, 0.01 * straight.height) << name_of(kind);
    const double length = arc_lengths(training.curve(), t).back();
    EXPECT_GT(length, straight_length(line));
    EXPECT_LT(length, angle);  // weight and bias share the way, so that it is shorter than the arc
  }
}

// ---- hidden units in another order: |x| by eight units (cos, sin) of the plane, and the same function with the units
// rotated by three places

constexpr int kUnits = 8;
constexpr double kSlope = 3, kRadius = 0.5;

Model disc() {
  return {"disc", 2, {1, 1, 2}, [](const Scope& s, const Tensor& x) {
            const Tensor h = relu(s.linear("hidden", x, {.outputs = kUnits}));
            return s.linear("linear", h, {.outputs = 2});
          }};
}

State disc_state(const Model& model, int shift) {
  State state = initialize(model, 0, cpu_backend());
  std::vector<float> hidden, outputs(2 * kUnits, 0);
  for (int k = 0; k < kUnits; ++k) {
    const double angle = 2 * std::numbers::pi * (k + shift) / kUnits;
    hidden.push_back(static_cast<float>(std::cos(angle)));
    hidden.push_back(static_cast<float>(std::sin(angle)));
    outputs[static_cast<std::size_t>(kUnits + k)] = static_cast<float>(kSlope * std::numbers::pi / kUnits);
  }
  state.set_parameters({Tensor::from<float>({kUnits, 2}, hidden, cpu_backend()),
                        Tensor::zeros({kUnits}, DType::f32, cpu_backend()),
                        Tensor::from<float>({2, kUnits}, outputs, cpu_backend()),
                        Tensor::from<float>({2}, {0, static_cast<float>(-kSlope * kRadius)}, cpu_backend())});
  return state;
}

// Label 1 outside of the radius.
Images disc_images(std::int64_t count) {
  Images images = random_pixels(count, 4, 2, {1, 1, 2});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(2 * i);
    const double x = images.pixels[at] / 127.5 - 1, y = images.pixels[at + 1] / 127.5 - 1;
    images.labels[static_cast<std::size_t>(i)] = x * x + y * y > kRadius * kRadius ? 1 : 0;
  }
  return images;
}

// The logit difference on the line: the units' weights shrink and turn, each sum over units is computed here.
double disc_loss(const Images& images, int shift, double t) {
  double loss = 0;
  for (std::int64_t i = 0; i < images.count; ++i) {
    const auto at = static_cast<std::size_t>(2 * i);
    const double x = images.pixels[at] / 127.5 - 1, y = images.pixels[at + 1] / 127.5 - 1;
    double logit = -kSlope * kRadius;
    for (int k = 0; k < kUnits; ++k) {
      const double a = 2 * std::numbers::pi * k / kUnits, b = 2 * std::numbers::pi * (k + shift) / kUnits;
      const double activation =
          x * ((1 - t) * std::cos(a) + t * std::cos(b)) + y * ((1 - t) * std::sin(a) + t * std::sin(b));
      logit += kSlope * std::numbers::pi / kUnits * std::max(activation, 0.0);
    }
    const double sign = images.labels[static_cast<std::size_t>(i)] == 1 ? -1 : 1;
    loss += std::log1p(std::exp(sign * logit)) / static_cast<double>(images.count);
  }
  return loss;
}

TEST(CurveTraining, ConnectsANetworkToItsPermutedCopy) {
  const Model model = disc();
  const int shift = 3;
  const State first = disc_state(model, 0), last = disc_state(model, shift);
  const Images images = disc_images(256);
  const Normalization normalization{{0.5F, 0.5F}, {0.5F, 0.5F}};
  const PreparedImages prepared(images, normalization, 256);
  const std::vector<double> t = even_points(21);

  const auto straight = losses_along(model, make_curve(CurveKind::linear, first, last, 0), prepared, t);
  std::vector<double> truth;
  for (const double at : t) truth.push_back(disc_loss(images, shift, at));
  for (std::size_t i = 0; i < t.size(); ++i) EXPECT_NEAR(straight[i], truth[i], 1e-5 * truth[i]) << t[i];
  EXPECT_NEAR(straight.front(), straight.back(), 1e-6);
  const Barrier barrier = barrier_of(t, straight);
  EXPECT_NEAR(barrier.height, barrier_of(t, truth).height, 1e-5);
  EXPECT_GT(barrier.height, 0.1);

  CurveTraining training(model, make_curve(CurveKind::bezier, first, last, 1), images, normalization, cpu_backend(),
                         {.epochs = 100, .batch = 32, .learning_rate = 0.1, .augment = false});
  while (training.done() < training.steps()) training.step();
  EXPECT_LT(barrier_of(t, losses_along(model, training.curve(), prepared, t)).height, 0.1 * barrier.height);
}

// ---- interruption

struct SmallCurve {
  SmallCurve() : model(small_networks()[13]), images(random_pixels(11, 1, 10, model.image)) {}
  CurveTraining training(std::uint64_t seed = 1) const {
    return {model,         make_curve(CurveKind::chain, random_state(model, 1), random_state(model, 2), 2),
            images,        kGrey,
            cpu_backend(), {.epochs = 2, .batch = 4, .weight_decay = 1e-3, .seed = seed}};
  }
  Model model;
  Images images;
};

// The batch, t and the update of every step, from their definitions.
TEST(CurveTraining, StepsAreThoseOfTheRecipe) {
  const SmallCurve small;
  for (const bool augmented : {true, false}) {
    const CurveTrainingOptions options{.epochs = 2,
                                       .batch = 4,
                                       .learning_rate = 0.5,
                                       .momentum = 0.8,
                                       .weight_decay = 0.01,
                                       .seed = 9,
                                       .augment = augmented};
    const Curve start = make_curve(CurveKind::bezier, random_state(small.model, 1), random_state(small.model, 2), 1);
    CurveTraining training(small.model, start, small.images, kGrey, cpu_backend(), options);
    const CurveLoss loss(small.model, start, options.loss, options.weight_decay, DType::f32, cpu_backend());
    Tensor bend = loss.bends(start)[0], velocity;
    const double rates[] = {0.5, 0.5, 0.5, 0.5, 0.29375, 0.0875};  // of 6 steps: 1/6 and 1/3 beyond the half of 0.4
    for (std::int64_t step = 0; step < 6; ++step) {
      const std::int64_t epoch = step / 3;
      const std::vector<std::int64_t> order = shuffled(11, 9, epoch);
      const std::vector<std::int64_t> indices(order.begin() + step % 3 * 4,
                                              order.begin() + std::min<std::int64_t>(step % 3 * 4 + 4, 11));
      const auto count = static_cast<std::int64_t>(indices.size());
      std::vector<float> x(static_cast<std::size_t>(count * 16 * 16));
      if (augmented)
        augment(small.images, kGrey, {}, 9, epoch, indices, x.data());
      else
        normalize(small.images, kGrey, indices, x.data());
      std::vector<std::int32_t> labels;
      for (const std::int64_t index : indices) labels.push_back(small.images.labels[static_cast<std::size_t>(index)]);
      const CurveBatch batch{Tensor::from<float>({count, 16, 16, 1}, x, cpu_backend()),
                             Tensor::from<std::int32_t>({count}, labels, cpu_backend())};
      const double t = Random(9, random_stream("curve t")).uniform(static_cast<std::uint64_t>(step));
      const CurveGradient g = loss.value_and_gradient({bend}, t, batch);
      EXPECT_NEAR(training.step(), g.value, 1e-6 * g.value) << step;
      velocity = velocity.defined() ? sum_of(g.gradients[0], 0.8, velocity) : g.gradients[0];
      bend = sum_of(bend, -rates[step], velocity);
      EXPECT_LE(relative_error(loss.bends(training.curve())[0], bend), 1e-6) << step;
    }
  }
}

TEST(CurveTraining, RestoredItGivesTheSameBits) {
  const SmallCurve small;
  const TemporaryFolder folder;
  CurveTraining whole = small.training();
  ASSERT_EQ(whole.steps(), 6);
  while (whole.done() < 6) whole.step();
  whole.save(folder / "whole.safetensors", "{}");
  {
    CurveTraining part = small.training();
    for (int i = 0; i < 4; ++i) part.step();  // one into the second epoch
    part.save(folder / "part.safetensors", "{}");
  }
  CurveTraining rest = small.training();
  rest.restore(folder / "part.safetensors", "{}");
  EXPECT_EQ(rest.done(), 4);
  while (rest.done() < 6) rest.step();
  rest.save(folder / "rest.safetensors", "{}");
  EXPECT_EQ(read_file(folder / "rest.safetensors"), read_file(folder / "whole.safetensors"));
  EXPECT_NE(read_file(folder / "part.safetensors"), read_file(folder / "whole.safetensors"));

  CurveTraining other = small.training(2);
  while (other.done() < 6) other.step();
  other.save(folder / "other.safetensors", "{}");
  EXPECT_NE(read_file(folder / "other.safetensors"), read_file(folder / "whole.safetensors"));
}

TEST(CurveTraining, EndsStay) {
  const SmallCurve small;
  CurveTraining training = small.training();
  const Curve before = training.curve();
  training.step();
  const Curve after = training.curve();
  for (const std::size_t end : {0, 3}) {
    for (std::size_t i = 0; i < before.points[end].entries().size(); ++i) {
      const Entry &a = before.points[end].entries()[i], &b = after.points[end].entries()[i];
      if (a.role != Role::batches_tracked) {
        EXPECT_EQ(a.value.to_vector<float>(), b.value.to_vector<float>()) << a.name;
      }
    }
  }
  EXPECT_GT(arc_lengths(after, std::vector<double>{1})[0], arc_lengths(before, std::vector<double>{1})[0]);
}

TEST(CurveTraining, RefusesFilesOfOtherCurves) {
  const SmallCurve small;
  const TemporaryFolder folder;
  CurveTraining training = small.training();
  training.save(folder / "t.safetensors", R"({"seed":1})");
  expect_error([&] { training.restore(folder / "t.safetensors", R"({"seed":2})"); },
               {"t.safetensors", "seed", "expected 2", "found 1"});
  expect_error([&] { training.restore(folder / "absent.safetensors", "{}"); }, {"absent.safetensors"});
  save_checkpoint(folder / "net.safetensors", small.model, random_state(small.model, 1), {});
  expect_error([&] { training.restore(folder / "net.safetensors", "{}"); }, {"net.safetensors", "format"});
  std::string bytes = read_file(folder / "t.safetensors");
  bytes.replace(bytes.find(R"("step":"0")"), 10, R"("step":"7")");
  write_file(folder / "late.safetensors", bytes);
  expect_error([&] { training.restore(folder / "late.safetensors", R"({"seed":1})"); }, {"step", "0 to 6", "'7'"});
}

TEST(CurveTraining, StopsWhereTheLossIsNotFinite) {
  const SmallCurve small;
  State broken = random_state(small.model, 2);
  broken.find("linear.bias")->value =
      Tensor::full({10}, std::numeric_limits<double>::quiet_NaN(), DType::f32, cpu_backend());
  CurveTraining training(small.model, make_curve(CurveKind::bezier, random_state(small.model, 1), broken, 1),
                         small.images, kGrey, cpu_backend(), {});
  expect_error([&] { training.step(); }, {"epoch 1, batch 1", "not finite", "--lr"});
  EXPECT_EQ(training.done(), 0);
}

TEST(CurveTraining, LearningRateIsConstantThenFallsToAHundredth) {
  EXPECT_EQ(curve_learning_rate(0.2, 0, 100), 0.2);
  EXPECT_EQ(curve_learning_rate(0.2, 50, 100), 0.2);
  EXPECT_NEAR(curve_learning_rate(0.2, 70, 100), 0.2 * (1 + 0.01) / 2, 1e-15);
  EXPECT_EQ(curve_learning_rate(0.2, 90, 100), 0.01 * 0.2);
  EXPECT_EQ(curve_learning_rate(0.2, 99, 100), 0.01 * 0.2);
}

TEST(CurveTraining, OptionsAreChecked) {
  expect_error([] { validate({.epochs = 0}); }, {"--epochs"});
  expect_error([] { validate({.batch = 0}); }, {"--batch"});
  expect_error([] { validate({.learning_rate = std::nan("")}); }, {"--lr"});
  expect_error([] { validate({.momentum = 1}); }, {"--momentum"});
  expect_error([] { validate({.weight_decay = -1}); }, {"--weight-decay"});
}

}  // namespace
}  // namespace basin
