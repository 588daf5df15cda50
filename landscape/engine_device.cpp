#include "landscape/engine_device.h"

#include <array>
#include <exception>
#include <map>
#include <optional>
#include <thread>

#include "landscape/point_queue.h"
#include "landscape/prepared_images.h"

namespace basin {
namespace {

// How a point is evaluated: by which kernels, in which arithmetic, with activations scaled by which power of two.
struct Attempt {
  std::string kernels;
  DType arithmetic;
  int exponent;
};

// One after the other until the result can be trusted; that of the last one counts as it is. Scaled by 2^-14 what is
// below 1 loses digits (it is subnormal in float16), beside activations that are 65504 and more.
std::vector<Attempt> attempts_of(const std::string& kernels, const EngineRequest& request) {
  const Attempt last{"generic", DType::f32, 0};
  if (request.precision == LandscapePrecision::exact) return {last};
  // Statistics that are estimated anew undo every scale.
  if (request.set.statistics == BatchStatistics::recomputed)
    return {{kernels, DType::f16, 0}, {kernels, DType::bf16, 0}, last};
  return {
      {kernels, DType::f16, 0}, {kernels, DType::f16, 7}, {kernels, DType::f16, 14}, {kernels, DType::bf16, 0}, last};
}

// The network and the images as a device takes them.
class WorkSource {
 public:
  explicit WorkSource(const EngineRequest& request) : request_(request) {
    for (const Entry& entry : request.plane.center->entries())
      check(entry.role == Role::batches_tracked || entry.value.dtype() == DType::f32, "engines on GPUs: ", entry.name,
            " is ", entry.value.dtype(), ", not f32");
    if (request.set.train != nullptr) add(*request.set.train, &PointResult::train);
    if (request.set.test != nullptr) add(*request.set.test, &PointResult::test);
  }

  const std::vector<Measurement PointResult::*>& parts() const { return parts_; }
  std::int64_t images(std::size_t part) const { return images_[part]->count; }

  std::unique_ptr<GridEngine> make_engine(Backend& device, const Attempt& attempt) const {
    GridWork work = describe(attempt);
    work.tensors = tensors();
    std::vector<std::vector<float>> pixels(images_.size());
    for (std::size_t i = 0; i < images_.size(); ++i) {
      const PreparedImages prepared(*images_[i], request_.set.normalization, 1, {}, 0);
      prepared.normalized(0, images_[i]->count, images_[i]->count, pixels[i]);
      work.sets.push_back({pixels[i].data(), images_[i]->labels.data(), images_[i]->count});
    }
    return device.grid_engine(work);
  }
  GridWork describe(const Attempt& attempt) const {
    GridWork work;
    work.plan = request_.plan.get();
    work.objective = request_.set.loss;
    work.kernels = attempt.kernels;
    work.arithmetic = attempt.arithmetic;
    work.points = request_.chunk;
    work.statistics = request_.set.statistics;
    work.statistics_batch = request_.set.statistics_batch;
    return work;
  }

 private:
  void add(const Images& images, Measurement PointResult::*part) {
    images_.push_back(&images);
    parts_.push_back(part);
  }
  std::vector<PlaneTensor> tensors() const {
    std::vector<PlaneTensor> tensors;
    const auto& entries = request_.plane.center->entries();
    const auto values = [](const Tensor& tensor) {
      return std::span<const float>(tensor.view().as<float>(), static_cast<std::size_t>(tensor.size()));
    };
    const auto along = [&](const Direction* axis, std::size_t i) {
      const bool moves = axis != nullptr && axis->tensors[i].defined();
      return moves ? values(axis->tensors[i]) : std::span<const float>();
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const bool counts = entries[i].role == Role::batches_tracked;
      tensors.push_back(
          counts ? PlaneTensor{}
                 : PlaneTensor{values(entries[i].value), along(request_.plane.x, i), along(request_.plane.y, i)});
    }
    return tensors;
  }

  EngineRequest request_;
  std::vector<const Images*> images_;
  std::vector<Measurement PointResult::*> parts_;
};

Measurement measurement_of(const GridLosses& losses, std::int64_t images) {
  const auto count = static_cast<double>(images);
  const double share = static_cast<double>(losses.correct) / count;
  return {.loss = losses.mean,
          .loss_error = standard_error(losses.squared_deviations, count),
          .accuracy = 100 * share,
          .accuracy_error = 100 * standard_error(static_cast<double>(losses.correct) * (1 - share), count),
          .non_finite = losses.not_finite};
}

// A device and its engines, one an attempt's kernels and arithmetic.
class Device {
 public:
  using Task = PointQueue::Task;

  Device(Backend& backend, const WorkSource& source, const std::vector<Attempt>& attempts)
      : backend_(&backend), source_(&source), attempts_(&attempts) {
    engine(0);
  }

  std::string name() const { return backend_->name(); }
  bool busy() const { return !under_way_.empty(); }
  bool full() const { return under_way_.size() >= 2; }

