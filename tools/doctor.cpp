// basin doctor: what this machine has, what Basin will use of it and why.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "landscape/engines.h"
#include "tools/command.h"
#include "tools/environment.h"
#include "tools/plotting/gnuplot.h"
#include "tools/version.h"

namespace basin {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

template <class... Values>
void line(const char* name, fmt::format_string<Values...> format, Values&&... values) {
  fmt::print("{:<14} {}\n", name, fmt::format(format, std::forward<Values>(values)...));
}

std::string list(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }
std::string or_unknown(const std::string& text) { return text.empty() ? "unknown" : text; }

std::string gpu_text(const Environment& found) {
  if (found.gpus.empty() && found.gpu_driver.empty()) return "none found";
  return fmt::format("{}, driver {}", found.gpus.empty() ? "no card" : list(found.gpus), or_unknown(found.gpu_driver));
}

std::string instructions_text(const Environment& found) {
  const std::string usable = found.instructions.empty() ? "none of AVX2, AVX-512, AMX" : list(found.instructions);
  const std::string& hidden = found.hidden_instructions;
  return usable + (hidden.empty() ? "" : fmt::format(" (BASIN_HIDE_CPU={} is set)", hidden));
}

// What --device auto computes on.
std::string automatic_device(const CudaReport& cuda) {
  for (std::size_t i = 0; i < cuda.devices.size(); ++i)
    if (cuda.devices[i].obstacle.empty()) return fmt::format("cuda:{}", i);
  return "cpu";
}

// What the engine that surfaces use is chosen for.
std::string engine_reason(const Environment& found, const EngineReport& engine) {
  if (found.cuda.obstacle.empty()) return engine.reason;
  const bool none = found.gpus.empty() && found.cuda.devices.empty();
  return fmt::format("{}; {}", engine.reason, none ? "there is no GPU" : found.cuda.obstacle);
}

std::string precision_text(const EngineReport& engine) {
  if (engine.exact.empty() || engine.exact == engine.fast) return engine.fast;
  return fmt::format("{} or {}", engine.exact, engine.fast);
}

void print_engines(const Environment& found) {
  const std::vector<EngineReport> engines_here = report_engines(engines(), found.cuda.obstacle);
  const EngineReport& first = engines_here.front();
  line("engine", "{}, {}: {}", first.name, precision_text(first), engine_reason(found, first));
  for (const EngineReport& engine : std::span(engines_here).subspan(1)) {
    if (engine.available)
      line("", "{}, {}: {}", engine.name, precision_text(engine), engine.reason);
    else
      line("", "{}: not here, {}", engine.name, engine.reason);
  }
}

void print_cuda(const CudaReport& cuda) {
  if (!cuda.built) return line("CUDA", "not in this build: everything runs on the CPU");
  line("CUDA", "{} for compute capabilities {}; {}", cuda.runtime, cuda.architectures,
       cuda.driver.empty() ? "no driver" : "the driver knows " + cuda.driver);
  for (std::size_t i = 0; i < cuda.devices.size(); ++i) {
    const CudaDevice& device = cuda.devices[i];
    line(fmt::format("cuda:{}", i).c_str(), "{}, compute capability {}.{}, {:.1f} GiB: {}", device.name, device.major,
         device.minor, static_cast<double>(device.memory) / kGiB,
         device.obstacle.empty() ? "can be used" : device.obstacle);
  }
  for (const CudaLibrary& library : cuda.libraries) {
    if (library.obstacle.empty())
      line(library.name.c_str(), "{}, {}", library.version, library.file);
    else
      line(library.name.c_str(), "not here, Basin's own kernels do its work: {}", library.obstacle);
  }
}

void print_text(const Environment& found) {
  line("basin", "{}", version_text());
  line("processor", "{}", or_unknown(found.cpu));
  line("threads", "{} (as many as this process may use; --threads changes it)", found.processors);
  line("instructions", "{}", instructions_text(found));
  line("memory", "{:.1f} GiB, {:.1f} GiB available", static_cast<double>(found.memory_total) / kGiB,
       static_cast<double>(found.memory_available) / kGiB);
  line("oneDNN", "{}, uses {}", found.onednn, found.onednn_instructions);
  line("HDF5", "{}", or_unknown(found.hdf5));
  line("gnuplot", "{}", found.has_gnuplot() ? found.gnuplot : "missing: " + std::string(kGnuplotMissing));
  line("GPU", "{}", gpu_text(found));
  print_cuda(found.cuda);
  line("folder", "{} {}", found.folder.string(), found.folder_writable ? "can be written" : "cannot be written");
  fmt::print("\n");
  print_engines(found);
  const std::string device = automatic_device(found.cuda);
  line("device", "{} with --device auto{}", device, device == "cpu" ? ": " + found.cuda.obstacle : "");
  line("bf16 training", "{}",
       found.bf16_obstacle.empty() ? "yes (basin train --precision bf16)" : "no: " + found.bf16_obstacle);
  line("training", "{}", found.can_run() ? "ready" : "not here: the current folder cannot be written");
  line("surfaces", "{}", found.can_run() ? "ready" : "not here: the current folder cannot be written");
  line("pictures", "{}", found.has_gnuplot() ? "ready" : "not before gnuplot is installed");
  fmt::print("\nnext: {}\n", !found.can_run()      ? "change to a folder of your own, then basin doctor"
                             : found.has_gnuplot() ? "basin demo"
                                                   : "sudo apt install gnuplot-nox, then basin demo");
}

nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json json_of(const EngineReport& engine) {
  return {{"name", engine.name},
          {"available", engine.available},
          {"exact", or_null(engine.exact)},
          {"fast", engine.fast},
          {"reason", engine.reason}};
}

nlohmann::ordered_json json_of(const CudaReport& cuda) {
  nlohmann::ordered_json devices = nlohmann::ordered_json::array(), libraries = devices;
  for (const CudaDevice& device : cuda.devices)
    devices.push_back({{"name", device.name},
                       {"compute_capability", fmt::format("{}.{}", device.major, device.minor)},
                       {"memory_bytes", device.memory},
                       {"obstacle", or_null(device.obstacle)}});
  for (const CudaLibrary& library : cuda.libraries)
    libraries.push_back({{"name", library.name},
                         {"version", or_null(library.version)},
                         {"file", or_null(library.file)},
                         {"obstacle", or_null(library.obstacle)}});
  return {{"usable", cuda.obstacle.empty()},
          {"obstacle", or_null(cuda.obstacle)},
          {"driver", or_null(cuda.driver)},
          {"runtime", or_null(cuda.runtime)},
          {"architectures", or_null(cuda.architectures)},
          {"devices", devices},
          {"libraries", libraries}};
}

void print_json(const Environment& found) {
  const std::vector<EngineReport> engines_here = report_engines(engines(), found.cuda.obstacle);
  const EngineReport& first = engines_here.front();
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const EngineReport& engine : engines_here) all.push_back(json_of(engine));
  const nlohmann::ordered_json json{
      {"version", version_text()},
      {"cpu", found.cpu},
      {"threads", found.processors},
      {"instructions", found.instructions},
      {"hidden_instructions", or_null(found.hidden_instructions)},
      {"memory_bytes", found.memory_total},
      {"memory_available_bytes", found.memory_available},
      {"onednn", {{"version", found.onednn}, {"instructions", found.onednn_instructions}}},
      {"hdf5", found.hdf5},
      {"gnuplot", or_null(found.gnuplot)},
      {"gpus", found.gpus},
      {"gpu_driver", or_null(found.gpu_driver)},
      {"cuda_backend", found.cuda.built},
      {"cuda", json_of(found.cuda)},
      {"device", automatic_device(found.cuda)},
      {"folder", found.folder.string()},
      {"folder_writable", found.folder_writable},
      {"engine", first.name},
      {"precision", found.cuda.obstacle.empty() ? first.fast : first.exact},
      {"reason", engine_reason(found, first)},
      {"engines", all},
      {"bf16_training", found.bf16_obstacle.empty()},
      {"pictures", found.has_gnuplot()},
      {"ready", found.can_run()}};
  fmt::print("{}\n", json.dump());
}

}  // namespace

void add_doctor_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("doctor", "Say what this machine has, what will be used and why");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "One JSON object on stdout");
  command->callback([json] {
    const Environment found = inspect_environment();
    *json ? print_json(found) : print_text(found);
    check(found.can_run(), "'", found.folder.string(),
          "' cannot be written: training and surfaces need a folder to write to");
  });
}

}  // namespace basin
