// Where the kernels of training steps are tested: memory of a back end and a training step's state in it, so that the
// same tests run on every back end (tests/core/step_kernels_suite.h).
#pragma once
#include <array>
#include <cstring>
#include <vector>

#include "core/random.h"
#include "core/step_kernels.h"

namespace basin {

class StepDevice {
 public:
  StepDevice() = default;
  StepDevice(const StepDevice&) = delete;
  StepDevice& operator=(const StepDevice&) = delete;
  virtual ~StepDevice() = default;

  virtual StepKernels& kernels() = 0;
  virtual void* allocate(std::size_t bytes) = 0;  // aligned, for as long as the device
  virtual void write(void* to, const void* host, std::size_t bytes) = 0;
  virtual void read(void* host, const void* from, std::size_t bytes) = 0;

  // Uninitialised; begins `offset` elements after an aligned address.
  template <class T>
  View empty(const Shape& shape, std::int64_t offset = 0) {
    return {static_cast<T*>(allocate(static_cast<std::size_t>(offset + shape.count()) * sizeof(T))) + offset,
            dtype_of<T>, shape};
  }
  template <class T>
  View array(const Shape& shape, const std::vector<T>& values, std::int64_t offset = 0) {
    check(static_cast<std::int64_t>(values.size()) == shape.count(), "step device: wrong number of values");
    const View view = empty<T>(shape, offset);
    write(view.data, values.data(), values.size() * sizeof(T));
    return view;
  }
  template <class T>
  std::vector<T> values(const ConstView& view) {
    check(view.dtype == dtype_of<T>, "step device: ", view.dtype, " read as ", dtype_of<T>);
    std::vector<T> result(static_cast<std::size_t>(view.size()));
    read(result.data(), view.data, result.size() * sizeof(T));
    return result;
  }
};

struct StepNumbers {
  std::array<std::int64_t, kStepCounters> counters{};
  std::array<double, 3> sums{};
  std::array<float, 2> loss_scale{1, 0};

  std::int64_t& operator[](StepCounter which) { return counters[static_cast<std::size_t>(which)]; }
  friend bool operator==(const StepNumbers&, const StepNumbers&) = default;
};

// The state of training steps on a device. The learning rate of batch b is 2^-(1 + b).
class StepRun {
 public:
  explicit StepRun(StepDevice& device, const StepNumbers& start = {})
      : device_(device),
        state_{.counters = device.empty<std::int64_t>({kStepCounters}),
               .sums = device.empty<double>({3}),
               .loss_scale = device.empty<float>({2}),
               .learning_rates = device.array<double>({4}, {0.5, 0.25, 0.125, 0.0625})} {
    write(start);
  }

  const StepState& state() const { return state_; }
  void write(const StepNumbers& numbers) {
    device_.write(state_.counters.data, numbers.counters.data(), sizeof numbers.counters);
    device_.write(state_.sums.data, numbers.sums.data(), sizeof numbers.sums);
    device_.write(state_.loss_scale.data, numbers.loss_scale.data(), sizeof numbers.loss_scale);
  }
  StepNumbers read() const {
    StepNumbers numbers;
    device_.read(numbers.counters.data(), state_.counters.data, sizeof numbers.counters);
    device_.read(numbers.sums.data(), state_.sums.data, sizeof numbers.sums);
    device_.read(numbers.loss_scale.data(), state_.loss_scale.data, sizeof numbers.loss_scale);
    return numbers;
  }

 private:
  StepDevice& device_;
  StepState state_;
};

// Multiples of 1 / 8 in [-2, 2): sums and products of a few of them are exact in float, fused or not.
inline std::vector<float> eighths(std::int64_t count, std::uint64_t stream) {
  const Random random(5, stream);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = (static_cast<float>(random.below(32, i)) - 16) / 8;
  return values;
}

}  // namespace basin
