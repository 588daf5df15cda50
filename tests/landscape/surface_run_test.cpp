#include "landscape/surface_run.h"

#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "landscape/engines.h"
#include "tests/landscape/landscape_values.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

constexpr const char* kConfiguration = R"({"what":"a test"})";

bool never() { return false; }
void ignore(std::int64_t, const PointResult&) {}

// The bytes of the finished surface file, computed with at most `points_a_run` points at a time.
std::string surface_bytes(const SmallLandscape& small, const Grid& grid, std::int64_t points_a_run,
                          const EvaluatorOptions& options) {
  const TemporaryFolder folder;
  const std::filesystem::path log = folder / "s.h5.log", out = folder / "s.h5";
  const auto evaluator = make_evaluator(small.plane(), small.set(), options);
  for (int runs = 0;; ++runs) {
    SurfaceRun run(grid, small.set(), log, kConfiguration);
    const std::int64_t first = run.done();
    std::int64_t reported = first;
    run.run(
        *evaluator, [&](std::int64_t done, const PointResult&) { EXPECT_EQ(done, ++reported); },
        [&] { return run.done() - first >= points_a_run; });
    if (!run.complete()) {
      EXPECT_GT(run.done(), first);
      continue;
    }
    write_surface(out, run.surface());
    run.remove_log();
    EXPECT_FALSE(std::filesystem::exists(log));
    return read_file(out);
  }
}

TEST(SurfaceRun, TheFileDoesNotDependOnInterruptionsAndThreads) {
  const SmallLandscape small("resnet20", 3, 2);
  const Grid grid{{-1, 1, 5}, {-0.5, 0.5, 3}, true};
  for (const Engine& engine : cpu_engines()) {
    if (!obstacle_of(engine).empty()) continue;
    for (const LandscapePrecision precision : {LandscapePrecision::exact, LandscapePrecision::fast}) {
      if (precision == LandscapePrecision::fast && engine.fast == engine.exact) continue;
      const auto bytes = [&](std::int64_t points_a_run, int threads) {
        return surface_bytes(small, grid, points_a_run, {engine.name, threads, precision});
      };
      const std::string whole = bytes(100, 1);
      EXPECT_EQ(bytes(4, 1), whole) << engine.name;
      EXPECT_EQ(bytes(1, 2), whole) << engine.name;
      EXPECT_EQ(bytes(6, 7), whole) << engine.name;
    }
  }
}

TEST(SurfaceRun, RowsAreYAndColumnsAreX) {
  const SmallLandscape small("resnet20", 3, 2);
  const TemporaryFolder folder;
  // Not square, reversed, touching zero, of one point.
  const std::vector<Grid> grids{{{-1, 1, 3}, {0, 0.5, 2}, true},
                                {{1, -1, 3}, {-0.5, 0, 2}, true},
                                {{0, 0, 1}, {0.25, 0.25, 1}, true},
                                {{-0.5, 1.5, 4}, {0, 0, 1}, false}};
  const auto evaluator = make_evaluator(small.plane(), small.set());
  for (std::size_t g = 0; g < grids.size(); ++g) {
    const Grid& grid = grids[g];
    SurfaceRun run(grid, small.set(), folder / ("log" + std::to_string(g)), kConfiguration);
    run.run(*evaluator, ignore, never);
    ASSERT_TRUE(run.complete());
    const Surface& surface = run.surface();
    ASSERT_EQ(surface.y.has_value(), grid.two_dimensional);
    ASSERT_EQ(surface.size(), static_cast<std::size_t>(grid.size()));
    for (std::size_t row = 0; row < surface.rows(); ++row)
      for (std::size_t column = 0; column < surface.columns(); ++column) {
        const Point point{surface.x[column], surface.y ? (*surface.y)[row] : 0};
        const PointResult result = evaluate_point(*evaluator, point);
        const std::size_t index = row * surface.columns() + column;
        EXPECT_EQ(surface.train->loss[index], result.train.loss) << g << " " << row << " " << column;
        EXPECT_EQ(surface.test->accuracy[index], result.test.accuracy) << g << " " << row << " " << column;
        EXPECT_EQ(surface.train->valid[index], 1);
      }
  }
}

TEST(SurfaceRun, AnInterruptedRunMarksWhatIsMissing) {
  const SmallLandscape small("resnet20", 3, 2);
  const TemporaryFolder folder;
  const Grid grid{{-1, 1, 9}, {0, 0, 1}, false};
  SurfaceRun run(grid, small.set(), folder / "log", kConfiguration);
  const auto evaluator = make_evaluator(small.plane(), small.set(), {"onednn", 1});
  run.run(*evaluator, ignore, [&] { return run.done() >= 4; });
  ASSERT_EQ(run.done(), 4);
  EXPECT_FALSE(run.complete());
  EXPECT_EQ(run.surface().train->valid, (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace basin
