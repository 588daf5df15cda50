// What is remembered of each 4 bytes of memory, to find races and reads of what nothing wrote.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/simt/clocks.h"

namespace basin::simt {

enum class Access : std::uint8_t { read, write, atomic };  // an atomic reads and writes; two of them never race

// Who accesses, and when.
struct Accessor {
  std::uint32_t launch, block;  // numbers of the launch in the process and of the block in the grid
  unsigned thread;
  const Clocks& clocks;
};

// Of one allocation or of the shared memory of one block. Safe to use from several threads.
class Shadow {
 public:
  enum class Finding : std::uint8_t { none, unwritten, write_write, read_write };
  struct Result {
    Finding finding = Finding::none;
    std::uint32_t other_block = 0;
    unsigned other_thread = 0;
  };

  explicit Shadow(std::size_t bytes = 0) { clear(bytes); }
  void clear(std::size_t bytes);
  void mark_written(std::size_t offset, std::size_t bytes);
  // The access is remembered, and compared with those before it in the same launch.
  Result access(Access kind, std::size_t offset, std::size_t bytes, const Accessor& who);

 private:
  struct Record {
    std::uint32_t launch = 0, block = 0;  // launch 0: none
    Clocks::Time time{};
    std::uint16_t thread = 0;
    std::uint8_t bytes = 0;  // bit i: byte i of the granule
    bool atomic = false;
  };
  struct Granule {
    Record write;
    std::array<Record, 2> reads;
    std::uint8_t written = 0;
  };

  static bool ordered(const Record& before, const Accessor& who);
  static Result conflict(Finding finding, const Record& other) { return {finding, other.block, other.thread}; }
  static Result access_granule(Granule& granule, Access kind, std::uint8_t bytes, const Accessor& who);
  static void remember_read(Granule& granule, const Record& record, const Accessor& who);

  static constexpr std::size_t kLocks = 64;
  std::vector<Granule> granules_;
  std::array<std::atomic_flag, kLocks> locks_{};  // granule i is guarded by lock i % kLocks
};

}  // namespace basin::simt
