// 3 x 3 convolutions of stride 1 in float32 by Winograd's F(2 x 2, 3 x 3): 16 products instead of 36 for 2 x 2 outputs
// (Lavin and Gray 2016, arXiv:1509.09308, section 4.1). Of a patch d of 4 x 4 inputs and a kernel g,
//   y = A^T ((G g G^T) * (B^T d B)) A,   summed over the channels before A,
//   B^T = 1  0 -1  0     G =  1    0    0     A^T = 1  1  1  0
//         0  1  1  0         1/2  1/2  1/2          0  1 -1 -1
//         0 -1  1  0         1/2 -1/2  1/2
//         0  1  0 -1          0    0    1
// Small integers stay exact: all factors are powers of two. The error is no larger than a direct sum's, as each of the
// 16 sums is over the channels alone (measured: 0.3 to 0.8 of the error of oneDNN's convolutions).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "landscape/prepared_images.h"
#include "models/plan.h"

namespace basin::vector {

// Activations are (images, height, width, channels or filters), row-major.
struct Sizes {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0;
};

// y = relu?(x * w + shift[k] + residual?). No NaN reaches the relu: it maps NaN to 0.
struct Convolution {
  Sizes sizes;
  const float* x = nullptr;
  const float* weights = nullptr;   // (16, filters / panel, channels, panel) values of G g G^T
  const float* shift = nullptr;     // (filters)
  const float* residual = nullptr;  // null, or like y; may be y
  bool relu = false;
  float* y = nullptr;
  std::int64_t strip = 0;        // tiles of 2 x 2 outputs at once, a multiple of 16
  const float* zeros = nullptr;  // (channels)
  float* transformed = nullptr;  // 16 * frequency_stride(strip, channels)
  float* products = nullptr;     // as many for the filters; may be `transformed` if channels = filters = panel
};

// Floats from one of the 16 products to the next; never a multiple of a page, whose lines would meet in the same sets.
constexpr std::int64_t frequency_stride(std::int64_t strip, std::int64_t channels) { return strip * channels + 16; }

// What one kind of processor runs. Each is compiled for its instructions and called only where they are.
struct Kernel {
  const char* instructions;
  std::int64_t panel;  // filters that a register tile takes, at most: then a multiple of it, else 16
  void (*convolve)(const Convolution&);
};
extern const Kernel kAvx512Kernel, kAvx2Kernel;

// The widest that this process may use, null where there is none. The reason for that, "" if there is one.
const Kernel* find_kernel();
std::string kernel_obstacle();

// Whether the stage of the plan is a convolution that the kernels take: 3 x 3, stride 1, padding 1, channels and
// filters that are multiples of 16, an even height and width of 4 or more. weight (K, R, S, C), input (H, W, C).
bool suits(const Stage& stage, const Shape& weight, const Shape& input);

// The convolution of a block of images in one network.
class WinogradConvolution {
 public:
  // No value on the way exceeds kGrowth times a bound of |y| by magnitudes: B^T d B adds up to 4 inputs, G g G^T has no
  // factor above 1, A^T m A adds 9 products.
  static constexpr double kGrowth = 36;

  // sizes.images * height * width is a multiple of 64.
  WinogradConvolution(const Kernel& kernel, const Sizes& sizes);

  void set_weights(const std::vector<float>& weight);  // (filters, 3, 3, channels)
  void run(const float* x, const float* shift, const float* residual, bool relu, float* y, CacheLine* scratch) const;
  std::size_t scratch_lines() const;

 private:
  const Kernel* kernel_;
  Sizes sizes_;
  std::int64_t panel_, strip_;
  bool in_place_;
  std::vector<CacheLine> weights_;
  std::vector<float> zeros_;
};

}  // namespace basin::vector
