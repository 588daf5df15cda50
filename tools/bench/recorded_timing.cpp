#include "tools/bench/recorded_timing.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

namespace basin {
namespace {

using Calls = std::vector<std::function<Tensors()>>;

double seconds_of(Backend& backend, RecordedWork& work, std::int64_t runs) {
  backend.synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < runs; ++i) work.run();
  backend.synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Each call once. The results of one run are all alive together, so that no two calls write to the same memory.
std::unique_ptr<RecordedWork> record_calls(Backend& backend, const Calls& calls) {
  return backend.record([&calls] {
    const Recording off(false);
    std::vector<Tensors> results;
    for (const auto& call : calls) results.push_back(call());
  });
}

// Runs between two waits: a few milliseconds of work.
std::int64_t runs_between_waits(Backend& backend, RecordedWork& work) {
  constexpr double kSeconds = 0.005;
  work.run();  // what is made at the first use
  const double once = seconds_of(backend, work, 1);
  return std::clamp(static_cast<std::int64_t>(std::ceil(kSeconds / std::max(once, 1e-6))), std::int64_t{1},
                    std::int64_t{1000});
}

// What the device reaches on the best of terms, once measured.
double measured_rate(Backend& backend, const std::function<void()>& work, double amount) {
  const auto recorded = backend.record(work);
  const std::int64_t runs = runs_between_waits(backend, *recorded);
  double best = 0;
  for (int i = 0; i < 5; ++i)
    best = std::max(best, amount * static_cast<double>(runs) / seconds_of(backend, *recorded, runs));
  return best;
}

double peak_flops(DType type, const BenchOptions& options) {
  static std::map<DType, double> known;
  if (const auto found = known.find(type); found != known.end()) return found->second;
  const std::int64_t n = options.on_cpu() ? 1024 : 8192;
  const Tensor a = bench_values({n, n}, 1, type, options.backend), b = bench_values({n, n}, 2, type, options.backend);
  const Tensor y = Tensor::empty({n, n}, type, options.backend);
  return known[type] = measured_rate(
             options.backend, [&] { options.backend.matmul(a.view(), false, b.view(), true, y.mutable_view()); },
             2 * std::pow(static_cast<double>(n), 3));
}

double peak_bandwidth(const BenchOptions& options) {
  static double known = 0;
  if (known > 0) return known;
  const std::int64_t bytes = std::int64_t{1} << (options.on_cpu() ? 26 : 30);
  const Tensor from = Tensor::zeros({bytes}, DType::u8, options.backend), to = from.clone();
  return known = measured_rate(
             options.backend,
             [&] { options.backend.copy(to.mutable_view().data, from.view().data, static_cast<std::size_t>(bytes)); },
             2 * static_cast<double>(bytes));
}

// Sets of operands: enough to leave the caches of a GPU (50 MB on an H200), not so many that nothing is left to others.
std::size_t operand_sets(double bytes, const BenchOptions& options) {
  if (options.on_cpu()) return 1;
  constexpr double kBeyondCaches = 256 << 20;
  return static_cast<std::size_t>(std::clamp(std::ceil(kBeyondCaches / bytes), 1.0, 64.0));
}

void time_operation(benchmark::State& state, const TimedOperation& operation, DType type, const BenchOptions& options) {
  Calls calls;
  for (std::size_t i = operand_sets(operation.bytes, options); i > 0; --i)
    calls.push_back(operation.prepare(type, options.backend));
  const auto work = record_calls(options.backend, calls);
  const std::int64_t runs = runs_between_waits(options.backend, *work);
  double seconds = 0;
  while (state.KeepRunningBatch(runs * static_cast<std::int64_t>(calls.size())))
    seconds += seconds_of(options.backend, *work, runs);
  const double calls_per_second = static_cast<double>(state.iterations()) / seconds;
  if (operation.flops > 0) {
    state.counters["FLOP/s"] = operation.flops * calls_per_second;
    state.counters["of matmul"] = operation.flops * calls_per_second / peak_flops(type, options);
  }
  state.counters["B/s"] = operation.bytes * calls_per_second;
  state.counters["of copy"] = operation.bytes * calls_per_second / peak_bandwidth(options);
}

}  // namespace

std::vector<DType> timed_types(const BenchOptions& options) {
  if (options.on_cpu()) return {DType::f32};
  return {DType::f32, DType::f16, DType::bf16};
}

void register_timed_operation(const TimedOperation& operation, DType type, const BenchOptions& options) {
  std::string name = "operation/" + operation.name;
  if (!options.on_cpu()) name += "/" + std::string(name_of(type));
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) { time_operation(state, operation, type, options); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

Tensor bench_values(const Shape& shape, std::uint64_t stream, DType type, Backend& backend) {
  return normal(shape, 1, stream, type, backend);
}

}  // namespace basin
