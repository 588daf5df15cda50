// `basin curve` as a user starts it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "landscape/curve/curve_file.h"
#include "landscape/curve/three_points.h"
#include "landscape/direction_file.h"
#include "landscape/recomputed_statistics.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string kTrained = "--kind bezier --epochs 2 --batch 8 --points 5 ";

class CurveCommand : public ::testing::Test {
 protected:
  CurveCommand() {
    const Model model = find_model("resnet8");
    save_checkpoint(folder_ / "other.safetensors", model, random_state(model, 2), {});
    save_checkpoint(folder_ / "third.safetensors", model, random_state(model, 3), {});
    const Model larger = find_model("resnet14");
    save_checkpoint(folder_ / "larger.safetensors", larger, random_state(larger, 1), {});
  }

  CommandResult run(const std::string& arguments) const { return run_command(folder_.path(), arguments); }
  CommandResult curve(const std::string& flags) const {
    return run("curve net.safetensors other.safetensors --data data --device cpu " + flags);
  }
  Json json_of(const CommandResult& result) const {
    EXPECT_EQ(result.status, 0) << result.errors;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    return Json::parse(result.output, nullptr, false);
  }

  NetworkFolder folder_{"resnet8"};
};

void expect_plain(const SurfaceValues& values, std::size_t point, const Json& truth) {
  EXPECT_EQ(values.loss[point], truth["loss"].get<double>());
  EXPECT_EQ(values.loss_error[point], truth["loss_error"].get<double>());
  EXPECT_EQ(values.accuracy[point], truth["accuracy"].get<double>());
}

TEST_F(CurveCommand, EndsOfTheLineAreThePlainEvaluations) {
  for (const std::string statistics : {"interpolated", "recomputed"}) {
    const std::string mode = statistics == "recomputed" ? " --bn recomputed" : "";
    const Json json = json_of(curve("--points 3 --json --force --out line.h5 --bn " + statistics));
    const CurveFile file = read_curve(folder_ / "line.h5");
    for (const auto& [name, point] : {std::pair{"net", 0}, {"other", 2}}) {
      const Json truth = json_of(run("evaluate " + std::string(name) + ".safetensors --data data --split both --json " +
                                     "--device cpu" + mode));
      EXPECT_EQ(json["engine"], truth["engine"]);
      expect_plain(*file.surface.train, static_cast<std::size_t>(point), truth["train"]);
      expect_plain(*file.surface.test, static_cast<std::size_t>(point), truth["test"]);
    }
    const std::vector<double>& loss = file.surface.train->loss;
    const double excess = loss[1] - (loss[0] + loss[2]) / 2;
    EXPECT_EQ(json["train"]["loss_barrier"]["height"], std::max(excess, 0.0));
    if (excess > 0) {
      EXPECT_EQ(json["train"]["loss_barrier"]["t"], 0.5);
      EXPECT_GT(json["train"]["loss_barrier"]["error"], 0);
    }
    EXPECT_EQ(file.arc_length, (std::vector<double>{0, file.straight_length / 2, file.straight_length}));
    EXPECT_EQ(file.surface.attributes.at("checkpoint2"), "other.safetensors");
  }
}

// Without --bn, statistics are recomputed where there are any.
TEST_F(CurveCommand, RecomputesStatisticsByItself) {
  json_of(curve("--points 2 --json --out line.h5"));
  const CurveFile file = read_curve(folder_ / "line.h5");
  EXPECT_EQ(Json::parse(file.surface.attributes.at("configuration"))["bn"], "recomputed");
}

