// What this machine has that Basin can use.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/devices/devices.h"

namespace basin {

struct Environment {
  // Processor
  std::string cpu;                                      // model name
  int processors = 0;                                   // that this process may use
  std::vector<std::string> instructions;                // of AVX2, AVX-512, AVX-512 BF16, AMX: those that may be used
  std::string hidden_instructions;                      // BASIN_HIDE_CPU, "" where it is not set
  std::string bf16_obstacle;                            // to training with --precision bf16; "": it is possible
  std::int64_t memory_total = 0, memory_available = 0;  // bytes; 0: unknown
  // Libraries; "" where one is missing
  std::string onednn, onednn_instructions;  // version and what it uses of the processor
  std::string hdf5, gnuplot;
  // Graphics cards
  std::vector<std::string> gpus;  // "NVIDIA H200, 143771 MiB"
  std::string gpu_driver;         // version, "" without one
  CudaReport cuda;                // what this build can do with them
  // Where the process runs
  std::filesystem::path folder;
  bool folder_writable = false;
  bool has_gnuplot() const { return !gnuplot.empty(); }
  // Training, surfaces and their files: all but pictures.
  bool can_run() const { return folder_writable; }
};

Environment inspect_environment();

}  // namespace basin
