// How the accesses of a warp's lanes fall together into requests: sectors of global memory, wavefronts of shared
// memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <source_location>
#include <utility>
#include <vector>

#include "cuda/simt/simt.h"

namespace basin::simt {

enum class Space : std::uint8_t { global, shared };

// Lanes run one after another here, so their accesses are collected until the warp meets, and those of the same source
// line are paired: the n-th of one lane with the n-th of another.
class WarpTraffic {
 public:
  void add(Space space, unsigned lane, std::uintptr_t address, std::size_t bytes, const std::source_location& site);
  // The warp has met: adds the requests to `counters` and forgets them.
  void flush(Counters& counters);

 private:
  struct Piece {
    Space space;
    std::uint64_t site;
    std::uint32_t turn;  // how often the lane has been at the site before
    std::uintptr_t address;
    std::uint32_t bytes;
    bool operator<(const Piece& other) const;
    bool same_request(const Piece& other) const;
  };
  std::vector<Piece> pieces_;
  std::map<std::pair<std::uint64_t, unsigned>, std::uint32_t> turns_;  // by site and lane
};

}  // namespace basin::simt
