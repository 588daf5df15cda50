#include "tools/devices/devices.h"

#include <charconv>
#include <optional>

#include "core/nearest.h"
#include "tools/devices/cuda.h"

namespace basin {
namespace {

// The number in "cuda:1"; "cuda" is "cuda:0".
std::optional<int> cuda_index(std::string_view device) {
  constexpr std::string_view kCuda = "cuda";
  if (!device.starts_with(kCuda)) return std::nullopt;
  device.remove_prefix(kCuda.size());
  if (device.empty()) return 0;
  if (!device.starts_with(':')) return std::nullopt;
  device.remove_prefix(1);
  int index = 0;
  const auto [end, error] = std::from_chars(device.data(), device.data() + device.size(), index);
  const bool whole = error == std::errc() && end == device.data() + device.size() && device.front() != '-';
  return whole ? std::optional(index) : std::nullopt;
}

void explain(std::string* reason, const std::string& text) {
  if (reason) *reason = text;
}

Backend& usable_cuda(int index, std::string* reason) {
  Backend& backend = cuda_backend_of(index);
  explain(reason, cuda_device_text(index));
  return backend;
}

Backend& first_usable(std::string* reason) {
  std::string first_obstacle;
  const int count = cuda_device_count(&first_obstacle);
  for (int index = 0; index < count; ++index) {
    const std::string obstacle = cuda_obstacle(index);
    if (obstacle.empty()) return usable_cuda(index, reason);
    if (index == 0) first_obstacle = obstacle;
  }
  explain(reason, first_obstacle);
  return cpu_backend();
}

}  // namespace

Backend& select_backend(std::string_view device, std::string* reason) {
  if (device == "auto") return first_usable(reason);
  if (device == "cpu") {
    explain(reason, "as asked for");
    return cpu_backend();
  }
  if (const std::optional<int> index = cuda_index(device)) {
    const std::string obstacle = cuda_obstacle(*index);
    check(obstacle.empty(), "device '", device, "' cannot be used: ", obstacle);
    return usable_cuda(*index, reason);
  }
  const std::string near = nearest(device, {"cpu", "cuda", "auto"});
  fail("device: expected cpu, cuda, cuda:N or auto, found '", device, "'",
       near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace basin
