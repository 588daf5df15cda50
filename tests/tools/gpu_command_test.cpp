// `basin surface`, `evaluate` and `doctor` on emulated GPUs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "landscape/surface_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

class GpuCommand : public ::testing::Test {
 protected:
  CommandResult run(const std::string& command, const std::string& flags, int devices = 1) const {
    const std::string environment = "BASIN_EMULATED_DEVICES=" + std::to_string(devices);
    return run_command(folder_.path(), command + " net.safetensors --data data --split both --images 4 --json " + flags,
                       environment);
  }
  Surface surface(const std::string& flags, Json& json, int devices = 1) const {
    const CommandResult result = run("surface", "--x=-0.5:0.5:3 --y=0:0.5:2 --force --out s.h5 " + flags, devices);
    EXPECT_EQ(result.status, 0) << result.errors;
    json = Json::parse(result.output);
    return read_surface(folder_ / "s.h5");
  }
  void expect_error_line(const std::string& flags, const std::string& line) const {
    const CommandResult result = run("surface", "--x=0:1:2 --out e.h5 " + flags, 2);
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors, "error: " + line + "\n");
  }

  NetworkFolder folder_{"resnet8"};
};

void expect_near(const SurfaceValues& found, const SurfaceValues& truth, double tolerance) {
  ASSERT_EQ(found.loss.size(), truth.loss.size());
  for (std::size_t i = 0; i < truth.loss.size(); ++i) {
    EXPECT_NEAR(found.loss[i], truth.loss[i], tolerance * truth.loss[i]) << i;
    EXPECT_EQ(found.valid[i], 1);
  }
}

TEST_F(GpuCommand, SurfacesOfEveryEngineAgreeWithTheCpu) {
  Json json;
  const Surface truth = surface("--device cpu --engine onednn", json);
  EXPECT_EQ(json["device"], "cpu");
  struct Case {
    std::string flags, engine, precision;
    double tolerance;
  };
  for (const Case& c : {Case{"", "resident", "fast (fp16)", 2e-3},
                        Case{"--device cuda --precision exact", "generic", "exact (3xtf32)", 1e-5},
                        Case{"--device cuda:0 --engine generic", "generic", "fast (fp16)", 2e-3}}) {
    SCOPED_TRACE(c.flags);
    const Surface found = surface(c.flags + " --verify 1", json);
    EXPECT_EQ(json["engine"], c.engine);
    EXPECT_EQ(json["precision"], c.precision);
    EXPECT_EQ(json["device"], "cuda:0");
    EXPECT_EQ(json["notes"], Json::array());
    EXPECT_EQ(found.attributes.at("engine"), c.engine);
    EXPECT_EQ(found.attributes.at("device"), "cuda:0");
    expect_near(*found.train, *truth.train, c.tolerance);
    expect_near(*found.test, *truth.test, c.tolerance);
  }
}

TEST_F(GpuCommand, SeveralGpusGiveTheSameSurface) {
  Json json;
  const Surface one = surface("--device cuda", json), two = surface("--device cuda:0,1", json, 2);
  EXPECT_EQ(json["device"], "cuda:0,cuda:1");
  EXPECT_EQ(two.train->loss, one.train->loss);
  EXPECT_EQ(two.test->loss_error, one.test->loss_error);
}

// A run that was begun on the CPU's arithmetic is not gone on with on a GPU, one of a GPU is on another.
TEST_F(GpuCommand, ResumesOnAnotherGpuAlone) {
  const std::string flags = "--x=-0.5:0.5:3 --out r.h5 ";
  ASSERT_EQ(run("line", flags + "--device cuda:1", 2).status, 0);
  EXPECT_EQ(run("line", flags + "--device cuda:0", 2).status, 0);
  const CommandResult other = run("line", flags + "--device cpu", 2);
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.errors.find("another configuration; engine: expected"), std::string::npos) << other.errors;
}

TEST_F(GpuCommand, EvaluateNamesDeviceAndEngine) {
  const CommandResult found = run("evaluate", ""), exact = run("evaluate", "--device cpu");
  ASSERT_EQ(found.status, 0) << found.errors;
  const Json on_gpu = Json::parse(found.output), on_cpu = Json::parse(exact.output);
  EXPECT_EQ(on_gpu["device"], "cuda:0");
  EXPECT_EQ(on_gpu["engine"], "resident");
  const double loss = on_cpu["train"]["loss"];
  EXPECT_NEAR(on_gpu["train"]["loss"].get<double>(), loss, 2e-3 * loss);
}

TEST_F(GpuCommand, BadDevicesAndEnginesAreOneLine) {
  expect_error_line("--device cuda:0,0", "device: cuda:0 is twice in 'cuda:0,0'");
  expect_error_line("--device cuda:0,x", "device: expected GPUs such as cuda:0,1, found 'cuda:0,x'");
  expect_error_line("--device cpu,1", "device: expected GPUs such as cuda:0,1, found 'cpu,1'");
  expect_error_line("--device cuda:2", "device 'cuda:2' cannot be used: device 2: there are 2 emulated devices");
  expect_error_line("--device cpu --engine resident",
                    "engine resident: runs on GPUs; device cpu is the CPU: as asked for");
  expect_error_line("--device cuda --engine onednn", "engine onednn: runs on the CPU, not on cuda:0 (--device cpu)");
  expect_error_line("--engine resident --precision exact", "engine resident: computes fast (fp16), not exact");
}

TEST_F(GpuCommand, DoctorNamesTheEngineOfTheGpu) {
  const Json json = Json::parse(run_command(folder_.path(), "doctor --json").output);
  EXPECT_EQ(json["engine"], "resident");
  EXPECT_EQ(json["precision"], "fast (fp16)");
  EXPECT_EQ(json["device"], "cuda:0");
  const std::string text = run_command(folder_.path(), "doctor").output;
  EXPECT_NE(text.find("\nengine         resident, fast (fp16): the fastest on a GPU"), std::string::npos) << text;
  EXPECT_NE(text.find("generic, exact (3xtf32) or fast (fp16): for every other network"), std::string::npos) << text;
}

TEST_F(GpuCommand, HessianOfTheLastLayer) {
  const auto hessian = [&](const std::string& flags) {
    const CommandResult result = run_command(
        folder_.path(), "hessian net.safetensors --data data --images 4 --parameters linear --trace 0 --json " + flags,
        "BASIN_EMULATED_DEVICES=1");
    EXPECT_EQ(result.status, 0) << result.errors;
    return Json::parse(result.output)["largest"][0]["value"].get<double>();
  };
  const double expected = hessian("--device cpu --out c.h5");
  EXPECT_NEAR(hessian("--device cuda --out g.h5"), expected, 1e-3 * expected);
}

}  // namespace
}  // namespace basin
