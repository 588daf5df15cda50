// One check for every kernel, run on the emulator: against the CPU back end in float64, as near to it as twice the
// error of a plain float loop, plus 4 ulp of float, plus the rounding to the output's type. Outputs start as NaN and
// end in a sentinel; several orders of warps, and a second run, must give the same bits; data begin at aligned and at
// odd addresses.
#pragma once
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/cuda/typed_values.h"

namespace basin::cuda {

// Inputs and poisoned outputs in device memory, `offset` elements after an aligned address.
class EmulatedRun {
 public:
  EmulatedRun(const KernelInputs& inputs, const std::vector<Shape>& outputs, std::int64_t offset,
              const ElementTypes& types = {}) {
    for (const KernelInput& input : inputs)
      cpu::dispatch_any(input.dtype, [&]<class T>(T) {
        const std::vector<T> values = stored_values<T>(input.values);
        inputs_.emplace_back(std::make_shared<DeviceArray<T>>(input.shape, values, offset));
      });
    for (std::size_t i = 0; i < outputs.size(); ++i)
      cpu::dispatch_any(types.output(i), [&]<class T>(T) {
        outputs_.emplace_back(std::make_shared<DeviceArray<T>>(outputs[i], offset));
      });
  }

  template <class Kernel>
  Lists<double> operator()(const Kernel& kernel) const {
    ConstViews in;
    Views out;
    for (const AnyArray& input : inputs_) in.push_back(input.view);
    for (const AnyArray& output : outputs_) out.push_back(output.view);
    kernel(in, out);
    return values_of(outputs_);
  }

 private:
  std::vector<AnyArray> inputs_, outputs_;
};

// kernel(inputs, outputs) launches; cpu(inputs, outputs) calls the CPU back end; plain(lists of floats) gives lists.
// All see the same values: those of the kernel's types.
template <class Kernel, class Cpu, class Plain>
void check_emulated(const std::string& name, const KernelInputs& given, const std::vector<Shape>& outputs,
                    const Kernel& kernel, const Cpu& cpu, const Plain& plain, const ElementTypes& types = {}) {
  const KernelInputs inputs = typed_inputs(given, types);
  SCOPED_TRACE(name + " " + ::testing::PrintToString(inputs[0].shape) + " " + std::string(name_of(inputs[0].dtype)));
  const Lists<double> exact = exact_outputs(inputs, outputs, types, cpu);
  Lists<float> values;
  for (const KernelInput& input : inputs) values.emplace_back(input.values.begin(), input.values.end());
  const Lists<float> loop = plain(values);

  simt::options().seed = 1;
  const auto run = [&](std::int64_t offset) { return EmulatedRun(inputs, outputs, offset, types)(kernel); };
  const Lists<double> found = run(0);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    double greatest = 0;
    for (const double v : exact[i]) greatest = std::max(greatest, std::abs(v));
    const double limit = 2 * largest_error(loop[i], exact[i]) + 4 * greatest * 0x1p-23;
    ASSERT_TRUE(std::isfinite(limit)) << "the plain loop is of no use for output " << i;
    expect_near_exact(name + " output " + std::to_string(i), found[i], exact[i],
                      limit + rounding_error(types.output(i), greatest + limit));
  }
  expect_same_bits(name + ", second run", found, run(0));
  for (const std::uint64_t seed : {2, 3}) {
    simt::options().seed = seed;
    expect_same_bits(name + ", seed " + std::to_string(seed), found, run(0));
  }
  simt::options().seed = 1;
  expect_same_bits(name + ", at odd addresses", found, run(1));
}

}  // namespace basin::cuda
