// Recomputed statistics against those of PyTorch's update_bn; skipped without PyTorch.
#include <gtest/gtest.h>

#include <cstdlib>

#include "landscape/recomputed_statistics.h"
#include "models/weights.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/python.h"

namespace basin {
namespace {

// |a - b| / |b| in the Euclidean norm, of f64 tensors.
double norm_error(const Tensor& a, const Tensor& b) {
  const Tensor difference = a - b;
  return std::sqrt(dot(difference, difference).item() / dot(b, b).item());
}

Images images_of(const TensorFile& file) {
  const FileTensor* pixels = file.find("pixels");
  check(pixels != nullptr, "pytorch_parity.py wrote no pixels");
  Images images;
  images.count = pixels->shape[0];
  images.pixels.resize(pixels->bytes.size());
  std::memcpy(images.pixels.data(), pixels->bytes.data(), pixels->bytes.size());
  images.labels.resize(static_cast<std::size_t>(images.count));
  return images;
}

// PyTorch computes in float64. Ten images in batches of four: the last one has two.
TEST(RecomputedStatistics, AreThoseOfUpdateBn) {
  if (!python_has("torch")) GTEST_SKIP() << "PyTorch is not installed (Debian: python3-torch)";
  const TemporaryFolder folder;
  const std::string program = std::string(MODELS_TESTS_FOLDER) + "/pytorch_parity.py";
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 " + python_executable() + " '" + program +
                              "' statistics 4 10 '" + folder.path().string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;

  const Model model = find_model("resnet20");
  State state = initialize(model, 1, cpu_backend());
  load_weights(state, read_safetensors(folder / "weights.safetensors"));
  State expected = in_double(state);
  load_weights(expected, read_safetensors(folder / "recomputed.safetensors"));

  const Images images = images_of(read_safetensors(folder / "expected.safetensors"));
  const PreparedImages batches(images, {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}}, 4);
  const State found = in_double(with_recomputed_statistics(model, state, batches));
  double largest = 0;
  int compared = 0;
  for (const Entry& entry : found.entries()) {
    if (entry.role != Role::running_mean && entry.role != Role::running_variance) continue;
    const double error = norm_error(entry.value, expected[entry.name]);
    EXPECT_LE(error, 1e-5) << entry.name;
    EXPECT_GT(norm_error(in_double(state)[entry.name], expected[entry.name]), 0.01) << entry.name;
    largest = std::max(largest, error);
    ++compared;
  }
  EXPECT_EQ(compared, 2 * (19 + 2));  // of 3 x 3 convolutions and of projections
  std::printf("update_bn: error %.1e in norm\n", largest);
}

}  // namespace
}  // namespace basin
