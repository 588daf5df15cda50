#include "landscape/amx/contraction.h"

#include "landscape/amx/tiles.h"
#include "landscape/amx/values.h"

namespace basin::amx {
namespace {

// Tiles 0 to 3 hold sums in every kernel, 4 to 7 what is multiplied. A product takes 16 cycles and its sum is ready
// after 52, so that four sums in turn keep the multiplier busy.
struct alignas(64) Sums {
  float tile[4][kTileRows * kTileColumns];

  [[gnu::always_inline]] void store_all() {
    store<0>(tile[0]);
    store<1>(tile[1]);
    store<2>(tile[2]);
    store<3>(tile[3]);
  }
};

[[gnu::always_inline]] inline __m512 row_of(const float* tile, int m) {
  return _mm512_load_ps(tile + m * kTileColumns);
}

template <Parts kParts>
constexpr std::int64_t kPartCount = kParts == Parts::two ? 2 : 1;

// Positions x0, x1 times the 32 channels of w: tile 2 i + j holds position tile i, channel tile j.
template <Parts kParts>
[[gnu::always_inline]] inline void step_32(const std::byte* x0, const std::byte* x1, std::ptrdiff_t row,
                                           std::ptrdiff_t low, const std::byte* w) {
  load<6>(w, kRowBytes);
  if constexpr (kParts == Parts::two) {
    load<4>(x0 + low, row);
    multiply_add<0, 4, 6>();
    load<7>(w + kTileBytes, kRowBytes);
    multiply_add<1, 4, 7>();
    load<5>(x1 + low, row);
    multiply_add<2, 5, 6>();
    multiply_add<3, 5, 7>();
  } else {
    load<7>(w + kTileBytes, kRowBytes);
  }
  load<4>(x0, row);
  multiply_add<0, 4, 6>();
  multiply_add<1, 4, 7>();
  load<5>(x1, row);
  multiply_add<2, 5, 6>();
  multiply_add<3, 5, 7>();
  if constexpr (kParts == Parts::two) {
    load<6>(w + 2 * kTileBytes, kRowBytes);
    multiply_add<0, 4, 6>();
    multiply_add<2, 5, 6>();
    load<7>(w + 3 * kTileBytes, kRowBytes);
    multiply_add<1, 4, 7>();
    multiply_add<3, 5, 7>();
  }
}

// One input row tile into the three output rows that read it: output row `kRow` by kernel row 2 - ..., see below.
template <int kRow>
[[gnu::always_inline]] inline void add_row() {
  if constexpr (kRow < 4) multiply_add<kRow, 4, 5>();                   // kernel row 0
  if constexpr (kRow >= 1 && kRow < 5) multiply_add<kRow - 1, 4, 6>();  // kernel row 1
  if constexpr (kRow >= 2) multiply_add<kRow - 2, 4, 7>();              // kernel row 2
}

// The six input rows that the four output rows read, against one column of kernel rows.
template <int kRow = 0>
[[gnu::always_inline]] inline void add_rows(const std::byte* x, std::ptrdiff_t line, std::ptrdiff_t row) {
  load<4>(x + kRow * line, row);
  add_row<kRow>();
  if constexpr (kRow < 5) add_rows<kRow + 1>(x, line, row);
}

[[gnu::always_inline]] inline void load_kernel_rows(const std::byte* w) {
  load<5>(w, kRowBytes);
  load<6>(w + kTileBytes, kRowBytes);
  load<7>(w + 2 * kTileBytes, kRowBytes);
}

template <Parts kParts>
[[gnu::always_inline]] inline void step_16_rows(const std::byte* x, const Input& input, const std::byte* w) {
  load_kernel_rows(w);
  if constexpr (kParts == Parts::two) add_rows(x + input.low, input.line, input.row);
  add_rows(x, input.line, input.row);
  if constexpr (kParts == Parts::two) {
    load_kernel_rows(w + 3 * kTileBytes);
    add_rows(x, input.line, input.row);
  }
}

// The epilogue of 16 positions of 32 channels, their sums in two tiles.
template <Parts kParts, bool kResidual>
[[gnu::always_inline]] inline void finish_32(const float* first, const float* second, bool relu, std::byte* y,
                                             const Output& output, const std::byte* r, const Output& residual) {
#pragma GCC unroll 4
  for (int m = 0; m < kTileRows; ++m) {
    Values v{row_of(first, m), row_of(second, m)};
    if constexpr (kResidual) v = v + read<kParts>(r + residual.rows[m], residual.low);
    if (relu) v = larger(v, zeros());
    write<kParts>(v, y + output.rows[m], output.low);
  }
}

// The same of 16 channels: two positions side by side fill a vector.
template <Parts kParts, bool kResidual>
[[gnu::always_inline]] inline void finish_16(const float* sums, bool relu, std::byte* y, const Output& output,
                                             const std::byte* r, const Output& residual) {
#pragma GCC unroll 4
  for (int m = 0; m < kTileRows; m += 2) {
    Values v{row_of(sums, m), row_of(sums, m + 1)};
    if constexpr (kResidual) v = v + read<kParts>(r + residual.rows[m], residual.low);
    if (relu) v = larger(v, zeros());
    write<kParts>(v, y + output.rows[m], output.low);
  }
}

std::byte* at(const Output& output, std::int64_t group, std::int64_t tile) {
  return output.base + group * output.group + output.tiles[tile];
}

const std::byte* at(const Input& input, std::int64_t group, std::int64_t tile) {
  return input.base + group * input.group + input.tiles[tile];
}

template <Parts kInput, Parts kOutput, bool kResidual>
void contract_32_as(const Contraction& c) {
  Sums sums;
  constexpr std::int64_t kStep = 2 * kPartCount<kInput> * kTileBytes;
  std::int64_t steps = 0;
  for (const Input& input : c.inputs) steps += static_cast<std::int64_t>(input.steps.size());
  const Output& residual = kResidual ? *c.residual : c.output;
  for (std::int64_t n = 0; n < c.channels / 32; ++n) {
    const float* shift = c.shift + 32 * n;
    for (std::int64_t g = 0; g < c.groups; ++g)
      for (std::int64_t t = 0; t < c.tiles; t += 2) {
        load<0>(shift, 0);
        load<1>(shift + 16, 0);
        load<2>(shift, 0);
        load<3>(shift + 16, 0);
        const std::byte* w = c.weights + n * steps * kStep;
        for (const Input& input : c.inputs) {
          const std::byte* x0 = at(input, g, t);
          const std::byte* x1 = at(input, g, t + 1);
          for (const std::int32_t step : input.steps) {
            step_32<kInput>(x0 + step, x1 + step, input.row, input.low, w);
            w += kStep;
          }
        }
        sums.store_all();
        for (int i = 0; i < 2; ++i)
          finish_32<kOutput, kResidual>(sums.tile[2 * i], sums.tile[2 * i + 1], c.relu, at(c.output, g, t + i) + 64 * n,
                                        c.output, at(residual, g, t + i) + 64 * n, residual);
      }
  }
}

template <Parts kOutput>
void contract_16_as(const Contraction& c) {
  Sums sums;
  const Input& input = c.inputs.front();
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t t = 0; t < c.tiles; t += 4) {
      load<0>(c.shift, 0);
      load<1>(c.shift, 0);
      load<2>(c.shift, 0);
      load<3>(c.shift, 0);
      const std::byte* w = c.weights;
      for (const std::int32_t step : input.steps) {
        load<7>(w, kRowBytes);
        load<4>(at(input, g, t) + step, input.row);
        multiply_add<0, 4, 7>();
        load<5>(at(input, g, t + 1) + step, input.row);
        multiply_add<1, 5, 7>();
        load<6>(at(input, g, t + 2) + step, input.row);
        multiply_add<2, 6, 7>();
        load<4>(at(input, g, t + 3) + step, input.row);
        multiply_add<3, 4, 7>();
        w += kTileBytes;
      }
      sums.store_all();
      for (int i = 0; i < 4; ++i)
        finish_16<kOutput, false>(sums.tile[i], c.relu, at(c.output, g, t + i), c.output, nullptr, c.output);
    }
}

template <Parts kParts, bool kResidual>
void contract_16_rows_as(const Contraction& c) {
  Sums sums;
  const Input& input = c.inputs.front();
  const Output& residual = kResidual ? *c.residual : c.output;
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t t = 0; t < c.tiles; t += 4) {
      load<0>(c.shift, 0);
      load<1>(c.shift, 0);
      load<2>(c.shift, 0);
      load<3>(c.shift, 0);
      const std::byte* w = c.weights;
      for (const std::int32_t step : input.steps) {
        step_16_rows<kParts>(at(input, g, t) + step, input, w);
        w += 3 * kPartCount<kParts> * kTileBytes;
      }
      sums.store_all();
      for (int i = 0; i < 4; ++i)
        finish_16<kParts, kResidual>(sums.tile[i], c.relu, at(c.output, g, t + i), c.output, at(residual, g, t + i),
                                     residual);
    }
}

}  // namespace

void contract_32(const Contraction& c, Parts input, Parts output) {
  using enum Parts;
  const bool residual = c.residual != nullptr;
  if (input == two)
    residual ? contract_32_as<two, two, true>(c) : contract_32_as<two, two, false>(c);
  else if (output == two)
    residual ? contract_32_as<one, two, true>(c) : contract_32_as<one, two, false>(c);
  else
    residual ? contract_32_as<one, one, true>(c) : contract_32_as<one, one, false>(c);
}

void contract_16(const Contraction& c, Parts output) {
  output == Parts::two ? contract_16_as<Parts::two>(c) : contract_16_as<Parts::one>(c);
}

void contract_16_rows(const Contraction& c, Parts parts) {
  using enum Parts;
  if (parts == two)
    c.residual != nullptr ? contract_16_rows_as<two, true>(c) : contract_16_rows_as<two, false>(c);
  else
    c.residual != nullptr ? contract_16_rows_as<one, true>(c) : contract_16_rows_as<one, false>(c);
}

}  // namespace basin::amx
