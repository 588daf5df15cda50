// basin_bench [--threads=N] [Google Benchmark's flags]: times Basin's kernels, training steps and surfaces.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "core/parallel.h"
#include "tools/bench/bench.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  constexpr std::string_view kThreads = "--threads=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kThreads) || std::atoi(argv[i] + kThreads.size()) < 1) {
      std::cerr << "error: unknown flag " << argument << " (--threads=N, --benchmark_filter=REGEX, ...)\n";
      return 2;
    }
    basin::set_thread_count(std::atoi(argv[i] + kThreads.size()));
  }
  benchmark::AddCustomContext("basin_threads", std::to_string(basin::thread_count()));
  basin::register_operation_benchmarks();
  basin::register_training_benchmarks();
  basin::register_surface_benchmarks();
  basin::register_tile_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
