#include "core/cpu/convolution.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <vector>

#include "core/cpu/bf16.h"
#include "core/cpu/compute.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/memory_pool.h"
#include "core/cpu/onednn.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

using dnnl::memory;
using DataType = memory::data_type;
using Tag = memory::format_tag;

enum class Contraction : std::uint8_t { forward, input_gradient, weight_gradient };

// One primitive over a block of images. `weights` is the layout that it works on, `plain_weights` is K R S C.
struct ConvolutionPrimitive {
  memory::desc x, weights, y, plain_weights, scratchpad;
  dnnl::primitive primitive;
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t power_of_two(std::int64_t least) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(1, least))));
}

// Images of one item: enough work to be worth starting, enough pixels that the weights are read from memory for many of
// them, and few enough images that their activations stay in the level-2 cache.
std::int64_t image_block(const ConvolutionSizes& z) {
  constexpr std::int64_t kWork = 16 << 20, kPixels = 256, kImages = 32;
  const std::int64_t images = power_of_two(std::max(ceil_div(kWork, z.work()), ceil_div(kPixels, z.p * z.q)));
  return std::min({images, kImages, z.n});
}

// The same for the weight gradient, where each block costs one more array of partial sums.
std::int64_t weight_gradient_block(const ConvolutionSizes& z) {
  constexpr std::int64_t kWork = 32 << 20, kPixels = 1024, kBlocks = 4;
  const std::int64_t images = power_of_two(std::max(ceil_div(kWork, z.work()), ceil_div(kPixels, z.p * z.q)));
  return std::min(images, ceil_div(z.n, kBlocks));
}

memory::desc plain_weights(const ConvolutionSizes& z) {
  if (z.groups == 1) return {{z.k, z.c, z.r, z.s}, DataType::f32, Tag::ohwi};
  return {{z.groups, z.group_outputs(), z.group_inputs(), z.r, z.s}, DataType::f32, Tag::gohwi};
}

dnnl::convolution_forward::primitive_desc forward_desc(const memory::desc& x, const memory::desc& weights,
                                                       const memory::desc& y, const ConvolutionSizes& z) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const memory::dims strides{z.stride, z.stride}, padding{z.padding, z.padding};
  return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, x, weights, y, strides, padding,
           padding},
          attributes,
          dnnl_engine()};
}

// Fills in the primitive for one of the three contractions.
void add_primitive(ConvolutionPrimitive& made, Contraction kind, const ConvolutionSizes& z, DataType type) {
  const auto f32 = DataType::f32;
  const auto activation = [&](std::int64_t c, std::int64_t h, std::int64_t w, DataType t) {
    return memory::desc({z.n, c, h, w}, t, Tag::nhwc);
  };
  const auto any_weights = [&](DataType t) { return memory::desc(made.plain_weights.dims(), t, Tag::any); };
  const auto x_type = kind == Contraction::input_gradient ? f32 : type,
             y_type = kind == Contraction::forward ? f32 : type;
  made.x = activation(z.c, z.h, z.w, x_type);
  made.y = activation(z.k, z.p, z.q, y_type);
  // The hint that backward descriptions want describes the forward pass of the same layouts.
  const auto forward =
      forward_desc(activation(z.c, z.h, z.w, type), any_weights(type), activation(z.k, z.p, z.q, type), z);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const memory::dims strides{z.stride, z.stride}, padding{z.padding, z.padding};
  const auto direct = dnnl::algorithm::convolution_direct;
  if (kind == Contraction::forward) {
    const auto desc = forward_desc(made.x, any_weights(type), made.y, z);
    made.weights = desc.weights_desc(), made.scratchpad = desc.scratchpad_desc();
    made.primitive = dnnl::convolution_forward(desc);
  } else if (kind == Contraction::input_gradient) {
    const dnnl::convolution_backward_data::primitive_desc desc(
        {direct, made.x, any_weights(type), made.y, strides, padding, padding}, attributes, dnnl_engine(), forward);
    made.weights = desc.weights_desc(), made.scratchpad = desc.scratchpad_desc();
    made.primitive = dnnl::convolution_backward_data(desc);
  } else {
    const dnnl::convolution_backward_weights::primitive_desc desc(
        {direct, made.x, any_weights(f32), made.y, strides, padding, padding}, attributes, dnnl_engine(), forward);
    made.weights = desc.diff_weights_desc(), made.scratchpad = desc.scratchpad_desc();
    made.primitive = dnnl::convolution_backward_weights(desc);
  }
}

std::shared_ptr<const ConvolutionPrimitive> cached_primitive(Contraction kind, ConvolutionSizes z, std::int64_t images,
                                                             bool bf16) {
  static auto& cache = *new PrimitiveCache<std::tuple<Contraction, ConvolutionSizes, bool>, ConvolutionPrimitive>;
  z.n = images;
  return cache.get({kind, z, bf16}, [&] {
    dnnl_stream();
    ConvolutionPrimitive made;
    made.plain_weights = plain_weights(z);
    add_primitive(made, kind, z, bf16 ? DataType::bf16 : DataType::f32);
    return made;
  });
}

// Copies weights from one layout (and type) to another. oneDNN keeps the primitives made here in a cache of its own.
void reorder(const memory::desc& from_desc, const void* from, const memory::desc& to_desc, void* to) {
  dnnl_stream();
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::reorder::primitive_desc desc(dnnl_engine(), from_desc, dnnl_engine(), to_desc, attributes);
  execute(dnnl::reorder(desc), desc.scratchpad_desc(),
          {{DNNL_ARG_FROM, dnnl_memory(from_desc, from)}, {DNNL_ARG_TO, dnnl_memory(to_desc, to)}});
}

