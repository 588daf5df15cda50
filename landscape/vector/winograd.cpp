#include "landscape/vector/winograd.h"

#include <array>

#include "core/cpu/features.h"

namespace basin::vector {
namespace {

constexpr std::int64_t kFrequencies = 16;
constexpr std::int64_t kFloatsPerLine = sizeof(CacheLine) / sizeof(float);

std::int64_t panel_of(const Kernel& kernel, std::int64_t filters) {
  return filters % kernel.panel == 0 ? kernel.panel : 16;
}

// Few channels: strip and weights together stay in the first-level cache. Many: weights are streamed less often.
std::int64_t strip_of(std::int64_t channels) { return channels < 64 ? 16 : channels < 256 ? 32 : 64; }

// G g along one axis: three taps to four.
std::array<double, 4> transform(double a, double b, double c) { return {a, 0.5 * (a + b + c), 0.5 * (a - b + c), c}; }

// G g G^T of the kernel at `taps`, whose nine values lie `stride` apart.
std::array<double, kFrequencies> transform_kernel(const float* taps, std::int64_t stride) {
  std::array<std::array<double, 4>, 3> columns;  // (s, 4): G g, transposed
  for (std::int64_t s = 0; s < 3; ++s)
    columns[static_cast<std::size_t>(s)] = transform(taps[s * stride], taps[(3 + s) * stride], taps[(6 + s) * stride]);
  std::array<double, kFrequencies> result;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::array<double, 4> row = transform(columns[0][i], columns[1][i], columns[2][i]);
    for (std::size_t j = 0; j < 4; ++j) result[4 * i + j] = row[j];
  }
  return result;
}

}  // namespace

const Kernel* find_kernel() {
  if (cpu_has(CpuFeature::avx512)) return &kAvx512Kernel;
  if (cpu_has(CpuFeature::avx2)) return &kAvx2Kernel;
  return nullptr;
}

std::string kernel_obstacle() { return find_kernel() != nullptr ? "" : cpu_obstacle(CpuFeature::avx2); }

bool suits(const Stage& stage, const Shape& weight, const Shape& input) {
  if (stage.kind != Stage::Kind::convolution || stage.conv.groups != 1) return false;
  const bool three = weight[1] == 3 && weight[2] == 3 && stage.conv.stride == 1 && stage.conv.padding == 1;
  const bool even = input[0] % 2 == 0 && input[1] % 2 == 0 && input[0] >= 4 && input[1] >= 4;
  return three && even && weight[0] % 16 == 0 && weight[3] % 16 == 0;
}

WinogradConvolution::WinogradConvolution(const Kernel& kernel, const Sizes& sizes)
    : kernel_(&kernel),
      sizes_(sizes),
      panel_(panel_of(kernel, sizes.filters)),
      strip_(strip_of(sizes.channels)),
      in_place_(sizes.channels == panel_ && sizes.filters == panel_),
      weights_(static_cast<std::size_t>(kFrequencies * sizes.filters * sizes.channels / kFloatsPerLine)),
      zeros_(static_cast<std::size_t>(sizes.channels), 0.0F) {}

void WinogradConvolution::set_weights(const std::vector<float>& weight) {
  const std::int64_t channels = sizes_.channels, filters = sizes_.filters;
  auto* transformed = reinterpret_cast<float*>(weights_.data());
  for (std::int64_t k = 0; k < filters; ++k)
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto kernel = transform_kernel(weight.data() + k * 9 * channels + c, channels);
      float* first = transformed + k / panel_ * panel_ * channels + c * panel_ + k % panel_;
      for (std::int64_t f = 0; f < kFrequencies; ++f)
        first[f * filters * channels] = static_cast<float>(kernel[static_cast<std::size_t>(f)]);
    }
}

std::size_t WinogradConvolution::scratch_lines() const {
  const std::int64_t transformed = frequency_stride(strip_, sizes_.channels);
  const std::int64_t products = in_place_ ? 0 : frequency_stride(strip_, sizes_.filters);
  return static_cast<std::size_t>(kFrequencies * (transformed + products) / kFloatsPerLine);
}

void WinogradConvolution::run(const float* x, const float* shift, const float* residual, bool relu, float* y,
                              CacheLine* scratch) const {
  Convolution convolution{.sizes = sizes_, .x = x, .shift = shift, .residual = residual, .relu = relu, .y = y};
  convolution.weights = reinterpret_cast<const float*>(weights_.data());
  convolution.strip = strip_;
  convolution.zeros = zeros_.data();
  convolution.transformed = reinterpret_cast<float*>(scratch);
  convolution.products =
      convolution.transformed + (in_place_ ? 0 : kFrequencies * frequency_stride(strip_, sizes_.channels));
  kernel_->convolve(convolution);
}

}  // namespace basin::vector
