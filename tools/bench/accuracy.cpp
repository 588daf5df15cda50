// basin_accuracy CHECKPOINT CIFAR_FOLDER [IMAGES]: how far the engines' losses are from the network's forward in
// float64, at points of a plane of filter-normalised directions. Prints one line an engine and precision.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "core/backend.h"
#include "core/error.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "landscape/engines.h"
#include "models/training/checkpoint.h"

namespace basin {
namespace {

constexpr Point kPoints[] = {{0, 0}, {0.1, 0}, {0, -0.25}, {0.5, 0.5}, {-1, 0}, {1, -1}, {1, 1}};

Tensor in_double(const Tensor& tensor) {
  return tensor.dtype() == DType::f32 ? cast(tensor, DType::f64).detach() : tensor;
}

// The mean cross-entropy at the point, all in float64.
double truth(const Model& model, const State& center, const Direction& x, const Direction& y, const Images& images,
             const Point& point) {
  State state = displaced({&model, &center, &x, &y}, point);
  std::vector<float> pixels(static_cast<std::size_t>(images.count * images.image_size()));
  normalize(images, recipe_normalization(), 0, images.count, pixels.data());
  const Tensor input =
      Tensor::from({images.count, images.height, images.width, images.channels}, pixels, cpu_backend());
  const Tensor labels = Tensor::from({images.count}, images.labels, cpu_backend());
  return mean(softmax_cross_entropy(forward(model, state, in_double(input), Mode::evaluate), labels)).item();
}

void compare(const std::string& path, const std::string& data, std::int64_t count) {
  const Recording off(false);
  const Checkpoint checkpoint = load_checkpoint(path, "", cpu_backend());
  const Images images = load_dataset(data).train.first(count);
  Direction directions[2], exact_directions[2];
  for (std::uint64_t axis = 0; axis < 2; ++axis) {
    directions[axis] = exact_directions[axis] = random_direction(checkpoint.state, {}, 1, axis);
    for (Tensor& tensor : exact_directions[axis].tensors)
      if (tensor.defined()) tensor = in_double(tensor);
  }
  State center = checkpoint.state.clone();
  for (Entry& entry : center.entries()) entry.value = in_double(entry.value);

  std::vector<double> truths;
  for (const Point& point : kPoints)
    truths.push_back(truth(checkpoint.model, center, exact_directions[0], exact_directions[1], images, point));
  const Plane plane{&checkpoint.model, &checkpoint.state, &directions[0], &directions[1]};
  const EvaluationSet set{.train = &images, .normalization = recipe_normalization()};
  std::printf("%s, %lld images; relative error of the loss at (alpha, beta)\n%-24s", checkpoint.model.name.c_str(),
              static_cast<long long>(count), "");
  for (const Point& point : kPoints) {
    char text[32];
    std::snprintf(text, sizeof text, "(%g, %g)", point.alpha, point.beta);
    std::printf(" %11s", text);
  }
  std::printf("\n%-24s", "float64");
  for (const double loss : truths) std::printf(" %11.6g", loss);
  for (const Engine& engine : cpu_engines()) {
    if (!obstacle_of(engine).empty() || engine.name == "autograd") continue;
    for (const auto precision : {LandscapePrecision::exact, LandscapePrecision::fast}) {
      if (precision == LandscapePrecision::fast && engine.fast == engine.exact) continue;
      const auto evaluator = make_evaluator(plane, set, {.engine = engine.name, .precision = precision});
      std::printf("\n%-24s", (evaluator->engine() + " " + evaluator->precision()).c_str());
      for (std::size_t i = 0; i < truths.size(); ++i)
        std::printf(" %11.1e", std::abs(evaluate_point(*evaluator, kPoints[i]).train.loss - truths[i]) / truths[i]);
    }
  }
  std::printf("\n");
}

}  // namespace
}  // namespace basin

int main(int argc, char** argv) {
  try {
    basin::check(argc == 3 || argc == 4, "usage: basin_accuracy CHECKPOINT CIFAR_FOLDER [IMAGES]");
    basin::compare(argv[1], argv[2], argc == 4 ? std::atoll(argv[3]) : 128);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
