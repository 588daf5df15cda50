// Arrays of random numbers, each a function of (seed, stream, index) alone (core/random.h): f32, f16, bf16.
#pragma once
#include "core/backend.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y[i] = Random(seed, stream_number).normal(i), rounded to y's type by way of float. The logarithm, sine and cosine in
// double precision are the device's: a GPU's may differ from the host's in the last bit, which rarely changes y.
void normal(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const View& y);
// y[i] = Random(seed, stream_number).uniform(i), rounded alike; the same on every device.
void uniform(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const View& y);

}  // namespace basin::cuda
