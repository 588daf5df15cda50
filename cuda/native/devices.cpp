// Which devices there are and what keeps this build from using them.
#include "cuda/error.h"
#include "cuda/installation.h"
#include "cuda/native/obstacles.h"
#include "cuda/native/probe.h"
#include "cuda/runtime.h"

namespace basin::cuda {
namespace {

std::string error_text(cudaError_t status) {
  cudaGetLastError();  // reported here
  return std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status);
}

// 12040 -> "12.4"; "" for 0.
std::string version_text(int version) {
  constexpr int kMajor = 1000, kMinor = 10;
  return version == 0 ? "" : std::to_string(version / kMajor) + "." + std::to_string(version % kMajor / kMinor);
}

std::string no_devices_text(cudaError_t status) {
  if (status == cudaSuccess || status == cudaErrorNoDevice) return "the NVIDIA driver lists no GPU";
  if (status != cudaErrorInsufficientDriver) return "the GPUs cannot be listed: " + error_text(status);
  const Versions found = versions();
  if (found.driver.empty()) return "there is no NVIDIA driver (libcuda.so.1 is not found)";
  return "the NVIDIA driver is too old: it knows CUDA " + found.driver + ", this build is of CUDA " + found.runtime;
}

// Of the selected device, which is used for that.
std::string use_obstacle(const cudaDeviceProp& properties) {
  const cudaError_t loaded = load_probe_kernel();
  if (loaded == cudaErrorNoKernelImageForDevice || loaded == cudaErrorInvalidDeviceFunction) {
    cudaGetLastError();
    return "this build has no code for its compute capability " + std::to_string(properties.major) + "." +
           std::to_string(properties.minor) + " (only for " + versions().architectures + ")";
  }
  if (loaded != cudaSuccess) return "its kernels cannot be loaded: " + error_text(loaded);
  std::size_t free = 0, total = 0;
  if (const cudaError_t status = cudaMemGetInfo(&free, &total); status != cudaSuccess) return error_text(status);
  return memory_obstacle(free, total);
}

// Selects a device for as long as it lives.
class Selected {
 public:
  explicit Selected(int device) {
    cudaGetDevice(&before_);
    changed_ = before_ != device;
    status_ = cudaSetDevice(device);
  }
  ~Selected() {
    if (changed_) cudaSetDevice(before_);
  }
  Selected(const Selected&) = delete;
  Selected& operator=(const Selected&) = delete;
  cudaError_t status() const { return status_; }

 private:
  int before_ = 0;
  bool changed_ = false;
  cudaError_t status_ = cudaSuccess;
};

}  // namespace

Versions versions() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return {.driver = version_text(driver), .runtime = version_text(runtime), .architectures = BASIN_CUDA_ARCHITECTURES};
}

int device_count(std::string* reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  if (reason) *reason = no_devices_text(status);
  return 0;
}

DeviceInfo device_info(int device, const Site& site) {
  cudaDeviceProp properties{};
  CUDA_CHECK_AT(site, cudaGetDeviceProperties(&properties, device));
  return {.name = properties.name,
          .major = properties.major,
          .minor = properties.minor,
          .multiprocessors = properties.multiProcessorCount,
          .memory_bytes = properties.totalGlobalMem};
}

std::string device_obstacle(int device) {
  std::string reason;
  const int count = device_count(&reason);
  if (count == 0) return reason;
  if (const std::string obstacle = index_obstacle(device, count); !obstacle.empty()) return obstacle;
  const std::string name = "cuda:" + std::to_string(device);
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, device); status != cudaSuccess)
    return name + ": " + error_text(status);
  const std::string which = name + " (" + properties.name + "): ";
  if (const std::string obstacle = capability_obstacle(properties.major, properties.minor); !obstacle.empty())
    return which + obstacle;
  const Selected selected(device);
  if (selected.status() != cudaSuccess) return which + "it cannot be used: " + error_text(selected.status());
  const std::string obstacle = use_obstacle(properties);
  return obstacle.empty() ? "" : which + obstacle;
}

}  // namespace basin::cuda
