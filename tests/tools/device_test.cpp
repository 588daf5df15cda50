// Which device is computed on, and what is said where a GPU cannot be.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cuda/native/obstacles.h"
#include "tests/temporary_folder.h"
#include "tests/tools/run_command.h"
#include "tools/devices/devices.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGiB = std::size_t{1} << 30;

std::string error_of(const std::string& device) {
  try {
    select_backend(device);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool one_line(const std::string& text) { return !text.empty() && text.find('\n') == std::string::npos; }

TEST(Device, CpuIsAlwaysThere) { EXPECT_EQ(&select_backend("cpu"), &cpu_backend()); }

TEST(Device, AutoTakesTheFirstUsableGpuElseTheCpuAndSaysWhy) {
  const CudaReport cuda = report_cuda();
  std::string reason;
  Backend& backend = select_backend("auto", &reason);
  EXPECT_TRUE(one_line(reason)) << reason;
  EXPECT_EQ(backend.name() == "cpu", !cuda.obstacle.empty()) << backend.name() << ": " << cuda.obstacle;
  if (!cuda.obstacle.empty()) {
    EXPECT_EQ(reason, cuda.obstacle);
  }
}

TEST(Device, AskedForAndUnusableIsAnErrorOfOneLine) {
  const CudaReport cuda = report_cuda();
  if (!cuda.obstacle.empty()) {
    EXPECT_EQ(error_of("cuda"), "device 'cuda' cannot be used: " + cuda.obstacle);
    EXPECT_EQ(error_of("cuda:0"), "device 'cuda:0' cannot be used: " + cuda.obstacle);
  }
  EXPECT_TRUE(error_of("cuda:99").starts_with("device 'cuda:99' cannot be used: ")) << error_of("cuda:99");
  EXPECT_TRUE(one_line(error_of("cuda:99")));
}

TEST(Device, NamesTheNearestOfUnknownOnes) {
  EXPECT_EQ(error_of("tpu"), "device: expected cpu, cuda, cuda:N or auto, found 'tpu'; did you mean cpu?");
  EXPECT_EQ(error_of("cudda"), "device: expected cpu, cuda, cuda:N or auto, found 'cudda'; did you mean cuda?");
  for (const char* device : {"", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "cuda1", "cuda:99999999999", "CPU"})
    EXPECT_TRUE(error_of(device).starts_with("device: expected ")) << device << ": " << error_of(device);
}

TEST(DeviceObstacle, OfIndices) {
  EXPECT_EQ(cuda::index_obstacle(0, 1), "");
  EXPECT_EQ(cuda::index_obstacle(1, 1), "there is no cuda:1; the driver lists 1 GPU, the first is cuda:0");
  EXPECT_EQ(cuda::index_obstacle(-1, 2), "there is no cuda:-1; the driver lists 2 GPUs, the first is cuda:0");
}

TEST(DeviceObstacle, OfComputeCapabilities) {
  EXPECT_EQ(cuda::capability_obstacle(8, 0), "");
  EXPECT_EQ(cuda::capability_obstacle(12, 0), "");
  EXPECT_EQ(cuda::capability_obstacle(7, 5), "its compute capability is 7.5; at least 8.0 is needed");
}

TEST(DeviceObstacle, OfMemory) {
  EXPECT_EQ(cuda::memory_obstacle(kGiB, 80 * kGiB), "");
  EXPECT_EQ(cuda::memory_obstacle(kGiB / 2, 80 * kGiB),
            "only 0.5 GiB of its 80.0 GiB are free; at least 1.0 GiB is needed");
}

// What `basin doctor --json` says of CUDA; null where the CUDA back end is not in this build.
nlohmann::json cuda_json(const fs::path& folder, const std::string& before) {
  const CommandResult result = run_command(folder, "doctor --json", before);
  EXPECT_EQ(result.status, 0) << result.errors;
  const auto json = nlohmann::json::parse(result.output);
  return json["cuda_backend"].get<bool>() ? json["cuda"] : nlohmann::json();
}

// Puts the stand-in for a library into `folder` under that library's name.
void place_stand_in(const fs::path& folder, const std::string& name) {
  fs::copy_file(BASIN_DRIVER_STAND_IN, folder / name, fs::copy_options::overwrite_existing);
}

class Driver : public ::testing::Test {
 protected:
  Driver() { place_stand_in(folder_.path(), "libcuda.so.1"); }

  std::string obstacle(const std::string& settings) const {
    const auto cuda = cuda_json(folder_.path(), "LD_LIBRARY_PATH=. " + settings);
    if (cuda.is_null()) return "";
    EXPECT_FALSE(cuda["usable"].get<bool>());
    return cuda["obstacle"].get<std::string>();
  }
  void SetUp() override {
    if (!report_cuda().built) GTEST_SKIP() << "the CUDA back end is not in this build";
  }

  TemporaryFolder folder_;
};

TEST_F(Driver, TooOldIsNamedWithBothVersions) {
  EXPECT_EQ(obstacle("STAND_IN_CUDA=11040"),
            "the NVIDIA driver is too old: it knows CUDA 11.4, this build is of CUDA " + report_cuda().runtime);
}

TEST_F(Driver, WithoutAGpu) {
  EXPECT_EQ(obstacle("STAND_IN_CUDA=99000 STAND_IN_STATUS=100"), "the NVIDIA driver lists no GPU");
}

TEST_F(Driver, ThatFailsIsQuoted) {
  EXPECT_EQ(obstacle("STAND_IN_CUDA=99000 STAND_IN_STATUS=999"),
            "the GPUs cannot be listed: cudaErrorUnknown, unknown error");
}

class Libraries : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!report_cuda().built) GTEST_SKIP() << "the CUDA back end is not in this build";
  }
  // Of each library, when they are looked for in the test's folder.
  std::vector<std::string> obstacles() const {
    std::vector<std::string> texts;
    const auto cuda = cuda_json(folder_.path(), "BASIN_CUDA_LIBRARIES=.");
    for (const auto& library : cuda["libraries"]) texts.push_back(library["obstacle"].get<std::string>());
    return texts;
  }
  // "libcudnn.so.9"; "" where this build does without the library.
  std::string file_name(std::size_t library) const {
    const std::string text = obstacles().at(library);
    const std::size_t begin = text.find("lib"), end = text.find(": cannot open");
    return end == std::string::npos ? "" : text.substr(begin, end - begin);
  }

  TemporaryFolder folder_;
};

