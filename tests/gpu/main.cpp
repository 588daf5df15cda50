// gpu_tests [Google Test's flags]: the CUDA back end on the first GPU. Where that cannot be used each test is skipped,
// and says why. BASIN_GPU_TEST_SHAPES=small takes small shapes.
#include <gtest/gtest.h>

#include <string>

#include "cuda/runtime.h"
#include "tests/gpu/device.h"

namespace basin::gpu {
namespace {

class SkipAll : public testing::EmptyTestEventListener {
 public:
  explicit SkipAll(std::string reason) : reason_(std::move(reason)) {}
  // A test that is skipped here is made, but not run.
  void OnTestStart(const testing::TestInfo&) override { GTEST_SKIP() << "no usable GPU: " << reason_; }

 private:
  std::string reason_;
};

}  // namespace

}  // namespace basin::gpu

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const std::string obstacle = basin::cuda::device_obstacle(0); !obstacle.empty())
    testing::UnitTest::GetInstance()->listeners().Append(new basin::gpu::SkipAll(obstacle));
  return RUN_ALL_TESTS();
}
