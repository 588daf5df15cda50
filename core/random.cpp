#include "core/random.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace basin {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

std::uint64_t join(std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; }
double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::uint64_t random_stream(std::string_view name, std::uint64_t index) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  hash += index * 0x9E3779B97F4A7C15;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
  return hash ^ (hash >> 31);
}

std::array<std::uint32_t, 4> Random::block(std::uint64_t index) const {
  return philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                     static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                    {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
}

std::uint64_t Random::bits(std::uint64_t index) const {
  const auto words = block(index);
  return join(words[0], words[1]);
}

double Random::uniform(std::uint64_t index) const { return to_unit(bits(index)); }

std::uint64_t Random::below(std::uint64_t count, std::uint64_t index) const {
  check(count >= 1 && count <= 0xFFFFFFFF, "random: cannot draw below ", count);
  // The high half of the 128-bit product bits * count (Lemire 2019, without the rejection step).
  const std::uint64_t word = bits(index);
  const std::uint64_t low = (word & 0xFFFFFFFF) * count, high = (word >> 32) * count;
  return (high + (low >> 32)) >> 32;
}

std::array<double, 2> Random::normal_pair(std::uint64_t pair) const {
  const auto words = block(pair);
  const double radius = std::sqrt(-2 * std::log(1 - to_unit(join(words[0], words[1]))));
  const double angle = 2 * std::numbers::pi * to_unit(join(words[2], words[3]));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

double Random::normal(std::uint64_t index) const { return normal_pair(index / 2)[index % 2]; }

}  // namespace basin
