#include "models/training/checkpoint.h"

#include "core/backend.h"
#include "core/hash.h"
#include "core/safetensors.h"
#include "models/weights.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

void expect_equal_states(const State& a, const State& b) {
  ASSERT_EQ(a.entries().size(), b.entries().size());
  for (std::size_t i = 0; i < a.entries().size(); ++i) {
    const Entry &x = a.entries()[i], &y = b.entries()[i];
    EXPECT_EQ(x.name, y.name);
    if (x.role == Role::batches_tracked) continue;
    EXPECT_TRUE(x.value.to_vector<float>() == y.value.to_vector<float>()) << x.name;
  }
}

TEST(Checkpoint, ComesBackWithWhatItIs) {
  const TemporaryFolder folder;
  const auto path = folder / "net.safetensors";
  Model model = find_model("vgg9", 7);
  const State state = initialize(model, 5, cpu_backend());
  save_checkpoint(path, model, state, {{"dataset", "cifar10"}, {"epoch", "12"}});
  const Checkpoint loaded = load_checkpoint(path, "", cpu_backend());
  EXPECT_EQ(loaded.model.name, "vgg9");
  EXPECT_EQ(loaded.model.classes, 7);
  EXPECT_EQ(loaded.dataset, "cifar10");
  EXPECT_EQ(loaded.hash, sha256_file(path));
  EXPECT_EQ(metadata_integer(loaded.metadata, "epoch", path), 12);
  expect_equal_states(loaded.state, state);
}

// A state_dict of PyTorch has no metadata: the model is named, the classes are the classifier's rows.
TEST(Checkpoint, ReadsAPlainStateDict) {
  const TemporaryFolder folder;
  for (const char* name : {"resnet20", "vgg9", "densenet121"}) {
    const auto path = folder / (std::string(name) + ".safetensors");
    const State state = initialize(find_model(name, 13), 5, cpu_backend());
    write_safetensors(path, save_weights(state).tensors);
    expect_error([&] { load_checkpoint(path, "", cpu_backend()); }, {path.string(), "--model"});
    const Checkpoint loaded = load_checkpoint(path, name, cpu_backend());
    EXPECT_EQ(loaded.model.classes, 13);
    expect_equal_states(loaded.state, state);
  }
}

TEST(Checkpoint, AWrongModelIsOneLine) {
  const TemporaryFolder folder;
  const auto path = folder / "net.safetensors";
  const Model model = find_model("resnet20");
  save_checkpoint(path, model, initialize(model, 0, cpu_backend()), {});
  expect_error([&] { load_checkpoint(path, "resnet20-noshort", cpu_backend()); },
               {path.string(), "unexpected", "resnet20-noshort"});
  expect_error([&] { load_checkpoint(path, "resnet2o", cpu_backend()); }, {"resnet20"});
}

TEST(Checkpoint, BadMetadataIsNamed) {
  const TemporaryFolder folder;
  const auto path = folder / "net.safetensors";
  const State state = initialize(find_model("resnet20"), 0, cpu_backend());
  for (const auto& [name, value] :
       {std::pair{"classes", "ten"}, {"classes", "0"}, {"classes", "-3"}, {"image", "32x"}, {"image", "0x32x3"}}) {
    write_safetensors(path, save_weights(state).tensors, {{"model", "resnet20"}, {name, value}});
    expect_error([&] { load_checkpoint(path, "", cpu_backend()); }, {path.string(), name, value});
  }
}

TEST(Checkpoint, TheOptimizerMustBeOfTheSameStep) {
  const TemporaryFolder folder;
  const auto path = folder / "last.safetensors";
  const Model model = find_model("resnet8");
  const State state = initialize(model, 0, cpu_backend());
  std::vector<std::string> names;
  for (const Entry& entry : state.entries())
    if (is_parameter(entry.role)) names.push_back(entry.name);
  const auto optimizer = make_optimizer({}, names, state.parameters());
  save_resumable(path, model, state, *optimizer, {{"step", "4"}});
  const Checkpoint loaded = load_checkpoint(path, "", cpu_backend());
  expect_error([&] { load_optimizer(path, loaded, *optimizer); }, {"last.optimizer.safetensors", "step", "4", "0"});
  std::filesystem::remove(folder / "last.optimizer.safetensors");
  expect_error([&] { load_optimizer(path, loaded, *optimizer); }, {"last.optimizer.safetensors", "missing"});
  // Steps that were skipped are no updates.
  optimizer->set_steps(3);
  save_resumable(path, model, state, *optimizer, {{"step", "4"}, {"updates", "3"}});
  optimizer->set_steps(0);
  load_optimizer(path, load_checkpoint(path, "", cpu_backend()), *optimizer);
  EXPECT_EQ(optimizer->steps(), 3);
}

}  // namespace
}  // namespace basin
