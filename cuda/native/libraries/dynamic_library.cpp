#include "cuda/native/libraries/dynamic_library.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>

namespace basin::cuda {
namespace {

// What dlopen last complained of, without line breaks.
std::string loader_error() {
  const char* text = dlerror();
  std::string line = text ? text : "no reason given";
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// Stays loaded once it is: cuBLASLt takes a quarter of a second each way, and it is opened to look for it, then to use
// it.
void* load(const std::string& file) { return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); }

void* find(const std::string& name) {
  if (const char* folder = std::getenv("BASIN_CUDA_LIBRARIES")) {
    void* library = load(std::string(folder) + "/" + name);
    check(library != nullptr, "BASIN_CUDA_LIBRARIES: ", loader_error());
    return library;
  }
  if (void* library = load(name)) return library;
  const std::string usual = loader_error();
  if (void* library = load(std::string(BASIN_CUDA_LIBRARY_FOLDER) + "/" + name)) return library;
  fail(usual, "; ", loader_error());
}

std::string file_of(void* library) {
  const link_map* map = nullptr;
  const bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr;
  return known ? map->l_name : "";
}

}  // namespace

DynamicLibrary::DynamicLibrary(const std::string& name) : library_(find(name)), file_(file_of(library_.get())) {}

void DynamicLibrary::close(void* library) noexcept { dlclose(library); }

Symbol DynamicLibrary::operator[](const char* function) const {
  void* address = dlsym(library_.get(), function);
  check(address != nullptr, file_, " has no function ", function);
  return Symbol(address);
}

std::string version_text(std::size_t version) {
  constexpr std::size_t kMajor = 10000, kMinor = 100;
  return std::to_string(version / kMajor) + "." + std::to_string(version % kMajor / kMinor) + "." +
         std::to_string(version % kMinor);
}

}  // namespace basin::cuda
