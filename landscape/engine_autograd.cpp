#include "landscape/engine_autograd.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/backend.h"
#include "landscape/prepared_images.h"
#include "landscape/recomputed_statistics.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 64;  // images

class AutogradEvaluator final : public Evaluator {
 public:
  AutogradEvaluator(const Plane& plane, const EvaluationSet& set) : plane_(plane), set_(set) {
    if (set.train != nullptr) train_.emplace_back(*set.train, set.normalization, kBlock);
    if (set.test != nullptr) test_.emplace_back(*set.test, set.normalization, kBlock);
    if (set.statistics == BatchStatistics::recomputed) {
      const Images& first = set.train != nullptr ? *set.train : *set.test;
      batches_.emplace_back(first, set.normalization, std::min(set.statistics_batch, first.count));
    }
  }

  std::string engine() const override { return "autograd"; }
  std::string precision() const override { return "exact (fp32)"; }

  void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                const std::function<bool()>& stop) override {
    const Recording off(false);
    for (std::size_t i = 0; i < points.size() && !stop(); ++i) {
      State state = displaced(plane_, points[i]);
      for (const PreparedImages& batches : batches_) state = with_recomputed_statistics(*plane_.model, state, batches);
      PointResult result;
      for (const PreparedImages& images : train_) result.train = measure_images(images, state);
      for (const PreparedImages& images : test_) result.test = measure_images(images, state);
      done(i, result);
    }
  }

 private:
  Measurement measure_images(const PreparedImages& images, State& state) const {
    std::vector<ImageLoss> losses;
    ImageScratch scratch;
    Shape shape = plane_.model->image;
    shape.insert(shape.begin(), kBlock);
    Backend& backend = state.entries().front().value.backend();
    const auto classes = static_cast<std::size_t>(plane_.model->classes);
    for (std::int64_t block = 0; block < images.blocks(); ++block) {
      const Tensor x = Tensor::from_bytes(shape, DType::f32, images.block(block, scratch), backend);
      const std::vector<float> logits = forward(*plane_.model, state, x, Mode::evaluate).to_vector<float>();
      for (std::int64_t i = 0; i < images.count_of(block); ++i)
        losses.push_back(image_loss(std::span(logits).subspan(static_cast<std::size_t>(i) * classes, classes),
                                    images.label(images.first_of(block) + i), set_.loss));
    }
    return measure(losses);
  }

  Plane plane_;
  EvaluationSet set_;
  std::vector<PreparedImages> train_, test_, batches_;  // one or none
};

}  // namespace

std::unique_ptr<Evaluator> make_autograd_evaluator(const EngineRequest& request) {
  return std::make_unique<AutogradEvaluator>(request.plane, request.set);
}

}  // namespace basin
