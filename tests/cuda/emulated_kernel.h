// One check for every kernel, run on the emulator: against the CPU back end in float64, as near to it as twice the
// error of a plain float loop, plus 4 ulp. Outputs start as NaN and end in a sentinel; several orders of warps, and a
// second run, must give the same bits; data begin at aligned and at odd addresses.
#pragma once
#include "cuda/simt/simt.h"
#include "tests/core/kernel_check.h"
#include "tests/cuda/device_array.h"

namespace basin::cuda {

using ConstViews = std::vector<ConstView>;
using Views = std::vector<View>;

// Inputs and poisoned outputs in device memory, `offset` elements after an aligned address.
class EmulatedRun {
 public:
  EmulatedRun(const KernelInputs& inputs, const std::vector<Shape>& outputs, std::int64_t offset) {
    for (const KernelInput& input : inputs) {
      if (input.dtype == DType::i32)
        views_.push_back(indices_.emplace_back(input.shape, typed<std::int32_t>(input), offset).view());
      else
        views_.push_back(inputs_.emplace_back(input.shape, typed<float>(input), offset).view());
    }
    for (const Shape& shape : outputs) outputs_.emplace_back(shape, offset);
  }

  template <class Kernel>
  Lists<float> operator()(const Kernel& kernel) const {
    Views out;
    for (const DeviceArray<float>& output : outputs_) out.push_back(output.view());
    kernel(views_, out);
    Lists<float> values;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      EXPECT_TRUE(outputs_[i].sentinel_intact()) << "output " << i << " is written past its end";
      values.push_back(outputs_[i].values());
    }
    return values;
  }

 private:
  template <class T>
  static std::vector<T> typed(const KernelInput& input) {
    return {input.values.begin(), input.values.end()};
  }
  ConstViews views_;
  std::vector<DeviceArray<float>> inputs_, outputs_;
  std::vector<DeviceArray<std::int32_t>> indices_;
};

// kernel(inputs, outputs) launches; cpu(inputs, outputs) calls the CPU back end; plain(lists of floats) gives lists.
template <class Kernel, class Cpu, class Plain>
void check_emulated(const std::string& name, const KernelInputs& inputs, const std::vector<Shape>& outputs,
                    const Kernel& kernel, const Cpu& cpu, const Plain& plain) {
  SCOPED_TRACE(name + " " + ::testing::PrintToString(inputs[0].shape));
  const Lists<double> exact = run_kernel<double>(inputs, outputs, cpu);
  Lists<float> values;
  for (const KernelInput& input : inputs) values.emplace_back(input.values.begin(), input.values.end());
  const Lists<float> loop = plain(values);

  simt::options().seed = 1;
  const Lists<float> found = EmulatedRun(inputs, outputs, 0)(kernel);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    double greatest = 0;
    for (const double v : exact[i]) greatest = std::max(greatest, std::abs(v));
    expect_near_exact(name + " output " + std::to_string(i), found[i], exact[i],
                      2 * largest_error(loop[i], exact[i]) + 4 * greatest * 0x1p-23);
  }
  expect_same_bits(name + ", second run", found, EmulatedRun(inputs, outputs, 0)(kernel));
  for (const std::uint64_t seed : {2, 3}) {
    simt::options().seed = seed;
    expect_same_bits(name + ", seed " + std::to_string(seed), found, EmulatedRun(inputs, outputs, 0)(kernel));
  }
  simt::options().seed = 1;
  expect_same_bits(name + ", at odd addresses", found, EmulatedRun(inputs, outputs, 1)(kernel));
}

}  // namespace basin::cuda
