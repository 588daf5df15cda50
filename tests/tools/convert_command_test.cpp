// `basin convert` as a user starts it.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "landscape/direction_file.h"
#include "landscape/surface_file.h"
#include "models/training/checkpoint.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

class ConvertCommand : public ::testing::Test {
 protected:
  ConvertCommand() {
    EXPECT_EQ(run_command(folder_.path(),
                          "surface net.safetensors --data data --images 8 --x=-1:1:3 --y=0:1:2 --quiet --out s.h5")
                  .status,
              0);
  }
  CommandResult convert(const std::string& arguments) const {
    return run_command(folder_.path(), "convert " + arguments);
  }
  std::string converted(const std::string& arguments, const std::string& file) const {
    const CommandResult result = convert(arguments + " --out " + file);
    EXPECT_EQ(result.status, 0) << result.errors;
    return std::filesystem::exists(folder_ / file) ? read_file(folder_ / file) : "";
  }
  void expect_refused(const std::string& arguments, const std::string& line) const {
    const CommandResult result = convert(arguments);
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  NetworkFolder folder_{"resnet8"};
};

TEST_F(ConvertCommand, EveryFormatOfASurface) {
  const Surface surface = read_surface(folder_ / "s.h5");
  const std::string csv = converted("s.h5", "s.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7) << "a heading and six points: " << csv;
  std::ostringstream loss;
  loss.precision(6);
  loss << surface.train->loss[1];
  EXPECT_NE(csv.find(loss.str().substr(0, 5)), std::string::npos) << csv;
  EXPECT_NE(converted("s.h5 --log --clip 10", "s.vts").find("<VTKFile type=\"StructuredGrid\""), std::string::npos);
  EXPECT_EQ(converted("s.h5", "s.npz").substr(0, 2), "PK");
  const std::string obj = converted("s.h5", "s.obj");
  std::int64_t vertices = 0;
  std::istringstream lines(obj);
  for (std::string line; std::getline(lines, line);) vertices += line.starts_with("v ") ? 1 : 0;
  EXPECT_EQ(vertices, 6);
}

TEST_F(ConvertCommand, ANetworkAtAPointOfItsPlane) {
  converted("net.safetensors --at 0.5,0.25 --directions s.directions.h5", "moved.safetensors");
  const Checkpoint net = load_checkpoint(folder_ / "net.safetensors", "", cpu_backend()),
                   moved = load_checkpoint(folder_ / "moved.safetensors", "", cpu_backend());
  const DirectionPair pair = read_directions(folder_ / "s.directions.h5", net.state);
  const State expected = displaced({&net.model, &net.state, &pair.x, &*pair.y}, {0.5, 0.25});
  for (const Entry& entry : expected.entries())
    if (entry.value.dtype() == DType::f32) {
      EXPECT_EQ(moved.state[entry.name].to_vector<float>(), entry.value.to_vector<float>()) << entry.name;
    }
}

TEST_F(ConvertCommand, OneLineForWhatMakesNoSense) {
  expect_refused("s.h5 --out s.stl", ".stl");
  expect_refused("none.h5 --out s.csv", "none.h5");
  expect_refused("s.h5 --value test_loss --out s.obj", "test_loss");
  expect_refused("net.safetensors --at half,0 --directions s.directions.h5 --out m.safetensors", "--at");
}

}  // namespace
}  // namespace basin
