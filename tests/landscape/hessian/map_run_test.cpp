#include "landscape/hessian/map_run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/atomic_file.h"
#include "core/interrupt.h"
#include "tests/landscape/landscape_values.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

constexpr const char* kConfiguration = R"({"what":"a test"})";

// A network of 6 x 6 images, in f32.
struct SmallMap {
  SmallLandscape small{Model{"small", 3, Shape{6, 6, 3},
                             [](const Scope& s, const Tensor& x) {
                               const Tensor y = s.batch_norm("bn", s.conv("conv", x, {.filters = 4}), {.relu = true});
                               return s.linear("linear", y, {.outputs = 3});
                             }},
                       12, 1};
  Grid grid{{-1, 1, 3}, {0, 0.5, 2}, true};
  MapOptions options{.tolerance = 1e-3, .products = 50};

  LossFunction loss(const std::function<bool()>& stop = {}) const {
    return {small.model,
            small.state,
            ParameterSpace(small.state, {"matrices"}),
            small.train,
            small.normalization,
            cpu_backend(),
            {.block = 5, .stop = stop}};
  }
};

void ignore(std::int64_t, std::size_t) {}
bool never() { return false; }

TEST(HessianMapRun, PointsAreTheSpectraOfMovedNetworks) {
  const SmallMap m;
  const TemporaryFolder folder;
  HessianMapRun run(m.grid, folder / "log", kConfiguration);
  LossFunction loss = m.loss();
  run.run(m.small.plane(), loss, m.options, ignore, never);
  ASSERT_TRUE(run.complete());
  for (std::int64_t i = 0; i < m.grid.size(); ++i) {
    const State moved = displaced(m.small.plane(), m.grid.point(i));
    const LossFunction there(m.small.model, moved, ParameterSpace(moved, {"matrices"}), m.small.train,
                             m.small.normalization, cpu_backend());
    const Tensor center = there.center();
    const Extremes expected = extremes([&](const Tensor& v) { return there.hessian_product(center, v); },
                                       type_of(center), {.tolerance = 1e-4, .products = 200});
    ASSERT_TRUE(expected.converged());
    const auto point = static_cast<std::size_t>(i);
    const double scale = expected.largest[0].value;
    EXPECT_EQ(run.map().largest.converged[point], 1);
    EXPECT_NEAR(run.map().largest.value[point], scale, 1e-3 * scale) << i;
    EXPECT_NEAR(run.map().smallest.value[point], expected.smallest[0].value, 1e-3 * scale) << i;
  }
}

TEST(HessianMapRun, TheFileDoesNotDependOnInterruptions) {
  const SmallMap m;
  const TemporaryFolder folder;
  const auto bytes = [&](int asked_at_most) {
    for (;;) {
      HessianMapRun run(m.grid, folder / "log", kConfiguration);
      int asked = 0;
      LossFunction loss = m.loss([&] { return ++asked > asked_at_most; });
      try {
        run.run(m.small.plane(), loss, m.options, ignore, never);
      } catch (const Interrupted&) {
        continue;
      }
      EXPECT_TRUE(run.complete());
      write_hessian_map(folder / "m.h5", run.map());
      run.remove_log();
      return read_file(folder / "m.h5");
    }
  };
  EXPECT_EQ(bytes(200), bytes(1'000'000));  // a point asks some 100 times
}

TEST(HessianMapRun, WhatIsNotFiniteIsData) {
  SmallMap m;
  m.small.x.tensors[0] = Tensor::full(m.small.state.entries()[0].value.shape(), 1e38, DType::f32, cpu_backend());
  const TemporaryFolder folder;
  HessianMapRun run({{0, 100, 2}, {0, 0, 1}, false}, folder / "log", kConfiguration);
  LossFunction loss = m.loss();
  run.run({&m.small.model, &m.small.state, &m.small.x, nullptr}, loss, m.options, ignore, never);
  EXPECT_TRUE(std::isfinite(run.map().largest.value[0]));
  EXPECT_TRUE(std::isnan(run.map().largest.value[1]));
  EXPECT_EQ(run.map().valid[1], 1);
  EXPECT_EQ(run.map().largest.converged[1], 0);
}

}  // namespace
}  // namespace basin
