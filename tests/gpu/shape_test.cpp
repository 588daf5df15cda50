// Kernels that move values or sum them up, and pooling, on the device.
#include "tests/gpu/device_check.h"

namespace basin::gpu {
namespace {

using cuda::kFloatTypes;

// ---- broadcasts

std::vector<std::pair<Shape, Shape>> broadcasts() {  // large, small
  std::vector<std::pair<Shape, Shape>> rows{{{1}, {1}},
                                            {{}, {}},
                                            {{33, 31}, {33, 1}},
                                            {{33, 31}, {1, 31}},
                                            {{33, 31}, {1, 1}},
                                            {{3, 5, 7, 2}, {3, 1, 7, 1}},
                                            {{3, 5, 7, 2}, {1, 5, 1, 2}},
                                            {{2, 3, 4, 16}, {1, 1, 1, 16}},
                                            {{1, 1031}, {1, 1}}};
  if (!small_shapes())
    rows.insert(rows.end(), {{{128, 32, 32, 16}, {1, 1, 1, 16}},
                             {{128, 8, 8, 64}, {128, 1, 1, 64}},
                             {{1024, 10}, {1024, 1}},
                             {{40009}, {1}}});
  return rows;
}

TEST(GpuShape, SumsAndExpands) {
  for (const auto& [large, small] : broadcasts())
    for (const DType t : kFloatTypes) {
      check_on_device({.name = "reduce_sum",
                       .inputs = {normal_input(large, 0, 0.25)},
                       .outputs = {small},
                       .kernel = [](Backend& b, const auto& in, const auto& out) { b.reduce_sum(in[0], out[0]); },
                       .types = {{t}, {t}},
                       .terms = std::sqrt(static_cast<double>(large.count() / small.count()))});
      check_on_device({.name = "expand",
                       .inputs = {normal_input(small, 0)},
                       .outputs = {large},
                       .kernel = [](Backend& b, const auto& in, const auto& out) { b.expand(in[0], out[0]); },
                       .types = {{t}, {t}}});
    }
}

// ---- slices

TEST(GpuShape, ReadsAndWritesSlices) {
  struct Row {
    Shape whole;
    int axis;
    std::int64_t begin, extent;
  };
  std::vector<Row> rows{{{33}, 0, 5, 17}, {{4, 6, 3}, 1, 2, 3}, {{2, 5, 7, 31}, 3, 1, 13}, {{7, 33}, 0, 6, 1}};
  if (!small_shapes()) rows.insert(rows.end(), {{{64, 16, 16, 256}, 3, 64, 32}, {{1024, 32, 32, 3}, 0, 17, 128}});
  for (const Row& row : rows)
    for (const DType t : kFloatTypes) {
      Shape part = row.whole;
      part[static_cast<std::size_t>(row.axis)] = row.extent;
      check_on_device({.name = "read_slice",
                       .inputs = {normal_input(row.whole, 0)},
                       .outputs = {part},
                       .kernel = [&](Backend& b, const auto& in,
                                     const auto& out) { b.read_slice(in[0], row.axis, row.begin, out[0]); },
                       .types = {{t}, {t}}});
      check_on_device({.name = "write_slice",
                       .inputs = {normal_input(part, 0)},
                       .outputs = {row.whole},
                       .kernel =
                           [&](Backend& b, const auto& in, const auto& out) {
                             b.fill(out[0], 7);  // what is kept
                             b.write_slice(in[0], row.axis, row.begin, out[0]);
                           },
                       .types = {{t}, {t}}});
    }
}

TEST(GpuShape, GathersAndScatters) {
  struct Row {
    Shape table, indices;
  };
  std::vector<Row> rows{{{1}, {1}}, {{5, 3}, {2, 3}}, {{33}, {127}}, {{4, 8, 2}, {31, 5}}};
  if (!small_shapes()) rows.push_back({{128, 32, 32, 16}, {128, 16, 16, 16}});
  for (const Row& row : rows)
    for (const DType t : kFloatTypes) {
      const auto below = static_cast<std::uint64_t>(row.table.count());
      check_on_device({.name = "gather",
                       .inputs = {normal_input(row.table, 0), index_input(row.indices, below)},
                       .outputs = {row.indices},
                       .kernel = [](Backend& b, const auto& in, const auto& out) { b.gather(in[0], in[1], out[0]); },
                       .types = {{t}, {t}}});
      check_on_device({.name = "scatter",
                       .inputs = {normal_input(row.indices, 0), index_input(row.indices, below)},
                       .outputs = {row.table},
                       .kernel = [](Backend& b, const auto& in, const auto& out) { b.scatter(in[0], in[1], out[0]); },
                       .types = {{t}, {t}},
                       .terms = static_cast<double>(row.indices.count()) / static_cast<double>(row.table.count())});
    }
}

// ---- pooling

struct PoolCase {
  Shape x;
  Pool2d options;
  Shape y() const { return pool2d_shape(x, options); }
};

std::vector<PoolCase> pools() {
  std::vector<PoolCase> rows{{{1, 1, 1, 1}, {1, 1, 0}},
                             {{3, 4, 4, 33}, {2, 2, 0}},
                             {{2, 7, 9, 5}, {3, 2, 1}},
                             {{2, 8, 8, 16}, {8, 8, 0}},
                             {{2, 5, 6, 3}, {3, 1, 1}}};
  if (!small_shapes())
    rows.insert(rows.end(),
                {{{128, 32, 32, 64}, {2, 2, 0}}, {{128, 8, 8, 64}, {8, 8, 0}}, {{8, 112, 112, 64}, {3, 2, 1}}});
  return rows;
}

TEST(GpuShape, AveragePoolsAndTheirAdjoints) {
  for (const PoolCase& c : pools())
    for (const DType t : kFloatTypes) {
      const auto area = static_cast<double>(c.options.kernel * c.options.kernel);
      check_on_device(
          {.name = "average_pool2d",
           .inputs = {normal_input(c.x, 0)},
           .outputs = {c.y()},
           .kernel = [&](Backend& b, const auto& in, const auto& out) { b.average_pool2d(in[0], c.options, out[0]); },
           .types = {{t}, {t}},
           .terms = area});
      check_on_device({.name = "average_pool2d_gradient",
                       .inputs = {normal_input(c.y(), 0)},
                       .outputs = {c.x},
                       .kernel = [&](Backend& b, const auto& in,
                                     const auto& out) { b.average_pool2d_gradient(in[0], c.options, out[0]); },
                       .types = {{t}, {t}},
                       .terms = area});
    }
}

TEST(GpuShape, MaxPoolsAndTheirAdjoints) {
  for (const PoolCase& c : pools())
    for (const DType t : kFloatTypes) {
      KernelInput x = normal_input(c.x, 0);
      for (double& v : x.values) v = std::round(2 * v);  // many ties
      check_on_device({.name = "max_pool2d",
                       .inputs = {x},
                       .outputs = {c.y(), c.y()},
                       .kernel = [&](Backend& b, const auto& in,
                                     const auto& out) { b.max_pool2d(in[0], c.options, out[0], out[1]); },
                       .types = {{t}, {t, DType::i32}}});
      // The indices are those of the CPU's windows: of x in float64.
      std::vector<double> wide = x.values, y(static_cast<std::size_t>(c.y().count()));
      std::vector<std::int32_t> indices(y.size());
      cpu_backend().max_pool2d({wide.data(), DType::f64, c.x}, c.options, {y.data(), DType::f64, c.y()},
                               {indices.data(), DType::i32, c.y()});
      const KernelInput where{c.y(), {indices.begin(), indices.end()}, DType::i32};
      check_on_device({.name = "max_pool2d_gradient",
                       .inputs = {normal_input(c.y(), 1), where},
                       .outputs = {c.x},
                       .kernel = [&](Backend& b, const auto& in,
                                     const auto& out) { b.max_pool2d_gradient(in[0], in[1], c.options, out[0]); },
                       .types = {{t}, {t}},
                       .terms = static_cast<double>(c.options.kernel * c.options.kernel)});
    }
}

}  // namespace
}  // namespace basin::gpu