TEST_F(CurveCommand, TrainsABendThatOtherCommandsRead) {
  const Json json = json_of(curve(kTrained + "--json --quiet --out c.h5"));
  EXPECT_EQ(json["bends"], Json({"c.bend1.safetensors"}));
  EXPECT_GT(json["length_ratio"], 1);
  EXPECT_FALSE(fs::exists(folder_ / "c.training.safetensors"));
  EXPECT_FALSE(fs::exists(folder_ / "c.h5.log"));
  EXPECT_EQ(run("evaluate c.bend1.safetensors --data data --quiet").status, 0);

  // Its statistics are those that its weights give.
  const Checkpoint bend = load_checkpoint(folder_ / "c.bend1.safetensors", "", cpu_backend());
  const Dataset dataset = load_dataset(folder_ / "data");
  const PreparedImages batches(dataset.train, dataset.normalization, dataset.train.count);
  const State renewed = with_recomputed_statistics(bend.model, bend.state, batches);
  for (std::size_t i = 0; i < renewed.entries().size(); ++i) {
    const Entry &a = bend.state.entries()[i], &b = renewed.entries()[i];
    if (a.role != Role::batches_tracked) {
      EXPECT_EQ(a.value.to_vector<float>(), b.value.to_vector<float>()) << a.name;
    }
  }

  const CommandResult again = curve(kTrained + "--out c.h5");
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.errors.find("holds this curve already"), std::string::npos) << again.errors;
  const CommandResult different = curve(kTrained + "--seed 2 --out c.h5");
  EXPECT_EQ(different.status, 1);
  EXPECT_NE(different.errors.find("seed"), std::string::npos) << different.errors;
}

TEST_F(CurveCommand, ChainsHaveSeveralBends) {
  const Json json = json_of(curve("--kind chain --bends 2 --epochs 1 --batch 8 --points 4 --json --out c.h5"));
  EXPECT_EQ(json["bends"], Json({"c.bend1.safetensors", "c.bend2.safetensors"}));
  EXPECT_EQ(json["points"], 4);
}

TEST_F(CurveCommand, DrawsThePlaneOfTheBend) {
  const Json json = json_of(curve(kTrained + "--surface --surface-points 3 --json --out c.h5"));
  const Surface surface = read_surface(folder_ / "c.surface.h5");
  EXPECT_EQ(surface.size(), 9U);
  EXPECT_EQ(surface.direction_file, "c.plane.h5");
  const auto markers = read_markers(folder_ / "c.plane.h5");
  ASSERT_TRUE(markers);
  ASSERT_EQ(markers->networks.size(), 3U);
  EXPECT_EQ(markers->networks[2].name, "c.bend1.safetensors");
  const Point other = markers->networks[1].at, bend = markers->networks[2].at;
  EXPECT_NEAR(other.alpha, json["straight_length"].get<double>(), 1e-9 * other.alpha);
  EXPECT_LT(surface.x.front(), 0);
  EXPECT_GT(surface.x.back(), other.alpha);
  EXPECT_GT(surface.y->back(), bend.beta);
  // The path is the curve: from end to end, half way at (w_1 + 2 p + w_2) / 4.
  const std::vector<Point>& path = markers->path;
  EXPECT_EQ(path.front().alpha, 0);
  EXPECT_EQ(path.back().alpha, other.alpha);
  EXPECT_NEAR(path[path.size() / 2].alpha, (other.alpha + 2 * bend.alpha) / 4, 1e-12 * other.alpha);
  EXPECT_NEAR(path[path.size() / 2].beta, bend.beta / 2, 1e-12 * bend.beta);
  const Checkpoint first = load_checkpoint(folder_ / "net.safetensors", "", cpu_backend());
  const DirectionPair directions = read_directions(folder_ / "c.plane.h5", first.state);
  EXPECT_NEAR(norm(directions.x), 1, 1e-6);
  EXPECT_NEAR(cosine(directions.x, *directions.y), 0, 1e-6);
}

TEST_F(CurveCommand, DrawsThePlaneThroughAThirdNetwork) {
  json_of(
      curve("--points 2 --through third.safetensors --surface --surface-points 2 --bn interpolated --json --out l.h5"));
  const auto markers = read_markers(folder_ / "l.plane.h5");
  ASSERT_TRUE(markers);
  EXPECT_EQ(markers->networks[2].name, "third.safetensors");
  EXPECT_EQ(read_surface(folder_ / "l.surface.h5").size(), 4U);
}

