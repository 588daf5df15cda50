// Optimizer steps, emulated: against the CPU in float64, in half precision, and what they read and write.
#include "cuda/kernels/step/update.h"

#include "core/step_kernels.h"
#include "tests/core/step_device.h"
#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

const std::vector<std::int64_t> kSizes = {1, 5, 31, 32, 33, 1021, 2051};

// Optimizers work in place: on the outputs, which begin as copies of inputs 1, 2, ...
void copy_inputs(const ConstViews& in, const Views& out) {
  for (std::size_t i = 0; i < out.size(); ++i) copy_on_device(Stream(), out[i].data, in[i + 1].data, 4 * out[i].size());
}
void copy_doubles(const ConstViews& in, const Views& out) {
  for (std::size_t i = 0; i < out.size(); ++i) std::copy_n(in[i + 1].as<double>(), out[i].size(), out[i].as<double>());
}

TEST(CudaStepUpdate, SgdStepsMatchFloat64) {
  for (const DType type : kFloatTypes)
    for (const bool first : {true, false})
      for (const bool nesterov : {true, false})
        for (const std::int64_t n : kSizes) {
          const SgdStep step{0.1, 0.9, 5e-4, nesterov};
          check_emulated(
              "sgd_step", {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2)}, {{n}, {n}},
              [&](const ConstViews& in, const Views& out) {
                copy_inputs(in, out);
                sgd_step(Stream(), step, first, in[0], out[0], out[1]);
              },
              [&](const ConstViews& in, const Views& out) {
                copy_doubles(in, out);
                cpu_backend().sgd_step(step, first, in[0], out[0], out[1]);
              },
              [&](const Lists<float>& in) {
                std::vector<float> p = in[1], m = in[2];
                for (std::size_t i = 0; i < p.size(); ++i) {
                  const float g = in[0][i] + 5e-4f * p[i];
                  m[i] = first ? g : 0.9f * m[i] + g;
                  p[i] -= 0.1f * (nesterov ? g + 0.9f * m[i] : m[i]);
                }
                return Lists<float>{p, m};
              },
              {{type}, {}});
        }
}

TEST(CudaStepUpdate, AdamStepsMatchFloat64) {
  for (const DType type : kFloatTypes)
    for (const bool decoupled : {true, false})
      for (const std::int64_t n : kSizes) {
        const AdamStep step{1e-2, 0.9, 0.999, 1e-8, 0.05, decoupled, 3};
        check_emulated(
            "adam_step",
            {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2), normal_input({n}, 3, 4, 0.5)},
            {{n}, {n}, {n}},
            [&](const ConstViews& in, const Views& out) {
              copy_inputs(in, out);
              adam_step(Stream(), step, in[0], out[0], out[1], out[2]);
            },
            [&](const ConstViews& in, const Views& out) {
              copy_doubles(in, out);
              cpu_backend().adam_step(step, in[0], out[0], out[1], out[2]);
            },
            [&](const Lists<float>& in) {
              std::vector<float> p = in[1], m = in[2], v = in[3];
              const float bias1 = static_cast<float>(1 - std::pow(0.9, 3)),
                          bias2 = static_cast<float>(1 - std::pow(0.999, 3));
              for (std::size_t i = 0; i < p.size(); ++i) {
                const float g = in[0][i] + (decoupled ? 0.0f : 0.05f * p[i]);
                m[i] = 0.9f * m[i] + 0.1f * g;
                v[i] = 0.999f * v[i] + 0.001f * g * g;
                if (decoupled) p[i] -= 1e-2f * 0.05f * p[i];
                p[i] -= 1e-2f * (m[i] / bias1) / (std::sqrt(v[i] / bias2) + 1e-8f);
              }
              return Lists<float>{p, m, v};
            },
            {{type}, {}});
      }
}

// A list as a training step in half precision has it: half gradients with copies beside those of f32 without. Values
// are exact, so that the copy is the parameter rounded once.
template <class Half>
class MixedList {
 public:
  explicit MixedList(std::int64_t offset) {
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      const Shape shape{kSizes[i]};
      const std::vector<float> start = eighths(kSizes[i], 2 * i), gradient = eighths(kSizes[i], 2 * i + 1);
      std::vector<Half> half;
      for (const float g : gradient) half.push_back(stored<Half>(kScale * g));
      std::vector<float> full = gradient;
      for (float& g : full) g *= kScale;
      parameters_.push_back(std::make_unique<DeviceArray<float>>(shape, start, offset));
      momenta_.push_back(std::make_unique<DeviceArray<float>>(shape, offset));
      halves_.push_back(std::make_unique<DeviceArray<Half>>(shape, half, offset));
      floats_.push_back(std::make_unique<DeviceArray<float>>(shape, full, offset));
      copies_.push_back(std::make_unique<DeviceArray<Half>>(shape, offset));
      const bool has_copy = i % 2 == 0;
      updates_.push_back({.parameter = parameters_[i]->view(),
                          .first = momenta_[i]->view(),
                          .second = {},
                          .gradient = has_copy ? halves_[i]->view() : floats_[i]->view(),
                          .copy = has_copy ? copies_[i]->view() : View{}});
    }
  }
  const std::vector<ParameterUpdate>& updates() const { return updates_; }
  void expect_updated() const {
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      const std::vector<float> start = eighths(kSizes[i], 2 * i), gradient = eighths(kSizes[i], 2 * i + 1);
      const std::vector<float> found = parameters_[i]->values();
      const std::vector<Half> copy = copies_[i]->values();
      for (std::size_t k = 0; k < found.size(); ++k) {
        ASSERT_EQ(found[k], start[k] - 0.0625f * gradient[k]) << kSizes[i] << ", element " << k;
        if (i % 2 == 0) {
          ASSERT_EQ(copy[k].bits, stored<Half>(found[k]).bits) << kSizes[i] << ", element " << k;
        }
      }
      EXPECT_TRUE(parameters_[i]->sentinel_intact() && momenta_[i]->sentinel_intact() && copies_[i]->sentinel_intact());
    }
  }

  static constexpr float kScale = 4096;

 private:
  template <class T>
  using Arrays = std::vector<std::unique_ptr<DeviceArray<T>>>;
  Arrays<float> parameters_, momenta_, floats_;
  Arrays<Half> halves_, copies_;
  std::vector<ParameterUpdate> updates_;
};

