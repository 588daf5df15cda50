// The oracle of the engines: the model's own forward in float64.
#pragma once
#include "data/preprocess.h"
#include "tests/landscape/landscape_values.h"

namespace basin {

inline State in_double(const State& state) {
  State result = state.clone();
  for (Entry& entry : result.entries())
    if (entry.value.dtype() == DType::f32) entry.value = cast(entry.value, DType::f64).detach();
  return result;
}

inline Direction in_double(const Direction& direction) {
  Direction result = direction;
  for (Tensor& tensor : result.tensors)
    if (tensor.defined()) tensor = cast(tensor, DType::f64).detach();
  return result;
}

// The mean cross-entropy of `images` at the point.
inline double loss_in_double(const SmallLandscape& small, const Images& images, const Point& point) {
  const Recording off(false);
  const State center = in_double(small.state);
  const Direction x = in_double(small.x), y = in_double(small.y);
  State state = displaced({&small.model, &center, &x, &y}, point);
  std::vector<float> pixels(static_cast<std::size_t>(images.count * images.image_size()));
  normalize(images, small.normalization, 0, images.count, pixels.data());
  const Tensor input =
      Tensor::from({images.count, images.height, images.width, images.channels}, pixels, cpu_backend());
  const Tensor labels = Tensor::from({images.count}, images.labels, cpu_backend());
  return mean(softmax_cross_entropy(forward(small.model, state, cast(input, DType::f64), Mode::evaluate), labels))
      .item();
}

}  // namespace basin