// Every function that Basin calls is in the libraries of this machine.
TEST_F(Libraries, HaveAllFunctions) {
  const CudaReport cuda = report_cuda();
  ASSERT_EQ(cuda.libraries.size(), 2);
  for (const CudaLibrary& library : cuda.libraries) {
    EXPECT_EQ(library.file.empty(), !library.obstacle.empty()) << library.name;
    EXPECT_EQ(library.version.empty(), !library.obstacle.empty()) << library.name;
    EXPECT_EQ(library.obstacle.find("has no function"), std::string::npos) << library.obstacle;
    if (!library.obstacle.empty()) GTEST_SKIP() << library.name << " was not tested: " << library.obstacle;
  }
}

TEST_F(Libraries, MissingInTheFolderThatIsNamed) {
  for (const std::string& text : obstacles()) {
    if (text.find("not in this build") != std::string::npos) continue;
    EXPECT_TRUE(text.starts_with("BASIN_CUDA_LIBRARIES: ./lib")) << text;
    EXPECT_TRUE(one_line(text)) << text;
  }
}

TEST_F(Libraries, BrokenAreQuoted) {
  for (const std::size_t library : {0, 1}) {
    const std::string name = file_name(library);
    if (name.empty()) continue;
    write_file(folder_.path() / name, "no library");
    const std::string text = obstacles().at(library);
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_EQ(text.find("cannot open"), std::string::npos) << text;
    EXPECT_TRUE(one_line(text)) << text;
  }
}

TEST_F(Libraries, OfAnotherKindLackAFunction) {
  for (const std::size_t library : {0, 1}) {
    const std::string name = file_name(library);
    if (name.empty()) continue;
    place_stand_in(folder_.path(), name);
    EXPECT_NE(obstacles().at(library).find("has no function cu"), std::string::npos) << obstacles().at(library);
  }
}

}  // namespace
}  // namespace basin
