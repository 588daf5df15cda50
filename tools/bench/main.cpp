// basin_bench [--device=cpu|cuda|cuda:N] [--threads=N] [--batch=N,N,...] [--images=N] [Google Benchmark's flags]: times
// Basin's kernels, training steps, surfaces and Hessians.
#include <benchmark/benchmark.h>

#include <charconv>
#include <iostream>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/parallel.h"
#include "tools/bench/bench.h"
#include "tools/devices/devices.h"

namespace basin {
namespace {

struct Flags {
  std::string device = "cpu";
  std::vector<std::int64_t> batches;  // empty: 128, on GPUs 1024 too
  std::int64_t images = 0;            // of surfaces; 0: 512, on GPUs 10,000
};

std::int64_t positive(std::string_view flag, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && value > 0, flag,
        ": expected a number from 1, found '", text, "'");
  return value;
}

// What follows `flag` and '='.
std::optional<std::string_view> value_of(std::string_view argument, std::string_view flag) {
  if (!argument.starts_with(flag) || argument.substr(flag.size(), 1) != "=") return std::nullopt;
  return argument.substr(flag.size() + 1);
}

Flags parse(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (const auto device = value_of(argument, "--device")) {
      flags.device = *device;
    } else if (const auto threads = value_of(argument, "--threads")) {
      set_thread_count(static_cast<int>(positive("--threads", *threads)));
    } else if (const auto images = value_of(argument, "--images")) {
      flags.images = positive("--images", *images);
    } else if (auto sizes = value_of(argument, "--batch")) {
      while (!sizes->empty()) {
        const std::string_view size = sizes->substr(0, sizes->find(','));
        flags.batches.push_back(positive("--batch", size));
        sizes->remove_prefix(std::min(size.size() + 1, sizes->size()));
      }
    } else {
      fail("unknown flag ", argument,
           " (--device=cpu|cuda|cuda:N, --threads=N, --batch=N,N, --images=N, --benchmark_filter=REGEX, "
           "...)");
    }
  }
  return flags;
}

void run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const Flags flags = parse(argc, argv);
  std::string reason;
  BenchOptions options{.backend = select_backend(flags.device, &reason), .batches = flags.batches};
  if (options.batches.empty())
    options.batches = options.on_cpu() ? std::vector<std::int64_t>{128} : std::vector<std::int64_t>{128, 1024};
  options.images = flags.images > 0 ? flags.images : options.on_cpu() ? 512 : 10'000;
  benchmark::AddCustomContext("basin_device", options.backend.name() + " (" + reason + ")");
  benchmark::AddCustomContext("basin_threads", std::to_string(thread_count()));
  register_convolution_benchmarks(options);
  register_operation_benchmarks(options);
  register_training_benchmarks(options);
  register_surface_benchmarks(options);
  register_hessian_benchmarks(options);
  if (options.on_cpu()) register_tile_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

}  // namespace
}  // namespace basin

int main(int argc, char** argv) {
  try {
    basin::run(argc, argv);
    return 0;
  } catch (const basin::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
