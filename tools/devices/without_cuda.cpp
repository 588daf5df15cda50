#include "tools/devices/cuda.h"
#include "tools/devices/devices.h"

namespace basin {
namespace {

const std::string kNotBuilt = "this build has no CUDA back end";

}  // namespace

int cuda_device_count(std::string* reason) {
  *reason = kNotBuilt;
  return 0;
}
std::string cuda_obstacle(int) { return kNotBuilt; }
std::string cuda_device_text(int) { fail(kNotBuilt); }
double cuda_tensor_core_limit(int, DType) { fail(kNotBuilt); }
Backend& cuda_backend_of(int) { fail(kNotBuilt); }

CudaReport report_cuda() {
  CudaReport report;
  report.obstacle = kNotBuilt;
  return report;
}

}  // namespace basin
