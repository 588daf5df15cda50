#include "landscape/engine_onednn.h"

#include <omp.h>

#include <exception>
#include <optional>
#include <thread>

#include "landscape/block_schedule.h"
#include "landscape/engine_onednn_network.h"
#include "landscape/prepared_images.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 16;  // images

// A network and the point whose weights it holds.
class PointNetwork {
 public:
  PointNetwork(const Plan& plan, const Plane& plane, OnednnNetwork::Relu relu) : network_(plan, plane, kBlock, relu) {}

  const float* run(const Point& point, const float* images, double bound) {
    if (!point_ || point_->alpha != point.alpha || point_->beta != point.beta) network_.set_point(point);
    point_ = point;
    return network_.run(images, bound);
  }

 private:
  OnednnNetwork network_;
  std::optional<Point> point_;
};

// What one thread owns.
struct Worker {
  std::optional<PointNetwork> fast, careful;
  std::vector<float> scratch;
};

class OnednnEvaluator final : public Evaluator {
 public:
  OnednnEvaluator(const Plane& plane, const EvaluationSet& set, int threads);

  std::string engine() const override { return "onednn"; }
  std::string precision() const override { return "fp32"; }
  void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                const std::function<bool()>& stop) override;

 private:
  // One image set and where its images and blocks are in those of a point.
  struct Part {
    PreparedImages images;
    std::int64_t first_image, first_block;
    Measurement PointResult::*result;
  };

  void add(const Images* images, Measurement PointResult::*result);
  void run_block(Worker& worker, const Point& point, std::int64_t block, std::span<ImageLoss> losses) const;
  const float* logits(Worker& worker, const Point& point, const float* images, double bound) const;
  PointResult result(std::span<const ImageLoss> losses) const;

  Plane plane_;
  EvaluationSet set_;
  Plan plan_;
  std::vector<Part> parts_;
  std::int64_t images_ = 0, blocks_ = 0;
  std::vector<Worker> workers_;
};

OnednnEvaluator::OnednnEvaluator(const Plane& plane, const EvaluationSet& set, int threads)
    : plane_(plane), set_(set), plan_(trace(*plane.model, *plane.center)), workers_(static_cast<std::size_t>(threads)) {
  for (const Entry& entry : plane.center->entries())
    check(entry.role == Role::batches_tracked || entry.value.dtype() == DType::f32, "engine onednn: ", entry.name,
          " is ", entry.value.dtype(), ", not f32");
  add(set.train, &PointResult::train);
  add(set.test, &PointResult::test);
}

void OnednnEvaluator::add(const Images* images, Measurement PointResult::*result) {
  if (images == nullptr) return;
  const Part& part =
      parts_.emplace_back(Part{PreparedImages(*images, set_.normalization, kBlock), images_, blocks_, result});
  images_ += part.images.count();
  blocks_ += part.images.blocks();
}

const float* OnednnEvaluator::logits(Worker& worker, const Point& point, const float* images, double bound) const {
  if (!worker.fast) worker.fast.emplace(plan_, plane_, OnednnNetwork::Relu::fused);
  if (const float* values = worker.fast->run(point, images, bound)) return values;
  if (!worker.careful) worker.careful.emplace(plan_, plane_, OnednnNetwork::Relu::keeps_nan);
  return worker.careful->run(point, images, bound);
}

void OnednnEvaluator::run_block(Worker& worker, const Point& point, std::int64_t block,
                                std::span<ImageLoss> losses) const {
  const Part& part = parts_.size() > 1 && block >= parts_[1].first_block ? parts_[1] : parts_[0];
  const std::int64_t own = block - part.first_block, first = part.images.first_of(own);
  const float* values = logits(worker, point, part.images.block(own, worker.scratch), part.images.bound());
  const auto classes = static_cast<std::size_t>(plan_.classes);
  for (std::int64_t i = 0; i < part.images.count_of(own); ++i, values += classes)
    losses[static_cast<std::size_t>(part.first_image + first + i)] =
        image_loss({values, classes}, part.images.label(first + i), set_.loss);
}

PointResult OnednnEvaluator::result(std::span<const ImageLoss> losses) const {
  PointResult result;
  for (const Part& part : parts_)
    result.*part.result = measure(
        losses.subspan(static_cast<std::size_t>(part.first_image), static_cast<std::size_t>(part.images.count())));
  return result;
}

void OnednnEvaluator::evaluate(std::span<const Point> points,
                               const std::function<void(std::size_t, const PointResult&)>& done,
                               const std::function<bool()>& stop) {
  BlockSchedule schedule(points.size(), images_, blocks_, stop);
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto finished = [&](std::size_t point, std::span<const ImageLoss> losses) { done(point, result(losses)); };
  const auto work = [&](Worker& worker) {
    omp_set_num_threads(1);  // of this thread: oneDNN's barriers would cost more than they bring
    try {
      BlockSchedule::Claim claim = schedule.next(nullptr);
      for (; claim.job != nullptr; claim = schedule.next(claim.job)) {
        run_block(worker, points[claim.job->point], claim.block, claim.job->images);
        schedule.complete(claim.job, finished);
      }
    } catch (...) {
      schedule.abandon();
      const std::lock_guard lock(error_mutex);
      error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (Worker& worker : workers_) threads.emplace_back(work, std::ref(worker));
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

std::unique_ptr<Evaluator> make_onednn_evaluator(const Plane& plane, const EvaluationSet& set, int threads) {
  return std::make_unique<OnednnEvaluator>(plane, set, threads);
}

}  // namespace basin
