// The three contractions of a convolution, in the layers of the networks that are trained most.
#include "tools/bench/recorded_timing.h"

namespace basin {
namespace {

struct ConvolutionCase {
  std::int64_t channels, extent, filters, kernel, stride;
  std::string name(std::int64_t images) const {
    return "N" + std::to_string(images) + "_C" + std::to_string(channels) + "_H" + std::to_string(extent) + "_K" +
           std::to_string(filters) + "_R" + std::to_string(kernel) + "_S" + std::to_string(stride);
  }
};

// The layers of ResNet-20 to -110, and one of VGG-9.
constexpr ConvolutionCase kCpuCases[] = {{3, 32, 16, 3, 1},  {16, 32, 16, 3, 1}, {16, 32, 32, 3, 2},
                                         {32, 16, 32, 3, 1}, {64, 8, 64, 3, 1},  {128, 16, 128, 3, 1}};
constexpr ConvolutionCase kGpuCases[] = {
    // ResNet-20 to -110
    {3, 32, 16, 3, 1},
    {16, 32, 16, 3, 1},
    {16, 32, 32, 3, 2},
    {16, 32, 32, 1, 2},
    {32, 16, 32, 3, 1},
    {32, 16, 64, 3, 2},
    {64, 8, 64, 3, 1},
    // VGG-16
    {3, 32, 64, 3, 1},
    {64, 32, 64, 3, 1},
    {64, 16, 128, 3, 1},
    {128, 16, 128, 3, 1},
    {128, 8, 256, 3, 1},
    {256, 8, 256, 3, 1},
    {256, 4, 512, 3, 1},
    {512, 4, 512, 3, 1},
    {512, 2, 512, 3, 1},
    // WRN-56-2 and -4, where they are not like the ones above
    {32, 32, 32, 3, 1},
    {64, 16, 64, 3, 1},
    {128, 8, 128, 3, 1},
    {64, 32, 128, 3, 2}};

void register_convolution(const ConvolutionCase& c, std::int64_t images, DType type, const BenchOptions& options) {
  const Conv2d form{.stride = c.stride, .padding = c.kernel / 2};
  const Shape x{images, c.extent, c.extent, c.channels}, w{c.filters, c.kernel, c.kernel, c.channels};
  const Shape y = conv2d_shape(x, w, form);
  TimedOperation operation;
  operation.flops = 2.0 * static_cast<double>(y.count() * c.kernel * c.kernel * c.channels);
  operation.bytes = static_cast<double>(size_of(type)) * static_cast<double>(x.count() + w.count() + y.count());
  const auto add = [&](const std::string& name, const Shape& a, const Shape& b, auto compute) {
    operation.name = name + "/" + c.name(images);
    operation.prepare = [=](DType t, Backend& backend) {
      return [=, first = bench_values(a, 1, t, backend), second = bench_values(b, 2, t, backend)] {
        return Tensors{compute(first, second)};
      };
    };
    register_timed_operation(operation, type, options);
  };
  add("conv2d", x, w, [=](const Tensor& image, const Tensor& weight) { return conv2d(image, weight, form); });
  add("conv2d_input_gradient", y, w,
      [=](const Tensor& grad, const Tensor& weight) { return conv2d_input_gradient(grad, weight, x, form); });
  add("conv2d_weight_gradient", x, y,
      [=](const Tensor& image, const Tensor& grad) { return conv2d_weight_gradient(image, grad, w, form); });
}

}  // namespace

void register_convolution_benchmarks(const BenchOptions& options) {
  const std::span<const ConvolutionCase> cases =
      options.on_cpu() ? std::span<const ConvolutionCase>(kCpuCases) : std::span<const ConvolutionCase>(kGpuCases);
  for (const std::int64_t images : options.batches)
    for (const ConvolutionCase& c : cases)
      for (const DType type : timed_types(options)) register_convolution(c, images, type, options);
}

}  // namespace basin