template <class Half>
void check_mixed_list(std::int64_t offset) {
  SCOPED_TRACE(std::string(name_of(dtype_of<Half>)) + " at " + std::to_string(offset));
  const MixedList<Half> list(offset);
  const DeviceArray<std::int64_t> counters({kStepCounters}, {2, 0, 0, 0, 0, 0});
  const DeviceArray<double> rates({3}, {0.5, 0.25, 0.0625});
  const DeviceArray<float> loss_scale({2}, {MixedList<Half>::kScale, 0});
  update(Stream(), {.momentum = 0, .nesterov = false, .weight_decay = 0}, list.updates(),
         {.counters = counters.view(), .sums = {}, .loss_scale = loss_scale.view(), .learning_rates = rates.view()});
  list.expect_updated();
}

TEST(CudaStepUpdate, HalfGradientsAndCopiesGoWithFloatParameters) {
  for (const std::int64_t offset : {0, 1, 2}) {
    check_mixed_list<float16>(offset);
    check_mixed_list<bfloat16>(offset);
  }
}

// Counted and, at aligned addresses, in whole sectors.
void expect_cost(OptimizerKind kind, bool half) {
  SCOPED_TRACE(name_of(kind) + (half ? ", f16" : ", f32"));
  const Shape shape{4096};
  const DeviceArray<float> parameter(shape, std::vector<float>(4096, 1)), first(shape, std::vector<float>(4096, 0));
  const DeviceArray<float> second(shape, std::vector<float>(4096, 0)), gradient(shape, std::vector<float>(4096, 1));
  const DeviceArray<float16> half_gradient(shape, std::vector<float16>(4096)), copy(shape);
  const ParameterUpdate one{.parameter = parameter.view(),
                            .first = first.view(),
                            .second = second.view(),
                            .gradient = half ? half_gradient.view() : gradient.view(),
                            .copy = half ? copy.view() : View{}};
  const DeviceArray<std::int64_t> counters({kStepCounters}, {1, 1, 0, 0, 0, 0});
  const DeviceArray<double> rates({2}, {0.5, 0.25});
  const DeviceArray<float> loss_scale({2}, {1, 0});
  simt::options().count_requests = true;
  simt::reset_counters();
  update(Stream(), {.kind = kind}, {&one, 1},
         {.counters = counters.view(), .sums = {}, .loss_scale = loss_scale.view(), .learning_rates = rates.view()});
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  const Cost cost = update_cost(kind, {&one, 1});
  EXPECT_EQ(counted.launches, 1u);
  EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
}

TEST(CudaStepUpdate, EachElementIsReadAndWrittenOnce) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw})
    for (const bool half : {false, true}) expect_cost(kind, half);
  const ParameterUpdate one{
      .parameter = {nullptr, DType::f32, {1000, 1000}}, .first = {}, .second = {}, .gradient = {}};
  const std::int64_t reads = 3 * 4 * 1000 * 1000, writes = 2 * 4 * 1000 * 1000;  // gradient, parameter, momentum
  EXPECT_EQ(update_cost(OptimizerKind::sgd, {&one, 1}).bytes_written, writes);
  const std::int64_t found = update_cost(OptimizerKind::sgd, {&one, 1}).bytes_read;
  EXPECT_TRUE(found >= reads && found < reads + reads / 500) << found;
}

TEST(CudaStepUpdate, RefusesWhatItDoesNotTake) {
  const DeviceArray<double> doubles({2}, {1, 2});
  const DeviceArray<float> floats({2}, {1, 2});
  const auto d = doubles.view(), f = floats.view();
  expect_error([&] { sgd_step(Stream(), {}, false, d, f, f); }, {"update", "f64"});
  expect_error([&] { sgd_step(Stream(), {}, false, f, d, d); }, {"f32", "f64"});
  expect_error([&] { adam_step(Stream(), {}, f, f, f, View{}); }, {"moment"});
}

}  // namespace
}  // namespace basin::cuda
