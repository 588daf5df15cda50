#include "models/weights.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/expect_error.h"
#include "tests/models/network_values.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// The state as a file that was written and read; `change` may edit the list of tensors in between.
TensorFile written(
    const State& state, const std::function<void(FileWeights&)>& change = [](FileWeights&) {}) {
  const TemporaryFolder folder;
  FileWeights file = save_weights(state);
  change(file);
  write_safetensors(folder / "weights.safetensors", file.tensors);
  return read_safetensors(folder / "weights.safetensors");
}

void rename(FileWeights& file, std::size_t index, const std::string& name) { file.tensors[index].name = name; }

void expect_equal(const State& a, const State& b) {
  ASSERT_EQ(a.entries().size(), b.entries().size());
  for (std::size_t i = 0; i < a.entries().size(); ++i) {
    const Tensor &x = a.entries()[i].value, &y = b.entries()[i].value;
    ASSERT_EQ(x.shape(), y.shape());
    ASSERT_EQ(x.dtype(), y.dtype());
    EXPECT_EQ(std::memcmp(x.view().data, y.view().data, static_cast<std::size_t>(x.size()) * size_of(x.dtype())), 0)
        << a.entries()[i].name;
  }
}

TEST(Weights, SurviveAFile) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Model model = find_model("vgg9");
    const State state = random_state(model, 1, dtype);
    State loaded = initialize(model, 2, cpu_backend(), dtype);
    load_weights(loaded, written(state));
    expect_equal(loaded, state);
  }
}

TEST(Weights, AreWrittenWithPyTorchsShapes) {
  const TensorFile file = written(initialize(find_model("vgg9"), 1, cpu_backend()));
  EXPECT_EQ(file.find("features.3.weight")->shape, Shape({64, 64, 3, 3}));
  EXPECT_EQ(file.find("features.0.weight")->shape, Shape({64, 3, 3, 3}));
  EXPECT_EQ(file.find("fc.0.weight")->shape, Shape({256, 4096}));
  EXPECT_EQ(file.find("fc.1.num_batches_tracked")->shape, Shape({}));
  EXPECT_EQ(file.find("fc.1.num_batches_tracked")->dtype, "I64");
  EXPECT_EQ(file.tensors.size(), initialize(find_model("vgg9"), 1, cpu_backend()).entries().size());
}

TEST(Weights, HalfPrecisionFilesFit) {
  const Model model = find_model("resnet20");
  const State state = random_state(model, 1);
  for (const auto& [dtype, limit] : {std::pair(DType::f16, 0x1p-11), std::pair(DType::bf16, 0x1p-8)}) {
    const TensorFile file = written(state, [&, half = dtype](FileWeights& weights) {
      for (std::size_t i = 0; i < weights.tensors.size(); ++i) {
        if (weights.tensors[i].dtype != DType::f32) continue;
        const Tensor narrow = cast(weights.storage[i], half);
        weights.tensors[i].dtype = half;
        weights.tensors[i].data = narrow.view().data;
        weights.storage[i] = narrow;
      }
    });
    State loaded = initialize(model, 2, cpu_backend());
    load_weights(loaded, file);
    for (const char* name : {"conv1.weight", "layer3.0.bn2.running_var", "linear.weight"})
      EXPECT_LE(relative_error(loaded[name], state[name]), limit) << name;
    EXPECT_NE(loaded["conv1.weight"].to_vector<float>(), state["conv1.weight"].to_vector<float>());
  }
}

TEST(Weights, DataParallelPrefixIsIgnored) {
  const Model model = find_model("resnet20");
  const State state = random_state(model, 1);
  State loaded = initialize(model, 2, cpu_backend());
  load_weights(loaded, written(state, [](FileWeights& file) {
                 for (NamedTensor& tensor : file.tensors) tensor.name = "module." + tensor.name;
               }));
  expect_equal(loaded, state);
}

TEST(Weights, CountersMayBeMissing) {
  const Model model = find_model("resnet20");
  const State state = random_state(model, 1);
  State loaded = initialize(model, 2, cpu_backend());
  load_weights(loaded, written(state, [](FileWeights& file) {
                 std::erase_if(file.tensors,
                               [](const NamedTensor& t) { return t.name.ends_with("num_batches_tracked"); });
               }));
  expect_equal(loaded, state);
}

TEST(Weights, MisfitsAreListedAndNothingIsLoaded) {
  const Model model = find_model("resnet20");
  const State state = random_state(model, 1);
  State target = initialize(model, 2, cpu_backend());
  const State before = target;
  const auto refused = [&](const TensorFile& file, std::initializer_list<std::string> parts) {
    expect_error([&] { load_weights(target, file); }, parts);
    for (std::size_t i = 0; i < target.entries().size(); ++i)
      ASSERT_EQ(target.entries()[i].value.identity(), before.entries()[i].value.identity());
  };
  refused(written(state, [](FileWeights& file) { rename(file, 0, "stem.weight"); }),
          {"weights.safetensors", "1 missing (conv1.weight)", "1 unexpected (stem.weight)"});
  refused(written(state, [](FileWeights& file) { rename(file, 1, "module.conv1.weight"); }),
          {"1 missing (bn1.weight)", "1 unexpected (module.conv1.weight)"});
  refused(written(state,
                  [](FileWeights& file) {
                    file.tensors[0].shape = {16, 27};
                  }),
          {"1 of the wrong shape", "conv1.weight is (16, 27), expected (16, 3, 3, 3)"});
  refused(written(state, [](FileWeights& file) { file.tensors[1].dtype = DType::i32; }),
          {"bn1.weight is i32, expected f32"});
  refused(written(random_state(find_model("resnet20-noshort"), 1)),
          {"10 missing", "layer2.0.shortcut.0.weight, layer2.0.shortcut.1.weight", ", ...)"});
  refused(
      written(random_state(find_model("resnet20", 100), 1)),
      {"2 of the wrong shape", "linear.weight is (100, 64), expected (10, 64)", "linear.bias is (100), expected (10)"});
}

}  // namespace
}  // namespace basin
