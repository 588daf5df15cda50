// One check for every kernel of the CUDA back end, called through core/backend.h as programs call it: against the CPU
// back end in float64 on the same values. Outputs start as NaN and end in a sentinel; a second run, recorded work and
// data at odd addresses must give the same bits.
#pragma once
#include "tests/cuda/typed_values.h"
#include "tests/gpu/device.h"

namespace basin::gpu {

using cuda::ConstViews;
using cuda::Views;

// Values on the device, `offset` elements after an aligned address.
template <class T>
class BackendArray {
 public:
  // Poisoned, for outputs.
  explicit BackendArray(const Shape& shape, std::int64_t offset = 0)
      : BackendArray(shape, std::vector<T>(static_cast<std::size_t>(shape.count()), poison()), offset) {}
  BackendArray(const Shape& shape, std::vector<T> values, std::int64_t offset) : shape_(shape), offset_(offset) {
    values.insert(values.begin(), static_cast<std::size_t>(offset), sentinel());
    values.insert(values.end(), kSentinels, sentinel());
    storage_ =
        Tensor::from_bytes({static_cast<std::int64_t>(values.size() * sizeof(T))}, DType::u8, values.data(), device());
  }

  View view() const { return {storage_.mutable_view().as<T>() + offset_, dtype_of<T>, shape_}; }
  std::vector<T> values() const {
    const std::vector<T> all = stored();
    return {all.begin() + offset_, all.end() - kSentinels};
  }
  bool sentinel_intact() const {
    std::vector<T> all = stored();
    all.erase(all.begin() + offset_, all.end() - kSentinels);
    const T expected = sentinel();
    return std::all_of(all.begin(), all.end(), [&](T v) { return std::memcmp(&v, &expected, sizeof(T)) == 0; });
  }

 private:
  static constexpr std::int64_t kSentinels = 16;
  static T sentinel() { return cuda::stored<T>(std::is_same_v<T, std::uint8_t> ? 123 : -12345); }
  static T poison() { return cuda::stored<T>(std::is_integral_v<T> ? 101 : std::numeric_limits<double>::quiet_NaN()); }
  std::vector<T> stored() const {
    std::vector<T> all(static_cast<std::size_t>(storage_.size()) / sizeof(T));
    storage_.copy_to_host(all.data());
    return all;
  }

  Shape shape_;
  std::int64_t offset_;
  Tensor storage_;  // u8
};

using Kernel = std::function<void(Backend&, const ConstViews&, const Views&)>;

struct KernelCase {
  std::string name;
  KernelInputs inputs;
  std::vector<Shape> outputs;
  Kernel kernel;
  cuda::ElementTypes types = {};  // of the arguments, on the device
  double terms = 1;               // the most that one thread adds up into one sum, or so
};

// One way to compute the kernel on the device.
struct Subject {
  std::string name;
  std::function<void(const ConstViews&, const Views&)> run;
  // The same bits at odd addresses? Libraries decline those, or choose another algorithm.
  bool same_at_odd_addresses = true;
};

inline Subject on_backend(const Kernel& kernel, bool same_at_odd_addresses = true) {
  return {"", [kernel](const ConstViews& in, const Views& out) { kernel(device(), in, out); }, same_at_odd_addresses};
}
inline Subject recorded(const Kernel& kernel) {
  return {"recorded",
          [kernel](const ConstViews& in, const Views& out) {
            const auto work = device().record([&] { kernel(device(), in, out); });
            work->run();
            work->run();
            device().synchronize();
          },
          true};
}

// Runs the subject on fresh arrays and returns the outputs' values.
inline Lists<double> run_on_device(const KernelCase& c, const KernelInputs& inputs, const Subject& subject,
                                   std::int64_t offset = 0) {
  ConstViews in;
  Views out;
  std::vector<cuda::AnyArray> arrays, outputs;
  for (const KernelInput& input : inputs)
    cpu::dispatch_any(input.dtype, [&]<class T>(T) {
      in.push_back(arrays
                       .emplace_back(
                           std::make_shared<BackendArray<T>>(input.shape, cuda::stored_values<T>(input.values), offset))
                       .view);
    });
  for (std::size_t i = 0; i < c.outputs.size(); ++i)
    cpu::dispatch_any(c.types.output(i), [&]<class T>(T) {
      out.push_back(outputs.emplace_back(std::make_shared<BackendArray<T>>(c.outputs[i], offset)).view);
    });
  subject.run(in, out);
  return cuda::values_of(outputs);
}

// How far a right result may be off: sums of `terms` terms in f32, whose rounding errors grow as a random walk, a few
// operations more, and the rounding to the output's type, of which half precision may need another half a place.
inline double error_limit(double greatest, double terms, DType type) {
  const double limit = (8 + 2 * std::sqrt(terms)) * greatest * 0x1p-24;
  return limit + 2 * cuda::rounding_error(type, greatest + limit);
}

inline void check_on_device(const KernelCase& c, const std::vector<Subject>& subjects) {
  const KernelInputs inputs = cuda::typed_inputs(c.inputs, c.types);
  SCOPED_TRACE(c.name + " " + testing::PrintToString(inputs[0].shape) + " " + std::string(name_of(inputs[0].dtype)));
  const Lists<double> exact = cuda::exact_outputs(
      inputs, c.outputs, c.types, [&](const ConstViews& in, const Views& out) { c.kernel(cpu_backend(), in, out); });
  for (const Subject& subject : subjects) {
    const Lists<double> found = run_on_device(c, inputs, subject), odd = run_on_device(c, inputs, subject, 1);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      double greatest = 0;
      for (const double v : exact[i]) greatest = std::max(greatest, std::abs(v));
      ASSERT_TRUE(std::isfinite(greatest)) << "the exact values of output " << i << " are no measure";
      const double limit = error_limit(greatest, c.terms, c.types.output(i));
      expect_near_exact(subject.name + " output " + std::to_string(i), found[i], exact[i], limit);
      expect_near_exact(subject.name + " at odd addresses, output " + std::to_string(i), odd[i], exact[i], limit);
    }
    expect_same_bits(subject.name + " second run", found, run_on_device(c, inputs, subject));
    if (subject.same_at_odd_addresses) expect_same_bits(subject.name + " at odd addresses", found, odd);
  }
}

// As the back end does it, at once and recorded, which must agree to the bit.
inline void check_on_device(const KernelCase& c, bool same_at_odd_addresses = true) {
  check_on_device(c, {on_backend(c.kernel, same_at_odd_addresses)});
  const KernelInputs inputs = cuda::typed_inputs(c.inputs, c.types);
  expect_same_bits(c.name + " recorded", run_on_device(c, inputs, on_backend(c.kernel)),
                   run_on_device(c, inputs, recorded(c.kernel)));
}

}  // namespace basin::gpu
