#include "landscape/classwise_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Images of_class(const Images& images, std::int32_t label) {
  Images result{0, images.height, images.width, images.channels, {}, {}};
  const auto size = static_cast<std::ptrdiff_t>(images.image_size());
  for (std::int64_t i = 0; i < images.count; ++i) {
    if (images.labels[static_cast<std::size_t>(i)] != label) continue;
    const auto begin = images.pixels.begin() + i * size;
    result.pixels.insert(result.pixels.end(), begin, begin + size);
    result.labels.push_back(label);
    ++result.count;
  }
  return result;
}

// The images of one class, and what evaluates them; none where it has no images.
struct Class {
  Images train, test;
  std::unique_ptr<Evaluator> evaluator;
};

class ClasswiseEvaluator final : public Evaluator {
 public:
  ClasswiseEvaluator(const Plane& plane, const EvaluationSet& set, const EvaluatorOptions& options, std::size_t chunk)
      : set_(set), chunk_(chunk), classes_(static_cast<std::size_t>(plane.model->classes)) {
    check(set.statistics == BatchStatistics::stored,
          "losses of each class: batch-norm statistics are recomputed from all images together; leave one of them out");
    for (std::size_t label = 0; label < classes_.size(); ++label) {
      Class& c = classes_[label];
      EvaluationSet own = set;
      if (set.train != nullptr) c.train = of_class(*set.train, static_cast<std::int32_t>(label));
      if (set.test != nullptr) c.test = of_class(*set.test, static_cast<std::int32_t>(label));
      own.train = c.train.count > 0 ? &c.train : nullptr;
      own.test = c.test.count > 0 ? &c.test : nullptr;
      if (own.train != nullptr || own.test != nullptr) c.evaluator = make_evaluator(plane, own, options);
    }
    check(std::any_of(classes_.begin(), classes_.end(), [](const Class& c) { return c.evaluator != nullptr; }),
          "losses of each class: no images");
  }

  std::string engine() const override { return first().engine(); }
  std::string precision() const override { return first().precision(); }

  void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                const std::function<bool()>& stop) override {
    notes_.clear();
    for (std::size_t begin = 0; begin < points.size() && !stop(); begin += chunk_) {
      const std::span<const Point> some = points.subspan(begin, std::min(chunk_, points.size() - begin));
      if (!evaluate_chunk(
              some, [&](std::size_t i, const PointResult& result) { done(begin + i, result); }, stop))
        return;
    }
  }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  const Evaluator& first() const {
    return *std::find_if(classes_.begin(), classes_.end(), [](const Class& c) {
              return c.evaluator != nullptr;
            })->evaluator;
  }

  // False, and nothing is given out, where stop() came before every class was through.
  bool evaluate_chunk(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                      const std::function<bool()>& stop) {
    const Measurement nothing{kNaN, kNaN, kNaN, kNaN, 0};
    std::vector<PointResult> results(points.size());
    for (PointResult& result : results) {
      if (set_.train != nullptr) result.train_classes.assign(classes_.size(), nothing);
      if (set_.test != nullptr) result.test_classes.assign(classes_.size(), nothing);
    }
    for (std::size_t label = 0; label < classes_.size(); ++label) {
      const Class& c = classes_[label];
      if (c.evaluator == nullptr) continue;
      std::size_t count = 0;
      c.evaluator->evaluate(
          points,
          [&](std::size_t i, const PointResult& result) {
            if (c.train.count > 0) results[i].train_classes[label] = result.train;
            if (c.test.count > 0) results[i].test_classes[label] = result.test;
            ++count;
          },
          stop);
      if (count < points.size()) return false;
      const std::vector<std::string> notes = c.evaluator->notes();
      notes_.insert(notes_.end(), notes.begin(), notes.end());
    }
    std::vector<std::int64_t> train, test;
    for (const Class& c : classes_) {
      train.push_back(c.train.count);
      test.push_back(c.test.count);
    }
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (set_.train != nullptr) results[i].train = combined(results[i].train_classes, train);
      if (set_.test != nullptr) results[i].test = combined(results[i].test_classes, test);
      done(i, results[i]);
    }
    return true;
  }

  EvaluationSet set_;
  std::size_t chunk_;
  std::vector<Class> classes_;
  std::vector<std::string> notes_;
};

}  // namespace

Measurement combined(std::span<const Measurement> parts, std::span<const std::int64_t> counts) {
  double count = 0, loss = 0, correct = 0;
  Measurement result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto n = static_cast<double>(counts[i]);
    count += n;
    loss += n * parts[i].loss;
    correct += std::round(n * parts[i].accuracy / 100);  // a whole number of images
    result.non_finite += parts[i].non_finite;
  }
  result.loss = loss / count;
  double deviations = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto n = static_cast<double>(counts[i]);
    // Within: n (n - 1) times the squared standard error of the mean; a single image has none.
    if (counts[i] > 1) deviations += n * (n - 1) * parts[i].loss_error * parts[i].loss_error;
    deviations += n * (parts[i].loss - result.loss) * (parts[i].loss - result.loss);
  }
  result.loss_error = standard_error(deviations, count);
  const double share = correct / count;
  result.accuracy = 100 * share;
  result.accuracy_error = 100 * standard_error(correct * (1 - share), count);
  return result;
}

std::unique_ptr<Evaluator> make_classwise_evaluator(const Plane& plane, const EvaluationSet& set,
                                                    const EvaluatorOptions& options, std::size_t chunk) {
  return std::make_unique<ClasswiseEvaluator>(plane, set, options, chunk);
}

}  // namespace basin
