#include "landscape/amx/weights.h"

#include "landscape/amx/tiles.h"
#include "landscape/amx/values.h"

namespace basin::amx {
namespace {

// rows (16 filters, 16 pairs) -> tile (16 pairs, 16 filters), in elements of 32 bits.
void transpose(const __m512i* rows, std::byte* tile) {
  const __m512i filter =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi32(16));
  for (int pair = 0; pair < 16; ++pair)
    _mm512_store_si512(tile + pair * kRowBytes,
                       _mm512_i32gather_epi32(filter, reinterpret_cast<const int*>(rows) + pair, 4));
}

// The nearest value that the parts can hold.
__m512 round_to(Parts parts, __m512 value) {
  const auto nearest = [](__m512 x) { return from_bf16(to_bf16({x, x})).first; };
  const __m512 high = nearest(value);
  return parts == Parts::one ? high : _mm512_add_ps(high, nearest(_mm512_sub_ps(value, high)));
}

}  // namespace

void pack_tile(const float* weights, std::int64_t filters, std::int64_t stride, DepthSlice slice, Parts parts,
               std::byte* tile, std::ptrdiff_t low) {
  __m512i values[16], rests[16];
  for (std::int64_t k = 0; k < 16; ++k) {
    Values v = zeros();
    if (k < filters) {
      const float* w = weights + k * stride + slice.offset;
      v = {_mm512_maskz_loadu_ps(first(slice.count), w), _mm512_maskz_loadu_ps(first(slice.count - 16), w + 16)};
    }
    values[k] = to_bf16(v);
    rests[k] = to_bf16(v - from_bf16(values[k]));
  }
  transpose(values, tile);
  if (parts == Parts::two) transpose(rests, tile + low);
}

void diffuse_rounding(float* weights, std::int64_t filters, std::int64_t taps, std::int64_t channels, Parts parts) {
  for (std::int64_t k = 0; k < filters; ++k, weights += taps * channels) {
    __m512 carried = _mm512_setzero_ps();
    for (std::int64_t c = 0; c < channels; c += 16)
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        float* w = weights + tap * channels + c;
        const __mmask16 lanes = first(channels - c);
        const __m512 wanted = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, w), carried);
        const __m512 held = round_to(parts, wanted);
        carried = _mm512_sub_ps(wanted, held);
        _mm512_mask_storeu_ps(w, lanes, held);
      }
  }
}

}  // namespace basin::amx
