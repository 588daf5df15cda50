#include "landscape/direction_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "core/atomic_file.h"
#include "core/backend.h"
#include "core/random.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/python.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

Tensor normal(const Shape& shape, std::uint64_t stream, DType dtype = DType::f32) {
  const Random random(1, stream);
  std::vector<double> values(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(i);
  if (dtype == DType::f64) return Tensor::from(shape, values, cpu_backend());
  return Tensor::from(shape, std::vector<float>(values.begin(), values.end()), cpu_backend());
}

// A network's tensors in miniature: convolution, batch norm, linear after flattening (2, 2, 3).
State small_state(DType dtype = DType::f32) {
  State state;
  state.add({.name = "conv.weight", .role = Role::weight, .value = normal({3, 2, 2, 4}, 1, dtype)});
  state.add({.name = "bn.weight", .role = Role::gamma, .value = normal({3}, 2, dtype)});
  state.add({.name = "bn.bias", .role = Role::beta, .value = normal({3}, 3, dtype)});
  state.add({.name = "bn.running_mean", .role = Role::running_mean, .value = normal({3}, 4, dtype)});
  state.add({.name = "bn.running_var", .role = Role::running_variance, .value = normal({3}, 5, dtype)});
  state.add({.name = "bn.num_batches_tracked",
             .role = Role::batches_tracked,
             .value = Tensor::zeros({}, DType::i64, cpu_backend())});
  state.add({.name = "fc.weight",
             .role = Role::weight,
             .value = normal({5, 12}, 6, dtype),
             .flattened_height = 2,
             .flattened_width = 2,
             .flattened_channels = 3});
  state.add({.name = "fc.bias", .role = Role::bias, .value = normal({5}, 7, dtype)});
  return state;
}

std::vector<double> doubles(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

void expect_same(const Direction& a, const Direction& b) {
  EXPECT_EQ(a.kind, b.kind);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    ASSERT_EQ(a.tensors[i].defined(), b.tensors[i].defined()) << "tensor " << i;
    if (!a.tensors[i].defined()) continue;
    EXPECT_EQ(a.tensors[i].shape(), b.tensors[i].shape()) << "tensor " << i;
    EXPECT_EQ(doubles(a.tensors[i]), doubles(b.tensors[i])) << "tensor " << i;
  }
}

DirectionPair random_pair(const State& state, DirectionKind kind, Ignore ignore) {
  const DirectionOptions options{.kind = kind, .norm = Norm::filter, .ignore = ignore};
  return {.x = random_direction(state, options, 1, 0),
          .y = random_direction(state, options, 1, 1),
          .attributes = {{"seed", "1"}, {"norm", "filter"}}};
}

TEST(DirectionFile, EveryKindSurvivesBitForBit) {
  const TemporaryFolder folder;
  const State state = small_state();
  for (const DirectionKind kind : {DirectionKind::weights, DirectionKind::states})
    for (const Ignore ignore : {Ignore::none, Ignore::biasbn}) {
      const DirectionPair written = random_pair(state, kind, ignore);
      write_directions(folder / "d.h5", state, written);
      const DirectionPair read = read_directions(folder / "d.h5", state);
      expect_same(read.x, written.x);
      ASSERT_TRUE(read.y.has_value());
      expect_same(*read.y, *written.y);
      EXPECT_EQ(read.attributes, written.attributes);
    }
}

TEST(DirectionFile, OneDirectionAndEqualBytes) {
  const TemporaryFolder folder;
  const State state = small_state();
  DirectionPair written = random_pair(state, DirectionKind::weights, Ignore::biasbn);
  written.y.reset();
  write_directions(folder / "1.h5", state, written);
  write_directions(folder / "2.h5", state, written);
  EXPECT_EQ(read_file(folder / "1.h5"), read_file(folder / "2.h5"));
  EXPECT_FALSE(read_directions(folder / "1.h5", state).y.has_value());
}

TEST(DirectionFile, DoublePrecisionIsRoundedToTheFilesFloat) {
  const TemporaryFolder folder;
  const State state = small_state(DType::f64);
  const DirectionPair written = random_pair(state, DirectionKind::weights, Ignore::none);
  write_directions(folder / "d.h5", state, written);
  const Tensor read = read_directions(folder / "d.h5", state).x.tensors[0];
  ASSERT_EQ(read.dtype(), DType::f64);
  const std::vector<double> exact = doubles(written.x.tensors[0]), found = doubles(read);
  for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_EQ(found[i], static_cast<float>(exact[i]));
}

TEST(DirectionFile, WhatDoesNotFitIsAnError) {
  const TemporaryFolder folder;
  const State state = small_state();
  DirectionPair pair = random_pair(state, DirectionKind::weights, Ignore::biasbn);
  write_directions(folder / "d.h5", state, pair);
  const std::string old = read_file(folder / "d.h5");

  pair.x.tensors.pop_back();
  expect_error([&] { write_directions(folder / "d.h5", state, pair); }, {"xdirection", "expected 8", "found 7"});
  pair = random_pair(state, DirectionKind::weights, Ignore::biasbn);
  pair.y->kind = DirectionKind::states;
  expect_error([&] { write_directions(folder / "d.h5", state, pair); }, {"different kinds"});
  {
    const FailingDisk disk(1000);
    pair = random_pair(state, DirectionKind::states, Ignore::none);
    expect_error([&] { write_directions(folder / "d.h5", state, pair); }, {"cannot write", "d.h5"});
  }
  EXPECT_EQ(read_file(folder / "d.h5"), old);
  EXPECT_EQ(folder.entries(), 1u);

  State longer = small_state(), wider = small_state();
  longer.add({.name = "fc2.weight", .role = Role::weight, .value = normal({2, 5}, 8)});
  expect_error([&] { read_directions(folder / "d.h5", longer); },
               {"xdirection", "expected 6", "9 (states)", "found 5"});
  wider.find("conv.weight")->value = normal({3, 2, 2, 5}, 1);
  expect_error([&] { read_directions(folder / "d.h5", wider); },
               {"xdirection/0", "conv.weight", "expected shape (3, 5, 2, 2)", "found (3, 4, 2, 2)"});
  expect_error([&] { read_directions(folder / "absent.h5", state); }, {"cannot read", "absent.h5"});
}

// PyTorch's order of elements: the value of element (k, c, r, s) of the file is 1000 k + 100 c + 10 r + s.
constexpr const char* kReadOurs = R"(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'r') as f:     # as the reference tool's h5_util.read_list reads
    assert sorted(f.keys()) == ['xdirection'], list(f.keys())
    group = f['xdirection']
    tensors = [np.array(group[str(i)]) for i in range(len(group.keys()))]
    assert [t.shape for t in tensors] == [(3, 4, 2, 2), (3,), (3,), (5, 12), (5,)]
    assert all(t.dtype == np.float32 for t in tensors)
    k, c, r, s = np.indices((3, 4, 2, 2))
    assert np.array_equal(tensors[0], 1000 * k + 100 * c + 10 * r + s + 1)
    o, c, h, w = np.indices((5, 3, 2, 2))
    assert np.array_equal(tensors[3], (1000 * o + 100 * c + 10 * h + w + 1).reshape(5, 12))
    assert not tensors[1].any() and not tensors[2].any() and not tensors[4].any()
    assert f.attrs['seed'].decode() == '1'
)";