  // Is the attempt's engine there, or can it be made? It may have to take the memory of one that is at work.
  bool ready_for(int attempt) const { return !busy() || engines_.contains(key_of(attempt)); }

  // How many points it takes at once; makes the engine.
  std::size_t capacity(int attempt) { return static_cast<std::size_t>(engine(attempt).chunk()); }

  void start(std::span<const Point> points, std::vector<Task> tasks) {
    std::vector<GridPoint> chunk;
    for (const Task& task : tasks)
      chunk.push_back({points[task.point].alpha, points[task.point].beta, at(task.attempt).exponent});
    under_way_.push_back({&engine(tasks.front().attempt), std::move(tasks)});
    under_way_.back().engine->start(chunk);
  }

  struct Finished {
    std::vector<Task> tasks;
    GridResults results;
  };
  Finished finish() {
    GridResults results = under_way_.front().engine->finish();
    Finished finished{std::move(under_way_.front().tasks), std::move(results)};
    under_way_.pop_front();
    return finished;
  }

  // Forgets the device, which computes no more -> what it was doing.
  std::vector<Task> abandon() {
    std::vector<Task> tasks;
    for (const Chunk& chunk : under_way_) tasks.insert(tasks.end(), chunk.tasks.begin(), chunk.tasks.end());
    under_way_.clear();
    engines_.clear();
    return tasks;
  }

 private:
  struct Chunk {
    GridEngine* engine;
    std::vector<Task> tasks;
  };
  using Key = std::pair<std::string, DType>;

  Key key_of(int attempt) const { return {at(attempt).kernels, at(attempt).arithmetic}; }
  const Attempt& at(int attempt) const { return (*attempts_)[static_cast<std::size_t>(attempt)]; }

  GridEngine& engine(int attempt) {
    const Key key = key_of(attempt);
    const auto found = engines_.find(key);
    if (found != engines_.end()) return *found->second;
    try {
      return *(engines_[key] = source_->make_engine(*backend_, at(attempt)));
    } catch (const OutOfMemory&) {
      engines_.erase(key);
      if (engines_.empty()) throw;
    }
    engines_.clear();  // they are idle, and their memory may do
    return *(engines_[key] = source_->make_engine(*backend_, at(attempt)));
  }

  Backend* backend_;
  const WorkSource* source_;
  const std::vector<Attempt>* attempts_;
  std::map<Key, std::unique_ptr<GridEngine>> engines_;
  std::deque<Chunk> under_way_;
};

class DeviceEvaluator final : public Evaluator {
 public:
  DeviceEvaluator(std::string name, std::string precision, const EngineRequest& request)
      : name_(std::move(name)),
        precision_(std::move(precision)),
        attempts_(attempts_of(name_, request)),
        source_(request) {
    for (Backend* backend : request.devices) devices_.emplace_back(std::in_place, *backend, source_, attempts_);
  }

  std::string engine() const override { return name_; }
  std::string precision() const override { return precision_; }
  std::vector<std::string> notes() const override;
  void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                const std::function<bool()>& stop) override;

 private:
  // One call of evaluate().
  struct Run {
    std::span<const Point> points;
    const std::function<void(std::size_t, const PointResult&)>& done;
    const std::function<bool()>& stop;
    PointQueue queue;
    std::mutex mutex;          // of what follows, and of the callbacks
    std::exception_ptr error;  // of a callback, or of the last device
    bool stopped = false;
  };

  void work(Run& run, std::optional<Device>& device);
  bool start_chunk(Run& run, Device& device);
  void take_results(Run& run, Device& device);
  void give_results(Run& run, const Device::Finished& finished, std::vector<PointQueue::Task>& again);
  PointResult result_of(const GridResults& results, std::size_t k) const;
  void lose(Run& run, std::optional<Device>& device, const std::exception_ptr& error, const char* what);
  bool stopped(Run& run);

