// `basin surface` itself, killed and started again.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "core/atomic_file.h"
#include "tests/tools/network_folder.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kKills = 20;

// Starts the command in `folder`, its output going nowhere.
pid_t start(const fs::path& folder) {
  std::fflush(nullptr);  // the child would print it again
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.c_str()) != 0 || !::freopen("/dev/null", "w", stdout) || !::freopen("/dev/null", "w", stderr))
      ::_exit(126);
    ::execl(BASIN_COMMAND, "basin", "surface", "../net.safetensors", "--data", "../data", "--split", "both",
            "--x=-1:1:9", "--y=-0.5:0.5:7", "--out", "s.h5", "--threads", "2", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return child;
}

int wait_for(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

bool succeeded(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

class SurfaceCommand : public ::testing::Test {
 protected:
  SurfaceCommand() {
    for (const char* name : {"whole", "killed"}) fs::create_directory(folder_ / name);
  }

  NetworkFolder folder_;
};

TEST_F(SurfaceCommand, KilledAtRandomMomentsItStillGivesTheSameFile) {
  const auto begin = Clock::now();
  ASSERT_TRUE(succeeded(wait_for(start(folder_ / "whole"))));
  const double whole_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string whole = read_file(folder_ / "whole" / "s.h5");
  EXPECT_FALSE(fs::exists(folder_ / "whole" / "s.h5.log"));

  const fs::path killed = folder_ / "killed";
  const Random random(1, random_stream("moments"));
  int kills = 0, resumptions = 0;
  for (std::uint64_t attempt = 0; kills < kKills; ++attempt) {
    ASSERT_LT(attempt, 40 * kKills) << "it finishes before it can be killed";
    resumptions += fs::exists(killed / "s.h5.log") ? 1 : 0;
    const pid_t child = start(killed);
    std::this_thread::sleep_for(std::chrono::duration<double>(random.uniform(attempt) * whole_seconds));
    ::kill(child, SIGKILL);
    const int status = wait_for(child);
    kills += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_TRUE(WIFSIGNALED(status) || succeeded(status)) << status;
    if (!succeeded(status)) continue;
    EXPECT_EQ(read_file(killed / "s.h5"), whole) << "after " << kills << " kills";
    fs::remove_all(killed);  // once more from the beginning
    fs::create_directory(killed);
  }
  ASSERT_TRUE(succeeded(wait_for(start(killed))));
  EXPECT_EQ(read_file(killed / "s.h5"), whole);
  EXPECT_EQ(read_file(killed / "s.directions.h5"), read_file(folder_ / "whole" / "s.directions.h5"));
  EXPECT_FALSE(fs::exists(killed / "s.h5.log"));
  EXPECT_GT(resumptions, 0) << "no kill left a log to resume from";
}

TEST_F(SurfaceCommand, InterruptedItKeepsAPartAndExitsWith130) {
  const fs::path folder = folder_ / "killed";
  const pid_t child = start(folder);
  while (!fs::exists(folder / "s.h5.log") && ::kill(child, 0) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGINT);
  const int status = wait_for(child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_TRUE(fs::exists(folder / "s.h5"));
  EXPECT_TRUE(fs::exists(folder / "s.h5.log"));
  ASSERT_TRUE(succeeded(wait_for(start(folder))));
  ASSERT_TRUE(succeeded(wait_for(start(folder_ / "whole"))));
  EXPECT_EQ(read_file(folder / "s.h5"), read_file(folder_ / "whole" / "s.h5"));
}

}  // namespace
}  // namespace basin
