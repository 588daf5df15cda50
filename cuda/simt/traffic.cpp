#include "cuda/simt/traffic.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <tuple>

namespace basin::simt {
namespace {

constexpr std::uintptr_t kSector = 32, kWord = 4, kBanks = 32;

std::uint64_t key_of(const std::source_location& site) {
  const auto file = reinterpret_cast<std::uintptr_t>(site.file_name());
  return (std::uint64_t{file} * 0x9E3779B97F4A7C15u) ^ (std::uint64_t{site.line()} << 20) ^ site.column();
}

// The aligned units of `unit` bytes that the pieces touch.
template <class Iterator>
std::set<std::uintptr_t> units(Iterator begin, Iterator end, std::uintptr_t unit) {
  std::set<std::uintptr_t> touched;
  for (; begin != end; ++begin)
    for (std::uintptr_t u = begin->address / unit; u * unit < begin->address + begin->bytes; ++u) touched.insert(u);
  return touched;
}

std::uint64_t quotient_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

}  // namespace

bool WarpTraffic::Piece::operator<(const Piece& other) const {
  return std::tie(space, site, turn) < std::tie(other.space, other.site, other.turn);
}

bool WarpTraffic::Piece::same_request(const Piece& other) const {
  return space == other.space && site == other.site && turn == other.turn;
}

void WarpTraffic::add(Space space, unsigned lane, std::uintptr_t address, std::size_t bytes,
                      const std::source_location& site) {
  // Lanes that ask for more than a word each are served 128 bytes at a time. Turns are counted apart in either memory:
  // a copy from one to the other asks both at one line, and not in every lane.
  const std::uint64_t phase = space == Space::shared && bytes > kWord ? lane * bytes / (kBanks * kWord) : 0;
  const std::uint64_t key = key_of(site) + (phase << 56) + (static_cast<std::uint64_t>(space) << 52);
  const std::uint32_t turn = turns_[{key, lane}]++;
  pieces_.push_back({space, key, turn, address, static_cast<std::uint32_t>(bytes)});
}

void WarpTraffic::flush(Counters& counters) {
  std::stable_sort(pieces_.begin(), pieces_.end());
  for (auto begin = pieces_.begin(); begin != pieces_.end();) {
    const auto end = std::find_if_not(begin, pieces_.end(), [&](const Piece& p) { return p.same_request(*begin); });
    const auto words = units(begin, end, kWord);
    if (begin->space == Space::global) {
      counters.global_sectors += units(begin, end, kSector).size();
      counters.global_ideal_sectors += quotient_up(words.size() * kWord, kSector);
    } else {
      std::array<std::uint64_t, kBanks> in_bank{};
      for (const std::uintptr_t word : words) ++in_bank[word % kBanks];
      counters.shared_wavefronts += *std::max_element(in_bank.begin(), in_bank.end());
      counters.shared_ideal_wavefronts += quotient_up(words.size(), kBanks);
    }
    begin = end;
  }
  pieces_.clear();
  turns_.clear();
}

}  // namespace basin::simt
