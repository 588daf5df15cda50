// The devices that programs compute on: the CPU and, in builds with the CUDA back end, GPUs.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.h"

namespace basin {

// The back end that `device` names: "cpu", "cuda" (the first GPU), "cuda:1", or "auto": the first GPU that can be used,
// else the CPU. `*reason` says in one line why it is this one. Error, in one line, for other names and for a GPU that
// cannot be used.
Backend& select_backend(std::string_view device, std::string* reason = nullptr);

struct CudaDevice {
  std::string name;                   // "NVIDIA H200"
  int major = 0, minor = 0;           // compute capability
  std::int64_t memory = 0, free = 0;  // bytes; free is 0 where the device cannot be used
  std::string obstacle;               // to computing on it; "": it can be used
};
// A library of NVIDIA's that is found when the program runs, not when it is linked.
struct CudaLibrary {
  std::string name, version, file, obstacle;  // "cuDNN", "9.19.0"; version and file are "" where it cannot be loaded
};
struct CudaReport {
  bool built = false;               // is the CUDA back end in this build?
  std::string obstacle;             // to computing on any GPU; "": one can be used
  std::string driver, runtime;      // newest CUDA that the driver knows ("" without one), CUDA of this build
  std::string architectures;        // that this build has code for: "80, 90"
  std::vector<CudaDevice> devices;  // in the order of "cuda:0", "cuda:1"
  std::vector<CudaLibrary> libraries;
};
CudaReport report_cuda();

}  // namespace basin
