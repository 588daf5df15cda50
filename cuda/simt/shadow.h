// What is remembered of each 4 bytes of memory, to find races and reads of what nothing wrote.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "cuda/simt/clocks.h"

namespace basin::simt {

enum class Access : std::uint8_t { read, write, atomic };  // an atomic reads and writes; two of them never race

// Who accesses, and when.
struct Accessor {
  std::uint32_t launch, block;  // numbers of the launch in the process and of the block in the grid
  unsigned thread;
  const Clocks& clocks;
};

// Of one allocation, which several threads of the host use at once, or of the shared memory of one block.
class Shadow {
 public:
  enum class Sharing : std::uint8_t { one_thread, many_threads };
  enum class Finding : std::uint8_t { none, unwritten, write_write, read_write, copying };
  struct Other {  // of a race
    std::uint32_t block = 0;
    unsigned thread = 0;
  };

  explicit Shadow(Sharing sharing) : locked_(sharing == Sharing::many_threads) {}
  // Nothing has been written or read. Takes no time, unless more bytes than ever before are asked for.
  void clear(std::size_t bytes);
  void mark_written(std::size_t offset, std::size_t bytes);
  // An asynchronous copy to these bytes is under way: until it has ended nothing has written them, and nothing may.
  void begin_copy(std::size_t offset, std::size_t bytes);
  void end_copy(std::size_t offset, std::size_t bytes);
  // Compares the access with those before it in the same launch, and remembers it unless there is a finding.
  Finding access(Access kind, std::size_t offset, std::size_t bytes, const Accessor& who, Other& other);

 private:
  struct Record {
    std::uint32_t block = 0;
    Clocks::Time time{};
    std::uint16_t thread = 0;
    std::uint8_t bytes = 0;  // bit i: byte i of the granule; 0: there is no record
    bool atomic = false;
  };
  // A cache line. What it holds is void if it is of another generation, and the records if they are of another launch:
  // launches follow one another.
  struct alignas(64) Granule {
    std::uint32_t generation, launch;
    std::uint8_t locked, written, copying;
    Record write;
    std::array<Record, 2> reads;
  };
  class Lock;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  void renew(Granule& granule) const;
  static void forget_records(Granule& granule);
  static bool ordered(const Record& before, const Accessor& who);
  static void remember_read(Granule& granule, const Record& record, const Accessor& who);
  Finding access_granule(std::size_t index, Access kind, std::uint8_t bytes, const Accessor& who, Other& other);

  const bool locked_;
  std::uint32_t generation_ = 0;
  std::size_t capacity_ = 0;            // granules
  std::unique_ptr<void, Free> memory_;  // zeros, which the system provides when they are touched
  Granule* granules_ = nullptr;
};

}  // namespace basin::simt