// A block of images as a primitive wants it: where it lies in f32, rounded into scratch memory in bf16.
class Operand {
 public:
  Operand(const memory::desc& desc, const float* data, std::int64_t count)
      : rounded_(static_cast<std::size_t>(desc.data_type() == DataType::bf16 ? count : 0) * sizeof(std::uint16_t)),
        memory_(dnnl_memory(desc, desc.data_type() == DataType::bf16 ? rounded_.data() : data)) {
    if (desc.data_type() == DataType::bf16) round_to_bf16(data, rounded_.as<std::uint16_t>(), count);
  }
  const memory& get() const { return memory_; }

 private:
  Scratch rounded_;
  memory memory_;
};

// Forward and input gradient: `out` of a block of images from `in` of the same and the weights.
void contract_with_weights(Contraction kind, const ConvolutionSizes& z, const float* in, const float* weight,
                           float* out) {
  const bool forward = kind == Contraction::forward, bf16 = multiplies_in_bf16(z);
  const std::int64_t block = image_block(z);
  const std::int64_t x_image = z.h * z.w * z.c, y_image = z.p * z.q * z.k;
  const std::int64_t in_image = forward ? x_image : y_image, out_image = forward ? y_image : x_image;
  const auto whole = cached_primitive(kind, z, block, bf16);
  const Scratch weights(whole->weights.get_size());
  reorder(whole->plain_weights, weight, whole->weights, weights.data());
  parallel_for_blocks(z.n, block, [&](std::int64_t begin, std::int64_t end) {
    const auto convolution = end - begin == block ? whole : cached_primitive(kind, z, end - begin, bf16);
    // The last, smaller block may prefer another layout of the weights.
    const bool same = convolution->weights == whole->weights;
    const Scratch own(same ? 0 : convolution->weights.get_size());
    if (!same) reorder(convolution->plain_weights, weight, convolution->weights, own.data());
    const Operand operand(forward ? convolution->x : convolution->y, in + begin * in_image, (end - begin) * in_image);
    const memory result = dnnl_memory(forward ? convolution->y : convolution->x, out + begin * out_image);
    execute(convolution->primitive, convolution->scratchpad,
            {{forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, operand.get()},
             {DNNL_ARG_WEIGHTS, dnnl_memory(convolution->weights, same ? weights.data() : own.data())},
             {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, result}});
  });
}

// sums[i] = partial[0][i] + partial[1][i] + ..., into partial[0].
void add_partial_sums(float* partial, std::int64_t blocks, std::int64_t size) {
  parallel_for_blocks(size, kElementBlock, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = 1; b < blocks; ++b) {
      const float* term = partial + b * size;
      for (std::int64_t i = begin; i < end; ++i) partial[i] += term[i];
    }
  });
}

}  // namespace

bool multiplies_in_bf16(const ConvolutionSizes& z) {
  constexpr std::int64_t kProducts = 128;
  return compute() == Compute::bf16 && z.r * z.s * z.group_inputs() >= kProducts;
}

void convolution_f32(const ConvolutionSizes& z, const float* x, const float* weight, float* y) {
  contract_with_weights(Contraction::forward, z, x, weight, y);
}

void convolution_input_gradient_f32(const ConvolutionSizes& z, const float* grad_output, const float* weight,
                                    float* grad_x) {
  contract_with_weights(Contraction::input_gradient, z, grad_output, weight, grad_x);
}

void convolution_weight_gradient_f32(const ConvolutionSizes& z, const float* x, const float* grad_output,
                                     float* grad_weight) {
  const bool bf16 = multiplies_in_bf16(z);
  const std::int64_t block = weight_gradient_block(z), blocks = ceil_div(z.n, block);
  const std::int64_t x_image = z.h * z.w * z.c, y_image = z.p * z.q * z.k;
  const auto whole = cached_primitive(Contraction::weight_gradient, z, block, bf16);
  const auto size = static_cast<std::int64_t>(whole->weights.get_size() / sizeof(float));
  const Scratch scratch(static_cast<std::size_t>(blocks * size) * sizeof(float));
  float* partial = scratch.as<float>();  // (blocks, size) in the layout of `whole`
  parallel_for_blocks(z.n, block, [&](std::int64_t begin, std::int64_t end) {
    const auto convolution =
        end - begin == block ? whole : cached_primitive(Contraction::weight_gradient, z, end - begin, bf16);
    const Operand operand(convolution->x, x + begin * x_image, (end - begin) * x_image);
    const Operand gradient(convolution->y, grad_output + begin * y_image, (end - begin) * y_image);
    float* sums = partial + begin / block * size;
    const bool same = convolution->weights == whole->weights;
    const Scratch own(same ? 0 : convolution->weights.get_size());
    execute(convolution->primitive, convolution->scratchpad,
            {{DNNL_ARG_SRC, operand.get()},
             {DNNL_ARG_DIFF_DST, gradient.get()},
             {DNNL_ARG_DIFF_WEIGHTS, dnnl_memory(convolution->weights, same ? sums : own.data())}});
    if (!same) reorder(convolution->weights, own.data(), whole->weights, sums);
  });
  add_partial_sums(partial, blocks, size);
  reorder(whole->weights, partial, whole->plain_weights, grad_weight);
}

}  // namespace basin::cpu
