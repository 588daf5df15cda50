#include "landscape/amx/contraction.h"

#include "landscape/amx/tiles.h"
#include "landscape/amx/values.h"

namespace basin::amx {
namespace {

// Tiles 0 to 3 hold sums in every kernel, 4 to 7 what is multiplied. A product takes 16 cycles and its sum is ready
// after 52, so that four sums in turn keep the multiplier busy.
struct alignas(64) Sums {
  float tile[4][kTileRows * kTileColumns];
};

[[gnu::always_inline]] inline void clear_sums() {
  clear<0>();
  clear<1>();
  clear<2>();
  clear<3>();
}

template <Parts kParts>
constexpr std::int64_t kPartCount = kParts == Parts::two ? 2 : 1;

// Positions x0, x1 times the 32 channels of w: tile 2 i + j holds position tile i, channel tile j. `between` is called
// wherever vector instructions may run beside the products.
template <Parts kParts, class Between>
[[gnu::always_inline]] inline void step_32(const std::byte* x0, const std::byte* x1, std::ptrdiff_t row,
                                           std::ptrdiff_t low, const std::byte* w, const Between& between) {
  load<6>(w, kRowBytes);
  if constexpr (kParts == Parts::two) {
    load<4>(x0 + low, row);
    multiply_add<0, 4, 6>();
    load<7>(w + kTileBytes, kRowBytes);
    multiply_add<1, 4, 7>();
    load<5>(x1 + low, row);
    multiply_add<2, 5, 6>();
    multiply_add<3, 5, 7>();
    between();
  }
  load<4>(x0, row);
  multiply_add<0, 4, 6>();
  if constexpr (kParts == Parts::one) load<7>(w + kTileBytes, kRowBytes);
  multiply_add<1, 4, 7>();
  load<5>(x1, row);
  multiply_add<2, 5, 6>();
  multiply_add<3, 5, 7>();
  between();
  if constexpr (kParts == Parts::two) {
    load<6>(w + 2 * kTileBytes, kRowBytes);
    multiply_add<0, 4, 6>();
    multiply_add<2, 5, 6>();
    load<7>(w + 3 * kTileBytes, kRowBytes);
    multiply_add<1, 4, 7>();
    multiply_add<3, 5, 7>();
    between();
  }
}

// Input row kRow of the six that four output rows read, times the kernel rows that lead from it to them.
template <int kRow>
[[gnu::always_inline]] inline void add_row() {
  if constexpr (kRow < 4) multiply_add<kRow, 4, 5>();
  if constexpr (kRow >= 1 && kRow < 5) multiply_add<kRow - 1, 4, 6>();
  if constexpr (kRow >= 2) multiply_add<kRow - 2, 4, 7>();
}

template <int kRow = 0, class Between>
[[gnu::always_inline]] inline void add_rows(const std::byte* x, std::ptrdiff_t line, std::ptrdiff_t row,
                                            const Between& between) {
  load<4>(x + kRow * line, row);
  add_row<kRow>();
  between();
  if constexpr (kRow < 5) add_rows<kRow + 1>(x, line, row, between);
}

[[gnu::always_inline]] inline void load_kernel_rows(const std::byte* w) {
  load<5>(w, kRowBytes);
  load<6>(w + kTileBytes, kRowBytes);
  load<7>(w + 2 * kTileBytes, kRowBytes);
}

template <Parts kParts, class Between>
[[gnu::always_inline]] inline void step_16_rows(const std::byte* x, const Input& input, const std::byte* w,
                                                const Between& between) {
  load_kernel_rows(w);
  if constexpr (kParts == Parts::two) add_rows(x + input.low, input.line, input.row, between);
  add_rows(x, input.line, input.row, between);
  if constexpr (kParts == Parts::two) {
    load_kernel_rows(w + 3 * kTileBytes);
    add_rows(x, input.line, input.row, between);
  }
}

std::byte* at(const Output& output, std::int64_t group, std::int64_t tile) {
  return output.base + group * output.group + output.tiles[tile];
}

const std::byte* at(const Input& input, std::int64_t group, std::int64_t tile) {
  return input.base + group * input.group + input.tiles[tile];
}

// What is left to do once sums are complete: shift, residual, relu, rounding. A tile store takes long until its values
// can be loaded. With two parts there is so much to do that the processor does not look far enough ahead to fill that
// time: the epilogue of some tiles then runs in small pieces between the products of the next ones. With one part it is
// faster at once (measured on resnet20: 1.06 and 0.85 times the images a second in pieces).
template <Parts kParts, bool kResidual, int kPositionTiles>
class Epilogue {
 public:
  // Positions that fill a vector: with 16 channels (kPositionTiles = 4) two side by side.
  static constexpr int kAtOnce = kPositionTiles == 4 ? 2 : 1;
  static constexpr int kPieces = kPositionTiles * kTileRows / kAtOnce;

  [[gnu::always_inline]] inline Epilogue(const Contraction& c, Sums& sums)
      : sums_(sums.tile[0]),
        output_(c.output),
        residual_(kResidual ? *c.residual : c.output),
        all_shifts_(c.shift),
        relu_(c.relu) {}

