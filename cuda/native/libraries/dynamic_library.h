// Libraries that are looked for when the program runs, so that it starts without them.
#pragma once
#include <string>
#include <type_traits>

#include "core/error.h"
#include "core/handle.h"
#include "cuda/installation.h"

namespace basin::cuda {

// The address of a function whose type is that of the pointer it is assigned to: decltype(&cudnnCreate).
class Symbol {
 public:
  explicit Symbol(void* address) : address_(address) {}
  template <class Function>
  requires std::is_function_v<Function>
  operator Function*() const { return reinterpret_cast<Function*>(address_); }

 private:
  void* address_;
};

class DynamicLibrary {
 public:
  // Loads `name`, such as "libcudnn.so.9", from the folder that BASIN_CUDA_LIBRARIES names; where that is not set, from
  // where the loader finds it, else from the libraries of the toolkit that this build was made with. Error, in one
  // line, where it cannot be loaded.
  explicit DynamicLibrary(const std::string& name);
  Symbol operator[](const char* function) const;  // Error where the library has no such function
  const std::string& file() const { return file_; }

 private:
  static void close(void* library) noexcept;
  Handle<void*, close> library_;
  std::string file_;
};

std::string version_text(std::size_t version);  // 91900 -> "9.19.0"

// What loading a table of functions (cudnn_functions.h) comes to.
template <class Functions>
FoundLibrary find_library(const std::string& name) {
  FoundLibrary found;
  found.name = name;
  try {
    const Functions functions;
    found.version = version_text(functions.get_version());
    found.file = functions.library.file();
  } catch (const Error& error) {
    found.obstacle = error.what();
  }
  return found;
}

}  // namespace basin::cuda
