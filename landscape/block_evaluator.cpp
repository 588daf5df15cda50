#include "landscape/block_evaluator.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <thread>

#include "landscape/block_schedule.h"
#include "landscape/engine_onednn_network.h"

namespace basin {
namespace {

constexpr std::int64_t kCarefulBlock = 16;  // images

// A network and the point whose weights it holds.
class PointNetwork {
 public:
  explicit PointNetwork(std::unique_ptr<BlockNetwork> network) : network_(std::move(network)) {}

  const float* run(const Point& point, const std::byte* images, std::int64_t count, double bound) {
    if (!point_ || point_->alpha != point.alpha || point_->beta != point.beta) network_->set_point(point);
    point_ = point;
    return network_->run(images, count, bound);
  }

 private:
  std::unique_ptr<BlockNetwork> network_;
  std::optional<Point> point_;
};

// What one thread owns.
struct Worker {
  std::optional<PointNetwork> fast, careful;
  ImageScratch scratch;
  std::vector<float> careful_images, careful_logits;
};

class BlockEvaluator final : public Evaluator {
 public:
  BlockEvaluator(const EngineRequest& request, BlockEngine engine);

  std::string engine() const override { return engine_.name; }
  std::string precision() const override { return engine_.precision; }
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
  const float* logits(Worker& worker, const Point& point, const PreparedImages& images, std::int64_t block) const;
  const float* careful_logits(Worker& worker, const Point& point, const PreparedImages& images,
                              std::int64_t block) const;
  PointResult result(std::span<const ImageLoss> losses) const;

  Plane plane_;
  EvaluationSet set_;
  std::shared_ptr<const Plan> plan_;
  BlockEngine engine_;
  std::vector<Part> parts_;
  std::int64_t images_ = 0, blocks_ = 0;
  std::vector<Worker> workers_;
};

BlockEvaluator::BlockEvaluator(const EngineRequest& request, BlockEngine engine)
    : plane_(request.plane),
      set_(request.set),
      plan_(request.plan),
      engine_(std::move(engine)),
      workers_(static_cast<std::size_t>(request.threads)) {
  for (const Entry& entry : plane_.center->entries())
    check(entry.role == Role::batches_tracked || entry.value.dtype() == DType::f32, "engine ", engine_.name, ": ",
          entry.name, " is ", entry.value.dtype(), ", not f32");
  add(set_.train, &PointResult::train);
  add(set_.test, &PointResult::test);
}

void BlockEvaluator::add(const Images* images, Measurement PointResult::*result) {
  if (images == nullptr) return;
  const Part& part = parts_.emplace_back(
      Part{PreparedImages(*images, set_.normalization, engine_.block, engine_.packing), images_, blocks_, result});
  images_ += part.images.count();
  blocks_ += part.images.blocks();
}

const float* BlockEvaluator::logits(Worker& worker, const Point& point, const PreparedImages& images,
                                    std::int64_t block) const {
  if (!worker.fast) worker.fast.emplace(engine_.make_network());
  const std::byte* packed = images.block(block, worker.scratch);
  if (const float* values = worker.fast->run(point, packed, images.count_of(block), images.bound())) return values;
  return careful_logits(worker, point, images, block);
}

const float* BlockEvaluator::careful_logits(Worker& worker, const Point& point, const PreparedImages& images,
                                            std::int64_t block) const {
  if (!worker.careful)
    worker.careful.emplace(
        std::make_unique<OnednnNetwork>(*plan_, plane_, kCarefulBlock, OnednnNetwork::Relu::keeps_nan));
  const std::int64_t first = images.first_of(block), last = first + images.count_of(block);
  worker.careful_logits.clear();
  for (std::int64_t i = first; i < last; i += kCarefulBlock) {
    const std::int64_t count = std::min(kCarefulBlock, last - i);
    images.normalized(i, count, kCarefulBlock, worker.careful_images);
    const auto* plain = reinterpret_cast<const std::byte*>(worker.careful_images.data());
    const float* values = worker.careful->run(point, plain, count, images.bound());
    worker.careful_logits.insert(worker.careful_logits.end(), values, values + count * plan_->classes);
  }
  return worker.careful_logits.data();
}

void BlockEvaluator::run_block(Worker& worker, const Point& point, std::int64_t block,
                               std::span<ImageLoss> losses) const {
  const Part& part = parts_.size() > 1 && block >= parts_[1].first_block ? parts_[1] : parts_[0];
  const std::int64_t own = block - part.first_block, first = part.images.first_of(own);
  const float* values = logits(worker, point, part.images, own);
  const auto classes = static_cast<std::size_t>(plan_->classes);
  for (std::int64_t i = 0; i < part.images.count_of(own); ++i, values += classes)
    losses[static_cast<std::size_t>(part.first_image + first + i)] =
        image_loss({values, classes}, part.images.label(first + i), set_.loss);
}

PointResult BlockEvaluator::result(std::span<const ImageLoss> losses) const {
  PointResult result;
  for (const Part& part : parts_)
    result.*part.result = measure(
        losses.subspan(static_cast<std::size_t>(part.first_image), static_cast<std::size_t>(part.images.count())));
  return result;
}

void BlockEvaluator::evaluate(std::span<const Point> points,
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

std::unique_ptr<Evaluator> make_block_evaluator(const EngineRequest& request, BlockEngine engine) {
  return std::make_unique<BlockEvaluator>(request, std::move(engine));
}

}  // namespace basin
