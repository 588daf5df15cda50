// The suites of training steps' kernels, on the device.
#include "cuda/runtime.h"
#include "tests/core/load_batch_suite.h"
#include "tests/core/step_kernels_suite.h"
#include "tests/core/step_update_suite.h"
#include "tests/gpu/device.h"

namespace basin {
namespace {

class GpuStepDevice final : public StepDevice {
 public:
  StepKernels& kernels() override { return backend().step_kernels(); }
  void* allocate(std::size_t bytes) override {
    return memory_.emplace_back(std::make_unique<Buffer>(backend(), bytes))->data();
  }
  void write(void* to, const void* host, std::size_t bytes) override { backend().copy_from_host(to, host, bytes); }
  void read(void* host, const void* from, std::size_t bytes) override { backend().copy_to_host(host, from, bytes); }

 private:
  // Fixtures allocate before main.cpp can skip their test: without a GPU, on the host.
  static Backend& backend() { return cuda::device_obstacle(0).empty() ? gpu::device() : cpu_backend(); }

  std::vector<std::unique_ptr<Buffer>> memory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Gpu, StepKernelsTest, GpuStepDevice);
INSTANTIATE_TYPED_TEST_SUITE_P(Gpu, StepUpdateTest, GpuStepDevice);
INSTANTIATE_TYPED_TEST_SUITE_P(Gpu, LoadBatchTest, GpuStepDevice);

}  // namespace
}  // namespace basin