// The direction of kReadOurs in Basin's layout.
Direction counted_direction() {
  Direction direction{DirectionKind::weights, std::vector<Tensor>(8)};
  std::vector<float> conv, linear;
  for (int k = 0; k < 3; ++k)
    for (int r = 0; r < 2; ++r)
      for (int s = 0; s < 2; ++s)
        for (int c = 0; c < 4; ++c) conv.push_back(static_cast<float>(1000 * k + 100 * c + 10 * r + s + 1));
  for (int o = 0; o < 5; ++o)
    for (int h = 0; h < 2; ++h)
      for (int w = 0; w < 2; ++w)
        for (int c = 0; c < 3; ++c) linear.push_back(static_cast<float>(1000 * o + 100 * c + 10 * h + w + 1));
  direction.tensors[0] = Tensor::from({3, 2, 2, 4}, conv, cpu_backend());
  direction.tensors[6] = Tensor::from({5, 12}, linear, cpu_backend());
  return direction;
}

// As the reference tool's h5_util.write_list writes, from PyTorch's order.
constexpr const char* kWriteTheirs = R"(
import sys, h5py, numpy as np
path, kind = sys.argv[1:]
k, c, r, s = np.indices((3, 4, 2, 2))
conv = (1000 * k + 100 * c + 10 * r + s + 1).astype(np.float32)
o, c, h, w = np.indices((5, 3, 2, 2))
linear = (1000 * o + 100 * c + 10 * h + w + 1).reshape(5, 12).astype(np.float32)
zero = lambda n: np.zeros(n, np.float32)
weights = [conv, zero(3), zero(3), linear, zero(5)]
states = [conv, zero(3), zero(3), np.full(3, 0.5, np.float32), zero(3), np.float32(0), linear, zero(5)]
chosen = {'weights': weights, 'states': states, 'old states': states[:5] + states[6:]}.get(kind, weights)
if kind == 'nan': conv[1, 2, 0, 1] = np.nan
with h5py.File(path, 'w') as f:
    group = f.create_group('ydirection' if kind == 'no x' else 'xdirection')
    for i, tensor in enumerate(chosen): group.create_dataset(str(i), data=tensor)
    if kind == 'renamed': group.move('3', 'three')
    if kind == 'text': del group['1']; group['1'] = 'text'
    if kind == 'dataset': del f['xdirection']; f['xdirection'] = np.zeros(5)
    if kind == 'mixed':
        other = f.create_group('ydirection')
        for i, tensor in enumerate(states): other.create_dataset(str(i), data=tensor)
)";