// ---- interruption

pid_t start(const fs::path& folder) {
  std::fflush(nullptr);  // the child would print it again
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.c_str()) != 0 || !::freopen("/dev/null", "w", stdout) || !::freopen("/dev/null", "w", stderr))
      ::_exit(126);
    ::execl(BASIN_COMMAND, "basin", "curve", "../net.safetensors", "../other.safetensors", "--data", "../data",
            "--device", "cpu", "--kind", "bezier", "--epochs", "20", "--batch", "8", "--points", "5", "--out", "c.h5",
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return child;
}

int wait_for(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST_F(CurveCommand, InterruptedItGivesTheSameFilesInTheEnd) {
  for (const char* name : {"whole", "parts"}) fs::create_directory(folder_ / name);
  ASSERT_EQ(wait_for(start(folder_ / "whole")), 0);
  const fs::path parts = folder_ / "parts";
  int resumed = 0, status = -1;
  for (int attempt = 1; status != 0 && attempt < 100; ++attempt) {
    const pid_t child = start(parts);
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + 20 * attempt));
    ::kill(child, SIGINT);
    status = wait_for(child);
    resumed += status != 0 && fs::exists(parts / "c.training.safetensors") ? 1 : 0;
  }
  ASSERT_EQ(status, 0);
  EXPECT_GE(resumed, 1);
  for (const char* name : {"c.h5", "c.bend1.safetensors"})
    EXPECT_EQ(read_file(parts / name), read_file(folder_ / "whole" / name)) << name;
  EXPECT_FALSE(fs::exists(parts / "c.training.safetensors"));
}

// ---- bad input

TEST_F(CurveCommand, SaysInOneLineWhatIsWrong) {
  struct Case {
    std::string arguments, part;
  };
  const std::string ends = "curve net.safetensors other.safetensors --data data --out e.h5 ";
  for (const Case& c : {
           Case{"curve net.safetensors larger.safetensors --data data --out e.h5", "larger.safetensors"},
           Case{"curve net.safetensors absent.safetensors --data data --out e.h5", "absent.safetensors"},
           Case{"curve absent.safetensors net.safetensors --data data --out e.h5", "absent.safetensors"},
           Case{ends + "--kind beziers", "--kind: expected linear, bezier or chain, found 'beziers'; did you mean"},
           Case{ends + "--points 1", "--points: expected 2 to"},
           Case{ends + "--bn frozen", "--bn frozen"},
           Case{ends + "--surface", "--through"},
           Case{ends + "--through third.safetensors", "--surface"},
           Case{ends + "--kind chain --bends 2 --surface", "several bends"},
           Case{ends + "--kind bezier --bends 0", "--bends: expected at least 1, found 0"},
           Case{ends + "--kind bezier --epochs 0", "--epochs: expected at least 1, found 0"},
           Case{ends + "--kind bezier --train-images 25", "--train-images 25: the train split has 24"},
           Case{ends + "--kind bezier --lr -1", "--lr: expected a number above 0, found -1"},
           Case{ends + "--points 2 --through other.safetensors --surface", "one line"},
           Case{"curve net.safetensors other.safetensors --data data --out net.safetensors", "is read by this run"},
       }) {
    SCOPED_TRACE(c.arguments);
    const CommandResult result = run(c.arguments + " --quiet");
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.errors.substr(0, 7), "error: ") << result.errors;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_NE(result.errors.find(c.part), std::string::npos) << result.errors;
  }
}

// A bend of another curve is not replaced.
TEST_F(CurveCommand, KeepsBendsThatAreThere) {
  fs::copy_file(folder_ / "third.safetensors", folder_ / "c.bend1.safetensors");
  const CommandResult result = curve(kTrained + "--quiet --out c.h5");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.errors.find("'c.bend1.safetensors' exists"), std::string::npos) << result.errors;
  EXPECT_EQ(curve(kTrained + "--quiet --force --out c.h5").status, 0);
}

}  // namespace
}  // namespace basin
