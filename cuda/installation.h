// What a build for GPUs finds of NVIDIA's software on this machine. Needs no GPU.
#pragma once
#include <string>
#include <vector>

namespace basin::cuda {

struct Versions {
  std::string driver;         // the newest CUDA that the driver knows, "13.0"; "" without a driver
  std::string runtime;        // of this build
  std::string architectures;  // compute capabilities that this build has code for, "80, 90"
};
Versions versions();

// A library that is looked for when the program runs.
struct FoundLibrary {
  std::string name;           // "cuDNN"
  std::string version, file;  // "9.19.0" and where it was found; "" where it cannot be loaded
  std::string obstacle;       // why it cannot, in one line; "" where it can
};
std::vector<FoundLibrary> find_libraries();

}  // namespace basin::cuda
