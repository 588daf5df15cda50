// One check for every kernel, run on the emulator: against the CPU back end in float64, as near to it as twice the
// error of a plain float loop, plus 4 ulp of float, plus the rounding to the output's type. Outputs start as NaN and
// end in a sentinel; several orders of warps, and a second run, must give the same bits; data begin at aligned and at
// odd addresses.
#pragma once
#include <functional>
#include <memory>

#include "core/cpu/dispatch.h"
#include "cuda/simt/simt.h"
#include "tests/core/kernel_check.h"
#include "tests/cuda/device_array.h"

namespace basin::cuda {

using ConstViews = std::vector<ConstView>;
using Views = std::vector<View>;

// Of a kernel's arguments, in their order; f32 where a list ends before. An input that is i32 by itself stays so.
struct ElementTypes {
  std::vector<DType> inputs, outputs;
  DType input(std::size_t i) const { return i < inputs.size() ? inputs[i] : DType::f32; }
  DType output(std::size_t i) const { return i < outputs.size() ? outputs[i] : DType::f32; }
};

// The types that kernels compute on, for the loops of tests.
inline constexpr DType kFloatTypes[] = {DType::f32, DType::f16, DType::bf16};

// An array of whatever element type. Its values as doubles hold those of every type but large i64.
struct AnyArray {
  template <class Array>
  explicit AnyArray(const std::shared_ptr<Array>& array)
      : view(array->view()), sentinel_intact([array] { return array->sentinel_intact(); }), values([array] {
          std::vector<double> doubles;
          for (const auto v : array->values()) doubles.push_back(number(v));
          return doubles;
        }) {}
  View view;
  std::function<bool()> sentinel_intact;
  std::function<std::vector<double>()> values;
};

inline Lists<double> values_of(const std::vector<AnyArray>& outputs) {
  Lists<double> values;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(outputs[i].sentinel_intact()) << "output " << i << " is written past its end";
    values.push_back(outputs[i].values());
  }
  return values;
}

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

// The inputs as the kernel reads them: values rounded to its types.
inline KernelInputs typed_inputs(const KernelInputs& inputs, const ElementTypes& types) {
  KernelInputs typed = inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (typed[i].dtype == DType::f32) typed[i].dtype = types.input(i);
    cpu::dispatch_any(typed[i].dtype, [&]<class T>(T) {
      for (double& v : typed[i].values) v = number(stored<T>(v));
    });
  }
  return typed;
}

// What the CPU back end makes of these values: floating-point arguments in float64, the others as they are.
template <class Cpu>
Lists<double> exact_outputs(const KernelInputs& inputs, const std::vector<Shape>& shapes, const ElementTypes& types,
                            const Cpu& cpu) {
  const auto reference = [](DType type) {
    return type == DType::f32 || type == DType::f16 || type == DType::bf16 ? DType::f64 : type;
  };
  ConstViews in;
  Views out;
  std::vector<AnyArray> arrays, outputs;
  for (const KernelInput& input : inputs)
    cpu::dispatch_any(reference(input.dtype), [&]<class T>(T) {
      if constexpr (!std::is_class_v<T>)
        in.push_back(arrays.emplace_back(std::make_shared<KernelArray<T>>(input)).view);
    });
  for (std::size_t i = 0; i < shapes.size(); ++i)
    cpu::dispatch_any(reference(types.output(i)), [&]<class T>(T) {
      if constexpr (!std::is_class_v<T>)
        out.push_back(outputs.emplace_back(std::make_shared<KernelArray<T>>(shapes[i], dtype_of<T>)).view);
    });
  cpu(in, out);
  return values_of(outputs);
}

// The most that rounding a number of this magnitude to `type` changes it, beyond what a float does.
inline double rounding_error(DType type, double magnitude) {
  if (type != DType::f16 && type != DType::bf16) return 0;
  const int digits = type == DType::f16 ? 11 : 8, smallest = type == DType::f16 ? -25 : -134;  // half of a subnormal's
  return magnitude > 0 ? std::max(std::ldexp(1.0, std::ilogb(magnitude) - digits), std::ldexp(1.0, smallest)) : 0;
}

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
