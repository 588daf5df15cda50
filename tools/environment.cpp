#include "tools/environment.h"

#include <H5public.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "core/cpu/compute.h"
#include "core/cpu/features.h"
#include "core/cpu/onednn.h"
#include "core/parallel.h"
#include "tools/plotting/gnuplot.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

// The text after "<name> :" in a file of such lines, as under /proc; "" if there is none.
std::string field(const fs::path& file, const std::string& name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, name.size(), name) != 0) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::int64_t memory(const std::string& name) {
  const std::string text = field("/proc/meminfo", name);  // "16384 kB"
  return text.empty() ? 0 : std::stoll(text) * 1024;
}

std::vector<std::string> instructions() {
  std::vector<std::string> usable;
  for (const CpuFeature feature : {CpuFeature::avx2, CpuFeature::avx512, CpuFeature::avx512_bf16, CpuFeature::amx})
    if (cpu_has(feature)) usable.push_back(name_of(feature));
  return usable;
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

std::string onednn_instructions() {
  switch (cpu::dnnl_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE 4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx2_vnni:
      return "AVX2 VNNI";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 BF16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "AMX";
    default:
      return "its generic kernels";
  }
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  return H5get_libversion(&major, &minor, &release) < 0 ? "" : fmt::format("{}.{}.{}", major, minor, release);
}

// As the kernel's driver lists them: no tool of the driver need be installed.
std::vector<std::string> nvidia_cards() {
  std::vector<std::string> cards;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator("/proc/driver/nvidia/gpus", missing))
    if (const std::string model = field(entry.path() / "information", "Model"); !model.empty()) cards.push_back(model);
  return cards;
}

std::string nvidia_driver() {
  std::ifstream stream("/sys/module/nvidia/version");
  std::string version;
  std::getline(stream, version);
  return version;
}

}  // namespace

Environment inspect_environment() {
  Environment found;
  found.cpu = field("/proc/cpuinfo", "model name");
  found.processors = thread_count();
  found.instructions = instructions();
  found.hidden_instructions = hidden_cpu_features();
  found.bf16_obstacle = bf16_obstacle();
  found.memory_total = memory("MemTotal");
  found.memory_available = memory("MemAvailable");
  found.onednn = onednn_version();
  found.onednn_instructions = onednn_instructions();
  found.hdf5 = hdf5_version();
  found.gnuplot = gnuplot_version();
  found.gpus = nvidia_cards();
  found.gpu_driver = nvidia_driver();
  found.cuda = report_cuda();
  std::error_code ignored;
  found.folder = fs::current_path(ignored);
  found.folder_writable = ::access(".", W_OK | X_OK) == 0;
  return found;
}

}  // namespace basin
