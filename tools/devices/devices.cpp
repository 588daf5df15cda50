#include "tools/devices/devices.h"

#include <algorithm>
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

double tensor_core_limit(Backend& gpu, DType type) {
  const std::optional<int> index = cuda_index(gpu.name());
  check(index.has_value(), "tensor cores: ", gpu.name(), " is no GPU");
  return cuda_tensor_core_limit(*index, type);
}

std::vector<Backend*> select_gpus(std::string_view devices, std::string* reason) {
  std::vector<Backend*> gpus;
  for (std::size_t begin = 0; begin <= devices.size();) {
    const std::size_t end = std::min(devices.find(',', begin), devices.size());
    std::string device(devices.substr(begin, end - begin));
    const bool number = !device.empty() && device.find_first_not_of("0123456789") == std::string::npos;
    if (begin > 0 && number) device = "cuda:" + device;
    const bool several = begin > 0 || end < devices.size();
    check(!several || cuda_index(device), "device: expected GPUs such as cuda:0,1, found '", devices, "'");
    Backend& backend = select_backend(device, reason);
    check(std::find(gpus.begin(), gpus.end(), &backend) == gpus.end(), "device: ", backend.name(), " is twice in '",
          devices, "'");
    if (&backend != &cpu_backend()) gpus.push_back(&backend);
    begin = end + 1;
  }
  if (gpus.size() > 1) explain(reason, std::to_string(gpus.size()) + " GPUs");
  return gpus;
}

}  // namespace basin