class ReferenceDirections : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!python_has("h5py, numpy")) GTEST_SKIP() << "python3-h5py is not installed";
  }
  std::filesystem::path make(const std::string& kind) {
    const auto result = run_python(kWriteTheirs, (folder / "r.h5").string() + " '" + kind + "'");
    EXPECT_EQ(result.status, 0) << result.output;
    return folder / "r.h5";
  }
  TemporaryFolder folder;
};

TEST_F(ReferenceDirections, TheyReadOurs) {
  write_directions(folder / "d.h5", small_state(), {.x = counted_direction(), .y = {}, .attributes = {{"seed", "1"}}});
  const auto result = run_python(kReadOurs, (folder / "d.h5").string());
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST_F(ReferenceDirections, WeReadTheirs) {
  expect_same(read_directions(make("weights"), small_state()).x, counted_direction());
  for (const char* kind : {"states", "old states"}) {
    Direction expected = counted_direction();
    expected.kind = DirectionKind::states;
    expected.tensors[3] = Tensor::full({3}, 0.5, DType::f32, cpu_backend());
    expect_same(read_directions(make(kind), small_state()).x, expected);
  }
}

TEST_F(ReferenceDirections, BadFilesHaveClearErrors) {
  const State state = small_state();
  expect_error([&] { read_directions(make("nan"), state); }, {"r.h5", "xdirection/0", "conv.weight", "finite", "nan"});
  expect_error([&] { read_directions(make("no x"), state); }, {"r.h5", "xdirection", "missing"});
  expect_error([&] { read_directions(make("renamed"), state); }, {"r.h5", "xdirection/3", "missing"});
  expect_error([&] { read_directions(make("text"), state); }, {"r.h5", "xdirection/1", "expected numbers"});
  expect_error([&] { read_directions(make("dataset"), state); }, {"r.h5", "cannot read group xdirection"});
  expect_error([&] { read_directions(make("mixed"), state); }, {"r.h5", "different kinds"});
}

}  // namespace
}  // namespace basin