  std::string name_, precision_;
  std::vector<Attempt> attempts_;
  WorkSource source_;
  std::deque<std::optional<Device>> devices_;  // none: lost
  std::vector<std::string> lost_;
  std::vector<std::int64_t> retried_;  // points by attempt, of the last call
};

PointResult DeviceEvaluator::result_of(const GridResults& results, std::size_t k) const {
  PointResult result;
  const std::size_t sets = source_.parts().size();
  for (std::size_t i = 0; i < sets; ++i)
    result.*source_.parts()[i] = measurement_of(results.losses[k * sets + i], source_.images(i));
  return result;
}

bool DeviceEvaluator::stopped(Run& run) {
  const std::lock_guard lock(run.mutex);
  if (!run.stopped && (run.error || run.stop())) {
    run.stopped = true;
    run.queue.close();
  }
  return run.stopped;
}

// Gives the device the next chunk, if there is one for it.
bool DeviceEvaluator::start_chunk(Run& run, Device& device) {
  int attempt = 0;
  if (stopped(run) || !run.queue.next_attempt(device.busy(), attempt)) return false;
  if (!device.ready_for(attempt)) return false;
  std::vector<PointQueue::Task> tasks = run.queue.take(attempt, device.capacity(attempt));
  if (tasks.empty()) return true;  // another device was faster
  device.start(run.points, std::move(tasks));
  return true;
}

// Results that can be trusted go to the caller; the other points are to be tried again.
void DeviceEvaluator::give_results(Run& run, const Device::Finished& finished, std::vector<PointQueue::Task>& again) {
  const std::lock_guard lock(run.mutex);
  const std::size_t sets = source_.parts().size();
  for (std::size_t k = 0; k < finished.tasks.size(); ++k) {
    const PointQueue::Task& task = finished.tasks[k];
    bool trusted = true;
    for (std::size_t i = 0; i < sets; ++i) trusted = trusted && finished.results.losses[k * sets + i].trusted;
    if (!trusted && static_cast<std::size_t>(task.attempt) + 1 < attempts_.size()) {
      again.push_back({task.point, task.attempt + 1});
      ++retried_[static_cast<std::size_t>(task.attempt) + 1];
    } else if (!run.error) {
      run.done(task.point, result_of(finished.results, k));
    }
  }
}

void DeviceEvaluator::take_results(Run& run, Device& device) {
  const Device::Finished finished = device.finish();
  std::vector<PointQueue::Task> again;
  try {
    give_results(run, finished, again);
  } catch (...) {  // of the caller's `done`: the device is well
    const std::lock_guard lock(run.mutex);
    run.error = std::current_exception();
  }
  run.queue.done(finished.tasks.size() - again.size());
  run.queue.give_back(again);
}

void DeviceEvaluator::lose(Run& run, std::optional<Device>& device, const std::exception_ptr& error, const char* what) {
  try {  // what it had finished before
    while (device->busy()) take_results(run, *device);
  } catch (const std::exception&) {
  }
  const std::vector<PointQueue::Task> tasks = device->abandon();
  const std::lock_guard lock(run.mutex);
  lost_.push_back(device->name() + " computes no more: " + what);
  device.reset();
  if (std::none_of(devices_.begin(), devices_.end(), [](const auto& other) { return other.has_value(); })) {
    run.error = error;
    run.queue.close();
  }
  run.queue.give_back(tasks);
}

// What the thread of a device does: the next chunk is under way before the results of the last one are taken.
void DeviceEvaluator::work(Run& run, std::optional<Device>& device) {
  try {
    for (;;) {
      const bool started = !device->full() && start_chunk(run, *device);
      if (started && !device->full()) continue;
      if (!device->busy()) return;
      take_results(run, *device);
    }
  } catch (const std::exception& error) {
    lose(run, device, std::current_exception(), error.what());
  }
}

void DeviceEvaluator::evaluate(std::span<const Point> points,
                               const std::function<void(std::size_t, const PointResult&)>& done,
                               const std::function<bool()>& stop) {
  Run run{points, done, stop, PointQueue(points.size()), {}, {}, false};
  retried_.assign(attempts_.size(), 0);
  check(std::any_of(devices_.begin(), devices_.end(), [](const auto& device) { return device.has_value(); }), "engine ",
        name_, ": all devices are lost");
  {
    std::vector<std::jthread> threads;
    for (std::optional<Device>& device : devices_)
      if (device) threads.emplace_back([&] { work(run, device); });
  }
  if (run.error) std::rethrow_exception(run.error);
}

std::vector<std::string> DeviceEvaluator::notes() const {
  std::vector<std::string> notes = lost_;
  for (std::size_t i = 1; i < retried_.size(); ++i) {
    if (retried_[i] == 0) continue;
    const Attempt& attempt = attempts_[i];
    std::string text =
        std::to_string(retried_[i]) + " points evaluated again in " + std::string(name_of(attempt.arithmetic));
    if (attempt.exponent > 0) text += " with activations scaled by 2^-" + std::to_string(attempt.exponent);
    notes.push_back(text + ": values were too large for " + std::string(name_of(attempts_[i - 1].arithmetic)));
  }
  return notes;
}

}  // namespace

double resident_share(const EngineRequest& request) {
  if (request.precision == LandscapePrecision::exact) return 0;
  GridWork work;
  work.plan = request.plan.get();
  work.kernels = "resident";
  work.statistics = request.set.statistics;
  return std::all_of(request.devices.begin(), request.devices.end(),
                     [&](const Backend* device) { return device->grid_obstacle(work).empty(); })
             ? 1
             : 0;
}

std::unique_ptr<Evaluator> make_resident_evaluator(const EngineRequest& request) {
  return std::make_unique<DeviceEvaluator>("resident", "fast (fp16)", request);
}

std::unique_ptr<Evaluator> make_generic_evaluator(const EngineRequest& request) {
  const bool exact = request.precision == LandscapePrecision::exact;
  return std::make_unique<DeviceEvaluator>("generic", exact ? "exact (3xtf32)" : "fast (fp16)", request);
}

}  // namespace basin
