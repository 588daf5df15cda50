// A libcuda.so.1 that answers the CUDA runtime's first questions as the driver of another machine would: which CUDA it
// knows (STAND_IN_CUDA, as in 11040 for 11.4) and what it finds when it starts (STAND_IN_STATUS, of CUresult).
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kNotSupported = 801;

int number(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : otherwise;
}

int unavailable() { return kNotSupported; }

}  // namespace

extern "C" {

int cuInit(unsigned) { return number("STAND_IN_STATUS", 0); }

int cuDriverGetVersion(int* version) {
  *version = number("STAND_IN_CUDA", 0);
  return 0;
}

int cuGetProcAddress_v2(const char* name, void** address, int, unsigned long long, int* found) {
  const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
  *address = is("cuInit")               ? reinterpret_cast<void*>(cuInit)
             : is("cuDriverGetVersion") ? reinterpret_cast<void*>(cuDriverGetVersion)
             : is("cuGetProcAddress")   ? reinterpret_cast<void*>(cuGetProcAddress_v2)
                                        : reinterpret_cast<void*>(unavailable);
  if (found) *found = 0;
  return 0;
}
}
