// Several emulated devices, which share the memory and the processor of the host, and may be lost.
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>

#include "core/error.h"
#include "cuda/simt/block.h"
#include "cuda/simt/simt.h"

namespace basin::simt {
namespace {

struct Losses {
  std::mutex mutex;
  std::map<int, std::uint64_t> launches_left;  // of devices that are lost, or will be
};
Losses& losses() {
  static Losses instance;
  return instance;
}

thread_local int selected = 0;

int devices_of_environment() {
  const char* text = std::getenv("BASIN_EMULATED_DEVICES");
  return text ? std::max(1, std::atoi(text)) : 1;
}

}  // namespace

Options& options() {
  static Options instance{.devices = devices_of_environment()};
  return instance;
}

int selected_device() { return selected; }
void select_device(int device) { selected = device; }

void lose_device(int device, std::uint64_t after_launches) {
  const std::lock_guard lock(losses().mutex);
  losses().launches_left[device] = after_launches;
}

void find_all_devices() {
  const std::lock_guard lock(losses().mutex);
  losses().launches_left.clear();
}

void check_device(const std::source_location& site) {
  const std::lock_guard lock(losses().mutex);
  const auto found = losses().launches_left.find(selected);
  check(found == losses().launches_left.end() || found->second > 0, where(site), ": cuda:", selected,
        " (SIMT emulator): the device is lost");
}

// A launch on the selected device.
void count_launch(const std::source_location& site) {
  check_device(site);
  const std::lock_guard lock(losses().mutex);
  const auto found = losses().launches_left.find(selected);
  if (found != losses().launches_left.end()) --found->second;
}

}  // namespace basin::simt
