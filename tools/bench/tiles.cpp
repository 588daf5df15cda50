// The AMX engine's convolutions alone, against the products that the processor's tiles can do.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "core/backend.h"
#include "core/random.h"
#include "landscape/amx/contraction_step.h"
#include "landscape/amx/convert.h"
#include "landscape/amx/tiles.h"
#include "landscape/engine_amx.h"
#include "tools/bench/bench.h"

namespace basin {
namespace {

using namespace amx;

constexpr std::int64_t kImages = 8;
constexpr double kProduct = 2.0 * kTileRows * kTileColumns * kTileDepth;  // flops

struct TileMemory {
  explicit TileMemory(std::int64_t bytes) : lines(static_cast<std::size_t>(bytes / 64 + 1)) {}
  std::byte* data() { return lines.front().bytes; }
  std::vector<CacheLine> lines;
};

// Random bf16 values, as a network's: the multiplier needs more power for them than for zeros, and slows down.
void fill(TileMemory& memory, std::uint64_t stream) {
  auto* values = reinterpret_cast<std::uint16_t*>(memory.data());
  const Random random(1, stream);
  for (std::size_t i = 0; i < memory.lines.size() * 32; ++i)
    values[i] = static_cast<std::uint16_t>(0x3C00 + random.below(0x400, i) + (random.below(2, i + (1ULL << 32)) << 15));
}

// Products a second of registers that hold random values, the best of several tries.
double peak() {
  static const double best = [] {
    TileMemory operands(4 * kTileBytes);
    fill(operands, 1);
    configure_tiles();
    amx::load<4>(operands.data(), kRowBytes);
    amx::load<5>(operands.data() + kTileBytes, kRowBytes);
    amx::load<6>(operands.data() + 2 * kTileBytes, kRowBytes);
    amx::load<7>(operands.data() + 3 * kTileBytes, kRowBytes);
    clear<0>();
    clear<1>();
    clear<2>();
    clear<3>();
    double rate = 0;
    for (int turn = 0; turn < 20; ++turn) {
      constexpr int kRounds = 50'000;
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < kRounds; ++i) {
        multiply_add<0, 4, 6>();
        multiply_add<1, 4, 7>();
        multiply_add<2, 5, 6>();
        multiply_add<3, 5, 7>();
      }
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      rate = std::max(rate, 4 * kRounds / seconds.count());
    }
    release_tiles();
    return rate;
  }();
  return best;
}

struct StageCase {
  const char* name;
  std::int64_t channels, extent, filters, stride;
  bool residual;
};

// As placement.cpp lays out the input of a convolution of `readers` outputs a line.
Layout layout(std::int64_t channels, std::int64_t extent, std::int64_t readers, std::int64_t parts) {
  Layout layout{.height = extent, .width = extent, .channels = channels, .parts = parts};
  layout.images = std::max<std::int64_t>(1, 16 / readers);
  layout.split = readers < extent && layout.images > 1;
  return layout;
}

// One stage of a ResNet over kImages images, 3 x 3.
void convolution(benchmark::State& state, const StageCase& c, std::int64_t parts) {
  const std::int64_t extent = c.extent / c.stride;
  const Layout x_layout = layout(c.channels, c.extent, extent, parts);
  const Layout y_layout = layout(c.filters, extent, extent, parts);
  TileMemory x(x_layout.bytes(kImages)), y(y_layout.bytes(kImages));
  fill(x, 2);
  State weights;
  weights.add({.name = "weight", .value = normal({c.filters, 3, 3, c.channels}, 1, 3, DType::f32, cpu_backend())});
  const Plane plane{.center = &weights};
  Stage stage{.inputs = {0},
              .output = 1,
              .residual = c.residual ? 1 : -1,
              .relu = true,
              .conv = {.stride = c.stride, .padding = 1},
              .weight = 0};
  const Activation output{&y_layout, y.data()};
  ContractionStep step(plane, {.stage = &stage, .x = {&x_layout, x.data()}}, {}, c.residual ? output : Activation{},
                       output);
  step.set_point({});
  configure_tiles();
  for (auto _ : state) step.run(nullptr, kImages);
  release_tiles();
  const double steps = static_cast<double>(9 * c.channels + (c.channels == 16 ? 48 : 0)) / kTileDepth;
  const double products = static_cast<double>(kImages * extent * extent * c.filters) / (kTileRows * kTileColumns) *
                          steps * (parts == 2 ? 3 : 1);
  const double flops = 2.0 * static_cast<double>(kImages * extent * extent * c.filters * 9 * c.channels);
  using benchmark::Counter;
  state.counters["useful TFLOP/s"] = Counter(1e-12 * flops, Counter::kIsIterationInvariantRate);
  state.counters["tiles TFLOP/s"] = Counter(1e-12 * products * kProduct, Counter::kIsIterationInvariantRate);
  state.counters["share of peak"] = Counter(products / peak(), Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_tile_benchmarks() {
  if (!amx_obstacle().empty()) return;
  static constexpr StageCase kCases[] = {
      {"16_at_32", 16, 32, 16, 1, false},         {"16_at_32_residual", 16, 32, 16, 1, true},
      {"16_at_32_to_32", 16, 32, 32, 2, false},   {"32_at_16", 32, 16, 32, 1, false},
      {"32_at_16_residual", 32, 16, 32, 1, true}, {"32_at_16_to_64", 32, 16, 64, 2, false},
      {"64_at_8", 64, 8, 64, 1, false},           {"64_at_8_residual", 64, 8, 64, 1, true},
      {"64_at_32", 64, 32, 64, 1, false},         {"128_at_16", 128, 16, 128, 1, false},
      {"256_at_8", 256, 8, 256, 1, false}};
  for (const StageCase& c : kCases)
    for (const std::int64_t parts : {2, 1})
      benchmark::RegisterBenchmark(("tiles/" + std::string(c.name) + (parts == 2 ? "/exact" : "/fast")).c_str(),
                                   [&c, parts](benchmark::State& state) { convolution(state, c, parts); })
          ->Unit(benchmark::kMicrosecond);
}

}  // namespace basin
