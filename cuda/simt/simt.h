// The emulator from the outside: how launches run, what they did, and device memory. Launches are synchronous; blocks
// are spread over the threads of core/parallel.h.
//
// What it reports, as one Error that names launch, block, thread and source line: accesses out of bounds, misaligned,
// or of memory that nothing wrote; races in shared and global memory; divergent barriers and warp operations; deadlock.
//
// Limits. Checked are accesses through Global and SharedArray (cuda/simt/checked.h), which is how kernels see memory; a
// raw pointer would go unchecked. Of a granule of 4 bytes the last write and two reads are remembered, so that not
// every race of many readers or between parts of a granule is found; none is reported that is not there. Order that
// comes from atomics and fences is not modelled: such a kernel is reported as racing. Neither are time, caches, weak
// memory ordering between blocks, and streams. A loop that waits for another thread without a barrier never ends.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>

#include "cuda/simt/vocabulary.h"

namespace basin::simt {

struct Options {
  std::uint64_t seed = 1;       // order of warps and lanes
  bool count_requests = false;  // sectors and wavefronts too: slow
  int devices = 1;              // at first BASIN_EMULATED_DEVICES of the environment, else one
};
Options& options();

// From so many launches on, whatever `device` is asked to do fails, as after an error that a GPU does not survive. The
// device is the one that the calling thread has selected (cuda/runtime.h).
void lose_device(int device, std::uint64_t after_launches);
void find_all_devices();  // none is lost
// Error where the selected device is lost.
void check_device(const std::source_location& site);
void count_launch(const std::source_location& site);  // the same, and one launch less until it is
int selected_device();
void select_device(int device);

// Sums over the launches since reset_counters().
struct Counters {
  std::uint64_t launches = 0, barriers = 0, warp_operations = 0, atomics = 0;
  std::uint64_t mma = 0, mma_tf32 = 0;  // m16n8k16 of halves, m16n8k8 of tf32
  std::uint64_t matrices_loaded = 0;    // of 8 x 16 bytes, by ldmatrix
  std::uint64_t copied_bytes = 0;       // by cp.async
  std::uint64_t global_read_bytes = 0, global_written_bytes = 0, shared_read_bytes = 0, shared_written_bytes = 0;
  // With count_requests. A request is what the lanes of a warp ask for at once. Of global memory it takes whole sectors
  // of 32 bytes, of shared memory one wavefront per word of the busiest bank (32 banks of 4 bytes); `ideal` is what the
  // same distinct bytes would take, packed.
  std::uint64_t global_sectors = 0, global_ideal_sectors = 0, shared_wavefronts = 0, shared_ideal_wavefronts = 0;

  Counters& operator+=(const Counters& other);
};
Counters counters();
void reset_counters();

// Calls body() once for each thread of the grid. Limits of the hardware hold: 1 to 1024 threads a block, 227 KB of
// shared memory.
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, const std::source_location& site,
              const std::function<void()>& body);

// Device memory, 256-byte aligned, filled with 0xFF: NaN in every floating-point type.
void* allocate(std::size_t bytes);
void release(void* data) noexcept;
// What the host copies in counts as written. Throws where [data, data + bytes) is not inside one allocation.
void mark_written(const void* data, std::size_t bytes);
void check_allocated(const void* data, std::size_t bytes);

}  // namespace basin::simt
