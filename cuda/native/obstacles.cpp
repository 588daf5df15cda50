#include "cuda/native/obstacles.h"

#include <iomanip>
#include <sstream>

namespace basin::cuda {
namespace {

constexpr int kOldestMajor = 8;  // asynchronous copies and bf16 products came with Ampere
constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr double kLeastFree = kGiB;  // the libraries' own code takes a part of it

}  // namespace

std::string index_obstacle(int device, int count) {
  if (device >= 0 && device < count) return "";
  std::ostringstream text;
  text << "there is no cuda:" << device << "; the driver lists " << count << (count == 1 ? " GPU" : " GPUs")
       << ", the first is cuda:0";
  return text.str();
}

std::string capability_obstacle(int major, int minor) {
  if (major >= kOldestMajor) return "";
  std::ostringstream text;
  text << "its compute capability is " << major << "." << minor << "; at least " << kOldestMajor << ".0 is needed";
  return text.str();
}

std::string memory_obstacle(std::size_t free, std::size_t total) {
  if (static_cast<double>(free) >= kLeastFree) return "";
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << "only " << static_cast<double>(free) / kGiB << " GiB of its "
       << static_cast<double>(total) / kGiB << " GiB are free; at least " << kLeastFree / kGiB << " GiB is needed";
  return text.str();
}

}  // namespace basin::cuda
