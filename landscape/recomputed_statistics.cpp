#include "landscape/recomputed_statistics.h"

#include <vector>

#include "core/autograd.h"

namespace basin {
namespace {

bool is_statistic(const Entry& entry) {
  return entry.role == Role::running_mean || entry.role == Role::running_variance;
}

}  // namespace

State with_recomputed_statistics(const Model& model, const State& state, const PreparedImages& images) {
  const Recording off(false);
  Backend& backend = state.entries().front().value.backend();
  std::vector<std::vector<double>> sums(state.entries().size());
  ImageScratch scratch;
  for (std::int64_t batch = 0; batch < images.blocks(); ++batch) {
    Shape shape = model.image;
    shape.insert(shape.begin(), images.count_of(batch));
    State working = state;
    forward(model, working, Tensor::from_bytes(shape, DType::f32, images.block(batch, scratch), backend),
            Mode::estimate);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (!is_statistic(working.entries()[i])) continue;
      const std::vector<float> values = working.entries()[i].value.to_vector<float>();
      sums[i].resize(values.size());
      for (std::size_t c = 0; c < values.size(); ++c) sums[i][c] += static_cast<double>(values[c]);
    }
  }
  State result = state;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    Entry& entry = result.entries()[i];
    if (!is_statistic(entry)) continue;
    std::vector<float> means;
    for (const double sum : sums[i]) means.push_back(static_cast<float>(sum / static_cast<double>(images.blocks())));
    entry.value = Tensor::from<float>(entry.value.shape(), means, backend);
  }
  return result;
}

}  // namespace basin
