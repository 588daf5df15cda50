// Arguments of kernels of several element types, for the checks of CUDA kernels: values rounded to the type, and what
// the CPU back end makes of them in float64.
#pragma once
#include <functional>
#include <memory>

#include "core/cpu/dispatch.h"
#include "tests/core/kernel_check.h"

namespace basin::cuda {

// `value` as an element of type T, which may be a storage form, and back.
template <class T>
T stored(double value) {
  if constexpr (std::is_same_v<T, float16>)
    return to_float16(static_cast<float>(value));
  else if constexpr (std::is_same_v<T, bfloat16>)
    return to_bfloat16(static_cast<float>(value));
  else
    return static_cast<T>(value);
}
template <class T>
double number(T value) {
  if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>)
    return to_float(value);
  else
    return static_cast<double>(value);
}
template <class T>
std::vector<T> stored_values(const std::vector<double>& values) {
  std::vector<T> elements;
  for (const double v : values) elements.push_back(stored<T>(v));
  return elements;
}

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

}  // namespace basin::cuda
