#include "core/cpu/matmul.h"

#include <algorithm>

#include "core/cpu/onednn.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

using dnnl::memory;

// Rows of one item: at least 4 million multiply-adds, in whole registers.
std::int64_t row_block(const MatmulSizes& z) {
  constexpr std::int64_t kWork = 4 << 20, kRows = 16;
  const std::int64_t rows = std::max<std::int64_t>(1, kWork / (z.n * z.k));
  return std::min(z.m, (rows + kRows - 1) / kRows * kRows);
}

struct MatmulPrimitive {
  memory::desc a, b, y, scratchpad;
  dnnl::matmul primitive;
};

// For `rows` rows of the product.
MatmulPrimitive make_matmul(const MatmulSizes& z, std::int64_t rows) {
  dnnl_stream();
  const auto type = memory::data_type::f32;
  const auto strides = [](bool transposed, std::int64_t leading, std::int64_t other) {
    return transposed ? memory::dims{1, leading} : memory::dims{other, 1};
  };
  MatmulPrimitive made;
  made.a = memory::desc({rows, z.k}, type, strides(z.transpose_a, z.m, z.k));
  made.b = memory::desc({z.k, z.n}, type, strides(z.transpose_b, z.k, z.n));
  made.y = memory::desc({rows, z.n}, type, memory::dims{z.n, 1});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(made.a, made.b, made.y), attributes, dnnl_engine());
  made.scratchpad = desc.scratchpad_desc();
  made.primitive = dnnl::matmul(desc);
  return made;
}

std::shared_ptr<const MatmulPrimitive> cached_matmul(const MatmulSizes& z, std::int64_t rows) {
  static auto& cache = *new PrimitiveCache<std::pair<MatmulSizes, std::int64_t>, MatmulPrimitive>;
  return cache.get({z, rows}, [&] { return make_matmul(z, rows); });
}

}  // namespace

void matmul_f32(const MatmulSizes& z, const float* a, const float* b, float* y) {
  const std::int64_t block = row_block(z);
  parallel_for_blocks(z.m, block, [=](std::int64_t begin, std::int64_t end) {
    const auto matmul = cached_matmul(z, end - begin);
    execute(matmul->primitive, matmul->scratchpad,
            {{DNNL_ARG_SRC, dnnl_memory(matmul->a, a + begin * (z.transpose_a ? 1 : z.k))},
             {DNNL_ARG_WEIGHTS, dnnl_memory(matmul->b, b)},
             {DNNL_ARG_DST, dnnl_memory(matmul->y, y + begin * z.n)}});
  });
}

}  // namespace basin::cpu
