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

// The GPUs that share the points of a grid: as above, or several, "cuda:0,1". Empty: the CPU. Error, too, where one is
// named twice.
std::vector<Backend*> select_gpus(std::string_view devices, std::string* reason = nullptr);

// FLOP/s of the tensor cores of a GPU on mma.sync alone, for operands of f16, bf16 or f32 (as tf32); some milliseconds.
double tensor_core_limit(Backend& gpu, DType type);

struct CudaDevice {
  std::string name;          // "NVIDIA H200"
  int major = 0, minor = 0;  // compute capability
  std::int64_t memory = 0;   // bytes
  std::string obstacle;      // to computing on it, in one line; "": it can be used
};
// A library of NVIDIA's that is looked for when the program runs.
struct CudaLibrary {
  std::string name;           // "cuDNN"
  std::string version, file;  // "9.19.0" and where it was found; "" where it cannot be loaded
  std::string obstacle;       // why it cannot, in one line; "" where it can
};
struct CudaReport {
  bool built = false;               // is the CUDA back end in this build?
  std::string obstacle;             // to computing on any GPU, in one line; "": one can be used
  std::string driver;               // the newest CUDA that the driver knows, "13.0"; "" without a driver
  std::string runtime;              // CUDA of this build
  std::string architectures;        // compute capabilities that this build has code for, "80, 90"
  std::vector<CudaDevice> devices;  // cuda:0, cuda:1, ...
  std::vector<CudaLibrary> libraries;
};
CudaReport report_cuda();

}  // namespace basin