  // Takes over tiles 0 to 3 as the sums of position tiles t, t + 1, ... of channels 32 n on.
  [[gnu::always_inline]] inline void begin(std::int64_t g, std::int64_t t, std::int64_t n) {
    store<0>(sums_);
    store<1>(sums_ + 256);
    store<2>(sums_ + 512);
    store<3>(sums_ + 768);
    for (int i = 0; i < kPositionTiles; ++i) {
      y_[i] = at(output_, g, t + i) + 64 * n;
      r_[i] = at(residual_, g, t + i) + 64 * n;
    }
    const float* shift = all_shifts_ + 32 * n;
    shift_ = {_mm512_loadu_ps(shift), _mm512_loadu_ps(kPositionTiles == 4 ? shift : shift + kTileColumns)};
    next_ = 0;
    if constexpr (kParts == Parts::one) {
#pragma GCC unroll 32
      for (int piece = 0; piece < kPieces; ++piece) finish(piece);
    }
  }

  // Does some of what begin() left, if anything.
  [[gnu::always_inline]] inline void advance(int pieces) {
    if constexpr (kParts == Parts::two)
      for (int end = next_ + pieces < kPieces ? next_ + pieces : kPieces; next_ < end; ++next_) finish(next_);
  }

 private:
  [[gnu::always_inline]] inline void finish(int piece) {
    constexpr int kPerTile = kTileRows / kAtOnce;
    const int tile = piece / kPerTile, m = piece % kPerTile * kAtOnce;
    const float* row = sums_ + tile * (1024 / kPositionTiles) + m * kTileColumns;
    Values v{_mm512_load_ps(row), _mm512_load_ps(row + (kPositionTiles == 4 ? kTileColumns : 256))};
    v = v + shift_;
    if constexpr (kResidual) v = v + read<kParts>(r_[tile] + residual_.rows[m], residual_.low);
    write<kParts>(v, y_[tile] + output_.rows[m], output_.low, relu_);
  }

  float* sums_;
  const Output output_, residual_;  // copies: they stay in registers
  const float* all_shifts_;
  const bool relu_;
  Values shift_;  // of the channels at hand
  std::byte* y_[kPositionTiles];
  const std::byte* r_[kPositionTiles];
  int next_ = kPieces;
};

constexpr int pieces_each(int pieces, std::int64_t calls) { return static_cast<int>((pieces + calls - 1) / calls); }

template <Parts kInput, Parts kOutput, bool kResidual>
void contract_32_as(const Contraction& c) {
  using Finish = Epilogue<kOutput, kResidual, 2>;
  Sums sums;
  Finish epilogue(c, sums);
  constexpr std::int64_t kStep = 2 * kPartCount<kInput> * kTileBytes;
  std::int64_t steps = 0;
  for (const Input& input : c.inputs) steps += static_cast<std::int64_t>(input.steps.size());
  const int pieces = pieces_each(Finish::kPieces, steps * (kInput == Parts::two ? 3 : 1));
  const auto between = [&]() __attribute__((always_inline)) { epilogue.advance(pieces); };
  for (std::int64_t n = 0; n < c.channels / 32; ++n) {
    for (std::int64_t g = 0; g < c.groups; ++g)
      for (std::int64_t t = 0; t < c.tiles; t += 2) {
        clear_sums();
        const std::byte* w = c.weights + n * steps * kStep;
        for (const Input& input : c.inputs) {
          const std::byte* x0 = at(input, g, t);
          const std::byte* x1 = at(input, g, t + 1);
          for (const std::int32_t step : input.steps) {
            step_32<kInput>(x0 + step, x1 + step, input.row, input.low, w, between);
            w += kStep;
          }
        }
        epilogue.begin(g, t, n);
      }
  }
  epilogue.advance(Finish::kPieces);
}

template <Parts kOutput>
void contract_16_as(const Contraction& c) {
  using Finish = Epilogue<kOutput, false, 4>;
  Sums sums;
  Finish epilogue(c, sums);
  const Input& input = c.inputs.front();
  const int pieces = pieces_each(Finish::kPieces, static_cast<std::int64_t>(input.steps.size()));
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t t = 0; t < c.tiles; t += 4) {
      clear_sums();
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
        epilogue.advance(pieces);
        w += kTileBytes;
      }
      epilogue.begin(g, t, 0);
    }
  epilogue.advance(Finish::kPieces);
}

template <Parts kParts, bool kResidual>
void contract_16_rows_as(const Contraction& c) {
  using Finish = Epilogue<kParts, kResidual, 4>;
  Sums sums;
  Finish epilogue(c, sums);
  constexpr int kCalls = 2 * 6 * (kParts == Parts::two ? 3 : 1);
  const auto between = [&]() __attribute__((always_inline)) { epilogue.advance(pieces_each(Finish::kPieces, kCalls)); };
  const Input& input = c.inputs.front();
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t t = 0; t < c.tiles; t += 4) {
      clear_sums();
      const std::byte* w = c.weights;
      for (const std::int32_t step : input.steps) {
        step_16_rows<kParts>(at(input, g, t) + step, input, w, between);
        w += 3 * kPartCount<kParts> * kTileBytes;
      }
      epilogue.begin(g, t, 0);
    }
  epilogue.advance(Finish::kPieces);
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
