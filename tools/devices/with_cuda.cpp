#include "cuda/cuda_backend.h"
#include "cuda/grid/mma_rate.h"
#include "cuda/installation.h"
#include "cuda/runtime.h"
#include "tools/devices/cuda.h"
#include "tools/devices/devices.h"

namespace basin {

int cuda_device_count(std::string* reason) { return cuda::device_count(reason); }

std::string cuda_obstacle(int device) { return cuda::device_obstacle(device); }

std::string cuda_device_text(int device) {
  const cuda::DeviceInfo info = cuda::device_info(device);
  return info.name + ", compute capability " + std::to_string(info.major) + "." + std::to_string(info.minor);
}

Backend& cuda_backend_of(int device) { return cuda::cuda_backend(device); }

double cuda_tensor_core_limit(int device, DType type) {
  cuda::select_device(device);
  return cuda::mma_flops_per_second(type);
}

CudaReport report_cuda() {
  CudaReport report;
  report.built = true;
  const cuda::Versions versions = cuda::versions();
  report.driver = versions.driver;
  report.runtime = versions.runtime;
  report.architectures = versions.architectures;
  const int count = cuda::device_count(&report.obstacle);
  bool usable = false;
  for (int device = 0; device < count; ++device) {
    const cuda::DeviceInfo info = cuda::device_info(device);
    const std::string obstacle = cuda::device_obstacle(device);
    report.devices.push_back(
        {info.name, info.major, info.minor, static_cast<std::int64_t>(info.memory_bytes), obstacle});
    usable = usable || obstacle.empty();
  }
  if (count > 0 && !usable) report.obstacle = report.devices.front().obstacle;
  for (const cuda::FoundLibrary& found : cuda::find_libraries())
    report.libraries.push_back({found.name, found.version, found.file, found.obstacle});
  return report;
}

}  // namespace basin
