#include "landscape/curve/curve_evaluator.h"

namespace basin {
namespace {

class CurveEvaluator final : public Evaluator {
 public:
  CurveEvaluator(const Model& model, const Curve& curve, const EvaluationSet& set, const EvaluatorOptions& options)
      : model_(model), curve_(curve), set_(set), options_(options) {
    const auto first = make_evaluator({&model_, &curve_.points.front(), nullptr, nullptr}, set_, options_);
    engine_ = first->engine();
    precision_ = first->precision();
  }

  std::string engine() const override { return engine_; }
  std::string precision() const override { return precision_; }
  std::vector<std::string> notes() const override { return notes_; }

  // Each point is a network of its own: what an engine prepares for one takes little beside the images.
  void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                const std::function<bool()>& stop) override {
    notes_.clear();
    for (std::size_t i = 0; i < points.size() && !stop(); ++i) {
      check(points[i].beta == 0, "curve: a point off the curve, beta = ", points[i].beta);
      const State state = curve_.at(points[i].alpha);
      const auto evaluator = make_evaluator({&model_, &state, nullptr, nullptr}, set_, options_);
      const Point origin;
      evaluator->evaluate(
          {&origin, 1}, [&](std::size_t, const PointResult& result) { done(i, result); }, stop);
      for (const std::string& note : evaluator->notes())
        if (notes_.empty() || notes_.back() != note) notes_.push_back(note);
    }
  }

 private:
  const Model& model_;
  const Curve& curve_;
  EvaluationSet set_;
  EvaluatorOptions options_;
  std::string engine_, precision_;
  std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<Evaluator> make_curve_evaluator(const Model& model, const Curve& curve, const EvaluationSet& set,
                                                const EvaluatorOptions& options) {
  return std::make_unique<CurveEvaluator>(model, curve, set, options);
}

}  // namespace basin
