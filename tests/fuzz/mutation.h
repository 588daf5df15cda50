// Seeded damage to the bytes of a valid file.
#pragma once
#include <cstdint>
#include <string>

#include "core/random.h"

namespace basin {

// A function of (bytes, number): one to four of these: a flipped bit, another byte, an extreme byte (0, 1, 127, 128,
// 255), a stretch repeated or left out, the end cut off, bytes appended.
inline std::string mutated(std::string bytes, std::uint64_t number) {
  const Random random(1, random_stream("mutation", number));
  std::uint64_t drawn = 0;
  const auto below = [&](std::size_t count) { return static_cast<std::size_t>(random.below(count, drawn++)); };
  const std::size_t changes = 1 + below(4);
  for (std::size_t change = 0; change < changes && !bytes.empty(); ++change) {
    const std::size_t place = below(bytes.size());
    const std::size_t length = 1 + below(16);
    switch (below(8)) {
      case 0:
      case 1:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
        break;
      case 2:
        bytes[place] = static_cast<char>(below(256));
        break;
      case 3:
        bytes[place] = "\x00\x01\x7f\x80\xff"[below(5)];
        break;
      case 4:
        bytes.insert(place, bytes.substr(place, length));
        break;
      case 5:
        bytes.erase(place, length);
        break;
      case 6:
        bytes.resize(place);
        break;
      case 7:
        bytes.append(length, static_cast<char>(below(256)));
        break;
    }
  }
  return bytes;
}

}  // namespace basin
