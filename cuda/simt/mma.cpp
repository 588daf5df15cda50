#include "cuda/simt/mma.h"

#include <array>
#include <vector>

namespace basin::simt {
namespace {

constexpr int kRows = 16, kColumns = 8;

float value_of(float16 value) {
  static const std::vector<float> table = [] {
    std::vector<float> values(1 << 16);
    for (std::size_t bits = 0; bits < values.size(); ++bits) values[bits] = to_float(float16{std::uint16_t(bits)});
    return values;
  }();
  return table[value.bits];
}
float value_of(bfloat16 value) { return std::bit_cast<float>(std::uint32_t{value.bits} << 16); }

// Places in a fragment (PTX ISA, "matrix fragments for mma.m16n8k16" and ".m16n8k8").
int row_of_d(int lane, int i) { return lane / 4 + i / 2 * 8; }
int column_of_d(int lane, int i) { return lane % 4 * 2 + i % 2; }

struct MmaLane {
  float (&d)[4];
  const std::uint32_t (&a)[4];
  const std::uint32_t (&b)[2];
};

// The operands of a warp as matrices.
template <int K>
struct Operands {
  std::array<std::array<float, K>, kRows> a;
  std::array<std::array<float, kColumns>, K> b;
};

template <class T>
Operands<16> half_operands(void* const* lanes) {
  Operands<16> m;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& [d, a, b] = *static_cast<const MmaLane*>(lanes[lane]);
    const auto half = [](std::uint32_t pair, int h) { return value_of(T{std::uint16_t(pair >> 16 * h)}); };
    for (int h = 0; h < 2; ++h) {
      const int k = lane % 4 * 2 + h;
      for (int i = 0; i < 4; ++i) m.a[lane / 4 + i % 2 * 8][k + i / 2 * 8] = half(a[i], h);
      for (int i = 0; i < 2; ++i) m.b[k + 8 * i][lane / 4] = half(b[i], h);
    }
  }
  return m;
}

Operands<8> tf32_operands(void* const* lanes) {
  Operands<8> m;
  const auto value = [](std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); };
  for (int lane = 0; lane < 32; ++lane) {
    const auto& [d, a, b] = *static_cast<const MmaLane*>(lanes[lane]);
    for (int i = 0; i < 4; ++i) m.a[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = value(a[i]);
    for (int i = 0; i < 2; ++i) m.b[lane % 4 + 4 * i][lane / 4] = value(b[i]);
  }
  return m;
}

template <int K>
void multiply(const Operands<K>& m, void* const* lanes) {
  std::array<std::array<float, kColumns>, kRows> sum;
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      sum[row_of_d(lane, i)][column_of_d(lane, i)] = static_cast<const MmaLane*>(lanes[lane])->d[i];
  for (int r = 0; r < kRows; ++r)
    for (int k = 0; k < K; ++k)
      for (int c = 0; c < kColumns; ++c) sum[r][c] += m.a[r][k] * m.b[k][c];
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) static_cast<MmaLane*>(lanes[lane])->d[i] = sum[row_of_d(lane, i)][column_of_d(lane, i)];
}

void multiply_f16(void* const* lanes) { multiply(half_operands<float16>(lanes), lanes); }
void multiply_bf16(void* const* lanes) { multiply(half_operands<bfloat16>(lanes), lanes); }
void multiply_tf32(void* const* lanes) { multiply(tf32_operands(lanes), lanes); }

struct MatrixLane {
  std::uint32_t* r;
  int count;
  const unsigned char* row;
};

void give_rows(void* const* lanes) {
  for (int lane = 0; lane < 32; ++lane) {
    MatrixLane& own = *static_cast<MatrixLane*>(lanes[lane]);
    for (int j = 0; j < own.count; ++j)
      std::memcpy(&own.r[j], static_cast<MatrixLane*>(lanes[8 * j + lane / 4])->row + lane % 4 * 4, 4);
  }
}

void give_columns(void* const* lanes) {
  for (int lane = 0; lane < 32; ++lane) {
    MatrixLane& own = *static_cast<MatrixLane*>(lanes[lane]);
    for (int j = 0; j < own.count; ++j)
      for (int h = 0; h < 2; ++h) {
        const unsigned char* row = static_cast<MatrixLane*>(lanes[8 * j + lane % 4 * 2 + h])->row;
        std::memcpy(reinterpret_cast<unsigned char*>(&own.r[j]) + 2 * h, row + lane / 4 * 2, 2);
      }
  }
}

}  // namespace

void mma(MmaType type, float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const Site& site) {
  Block& block = Block::current();
  MmaLane lane{d, a, b};
  block.together(type == MmaType::f16    ? multiply_f16
                 : type == MmaType::bf16 ? multiply_bf16
                                         : multiply_tf32,
                 &lane, site);
  if (block.thread() % kWarpSize == 0) ++(type == MmaType::tf32 ? block.counters.mma_tf32 : block.counters.mma);
}

void exchange_matrices(std::uint32_t* r, int count, bool transposed, const unsigned char* row, const Site& site) {
  Block& block = Block::current();
  MatrixLane lane{r, count, row};
  block.together(transposed ? give_columns : give_rows, &lane, site);
  if (block.thread() % kWarpSize == 0) block.counters.matrices_loaded += static_cast<std::uint64_t>(count);
}

}  // namespace basin::simt
