#include "cuda/kernels/step/update.h"

#include <cmath>
#include <vector>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/step/step_counters.cuh"
#include "cuda/kernels/step/tensor_list.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWidth = 4;              // elements of a thread at a time: 16 bytes of f32
constexpr std::int64_t kPart = 2 * kThreads * kWidth;  // elements of a block
constexpr int kTensors = list_capacity(5);
constexpr int kBlocks = 4;  // on a multiprocessor: 64 registers a thread

template <class T>
struct UpdateItem {
  Global<float> parameter, first, second;
  Global<const T> gradient;
  Global<T> copy;  // null: none
  std::int64_t size;
  bool vectors;  // all are aligned
};

// What an update depends on besides its tensors.
struct StepNumbers {
  double learning_rate = 0;
  std::int64_t updates = 0;  // so far
  float loss_scale = 1;
  bool skips = false;
};

// Where they come from: the step's state or, that null, the host.
struct StepSource {
  __device__ StepNumbers read() const {
    if (!learning_rates) return host;
    StepNumbers numbers;
    numbers.skips = counters.skips();
    if (numbers.skips) return numbers;
    numbers.learning_rate = learning_rates[counters[StepCounter::batches]];
    numbers.updates = counters[StepCounter::updates];
    numbers.loss_scale = loss_scale[0];
    return numbers;
  }

  StepCounters counters = {};
  Global<const float> loss_scale = {};
  Global<const double> learning_rates = {};
  StepNumbers host = {};
};
constexpr std::int64_t kSourceBytes = 3 * 8 + 8 + 4;  // read by a block that does not skip

// The formulas of core/cpu/optimizers.cpp, in float: the constants of a step, then operator() for each element. What is
// fused is said here, not left to compilers, so that a value does not depend on where its tensor begins.
struct SgdRule {
  static constexpr bool kHasSecond = false;
  float rate, decay, momentum;
  bool nesterov, is_first;  // then what the momentum holds is not read

  __device__ void prepare(const OptimizerOptions& options, const StepNumbers& numbers) {
    rate = static_cast<float>(numbers.learning_rate);
    decay = static_cast<float>(options.weight_decay);
    momentum = static_cast<float>(options.momentum);
    nesterov = options.nesterov;
    is_first = numbers.updates == 0;
  }
  __device__ void operator()(float g, float& p, float& m, float&) const {
    const float total = fmaf(decay, p, g);
    m = fmaf(momentum, m, total);
    p = fmaf(-rate, nesterov ? fmaf(momentum, m, total) : m, p);
  }
};

struct AdamRule {
  static constexpr bool kHasSecond = true, is_first = false;
  float rate, root_bias2, beta1, rest1, beta2, rest2, epsilon, coupled, keep;

  __device__ void prepare(const OptimizerOptions& options, const StepNumbers& numbers) {
    const double t = static_cast<double>(numbers.updates + 1);
    const bool decoupled = options.kind == OptimizerKind::adamw;
    rate = static_cast<float>(numbers.learning_rate / (1 - std::pow(options.beta1, t)));
    root_bias2 = static_cast<float>(std::sqrt(1 - std::pow(options.beta2, t)));
    beta1 = static_cast<float>(options.beta1);
    rest1 = static_cast<float>(1 - options.beta1);
    beta2 = static_cast<float>(options.beta2);
    rest2 = static_cast<float>(1 - options.beta2);
    epsilon = static_cast<float>(options.epsilon);
    coupled = static_cast<float>(decoupled ? 0 : options.weight_decay);
    keep = static_cast<float>(decoupled ? 1 - numbers.learning_rate * options.weight_decay : 1);
  }
  __device__ void operator()(float g, float& p, float& m, float& v) const {
    const float total = fmaf(coupled, p, g);
    m = fmaf(beta1, m, rest1 * total);
    v = fmaf(beta2, v, rest2 * total * total);
    p = fmaf(keep, p, -(rate * m / (sqrtf(v) / root_bias2 + epsilon)));
  }
};

template <class Rule>
struct UpdateShared {
  SharedArray<Rule, 1> rule;
  SharedArray<float, 1> loss_scale;
  SharedArray<int, 1> skips;
};

// kWidth elements from i on.
template <class Rule, class T>
__device__ void update_vector(const UpdateItem<T>& item, std::int64_t i, const Rule& rule, float loss_scale) {
  const Vector<T, kWidth> g = item.gradient.template load_vector<kWidth>(i);
  Vector<float, kWidth> p = item.parameter.template load_vector<kWidth>(i), m{}, v{};
  if (!rule.is_first) m = item.first.template load_vector<kWidth>(i);
  if constexpr (Rule::kHasSecond) v = item.second.template load_vector<kWidth>(i);
  Vector<T, kWidth> copy;
  for (int k = 0; k < kWidth; ++k) {
    rule(widen(g[k]) / loss_scale, p[k], m[k], v[k]);
    copy[k] = narrow<T>(p[k]);
  }
  item.parameter.template store_vector<kWidth>(i, p);
  item.first.template store_vector<kWidth>(i, m);
  if constexpr (Rule::kHasSecond) item.second.template store_vector<kWidth>(i, v);
  if (item.copy) item.copy.template store_vector<kWidth>(i, copy);
}

template <class Rule, class T>
__device__ void update_element(const UpdateItem<T>& item, std::int64_t i, const Rule& rule, float loss_scale) {
  const T g = item.gradient[i];
  float p = item.parameter[i], m = 0, v = 0;
  if (!rule.is_first) m = item.first[i];
  if constexpr (Rule::kHasSecond) v = item.second[i];
  rule(widen(g) / loss_scale, p, m, v);
  item.parameter[i] = p;
  item.first[i] = m;
  if constexpr (Rule::kHasSecond) item.second[i] = v;
  if (item.copy) item.copy[i] = narrow<T>(p);
}

// SGD:  g = gradient / loss_scale + decay * p;  m = momentum * m + g;  p -= rate * (nesterov ? g + momentum * m : m)
// Adam: Kingma, Ba 2015, algorithm 1; AdamW: Loshchilov, Hutter 2019. Nothing where the step is skipped.
//
// Each item: parameter and moments f32 (size), gradient and copy T (size), any size.
// Map:   a block owns kPart neighbouring elements of one tensor; its first thread reads the numbers of the step; a
//        thread updates kWidth neighbours at a time.
// Cost:  update_cost: each element read and written once.
// Order: no reduction. The CPU's values differ by what its compiler fuses; the emulator's, with Adam, by the device's
// pow
//        in double precision, of which a float is kept.
template <class Rule, class T>
__global__ void __launch_bounds__(kThreads, kBlocks)
    update_kernel(TensorList<UpdateItem<T>, kTensors> list, StepSource source, OptimizerOptions options) {
  UpdateShared<Rule>& shared = shared_memory<UpdateShared<Rule>>();
  if (threadIdx.x == 0) {
    const StepNumbers numbers = source.read();
    Rule made;
    made.prepare(options, numbers);
    shared.rule[0] = made;
    shared.loss_scale[0] = numbers.loss_scale;
    shared.skips[0] = numbers.skips;
  }
  __syncthreads();
  if (shared.skips[0] != 0) return;
  const Rule rule = shared.rule[0];
  const float loss_scale = shared.loss_scale[0];

  const auto part = list.part();
  const UpdateItem<T>& item = list.items[part.item];
  const std::int64_t begin = part.index * kPart, end = begin + kPart < item.size ? begin + kPart : item.size;
  for (std::int64_t first = begin + threadIdx.x * kWidth; first < end; first += kThreads * kWidth) {
    if (item.vectors && first + kWidth <= end)
      update_vector(item, first, rule, loss_scale);
    else
      for (std::int64_t i = first; i < end && i < first + kWidth; ++i) update_element(item, i, rule, loss_scale);
  }
}

template <class T>
UpdateItem<T> item_of(OptimizerKind kind, const ParameterUpdate& update) {
  const View* second = kind == OptimizerKind::sgd ? nullptr : &update.second;
  const View* copy = update.copy.data ? &update.copy : nullptr;
  return {.parameter = global<float>(update.parameter),
          .first = global<float>(update.first),
          .second = global<float>(second),
          .gradient = global<T>(update.gradient),
          .copy = global<T>(copy),
          .size = update.parameter.size(),
          .vectors = aligned_to_vectors(update.parameter.data) && aligned_to_vectors(update.first.data) &&
                     aligned_to_vectors(update.second.data) && aligned_to_vectors(update.gradient.data) &&
                     aligned_to_vectors(update.copy.data)};
}

template <class Rule, class T>
void launch_updates(Stream stream, const std::vector<UpdateItem<T>>& items, const StepSource& source,
                    const OptimizerOptions& options) {
  for_each_list<kTensors>(items, kPart, [&](const auto& list, unsigned blocks) {
    launch(stream, {blocks, kThreads, sizeof(UpdateShared<Rule>)}, update_kernel<Rule, T>, list, source, options);
  });
}

// In one list of launches for each type of gradient.
void update_all(Stream stream, const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
                const StepSource& source) {
  check_updates(options.kind, updates);
  for (const ParameterUpdate& update : updates) dispatch_float(update.gradient.dtype, "update: gradient", [](auto) {});
  for (const DType type : {DType::f32, DType::f16, DType::bf16})
    dispatch_float(type, "update", [&]<class T>(T) {
      std::vector<UpdateItem<T>> items;
      for (const ParameterUpdate& update : updates)
        if (update.gradient.dtype == type) items.push_back(item_of<T>(options.kind, update));
      if (options.kind == OptimizerKind::sgd)
        launch_updates<SgdRule>(stream, items, source, options);
      else
        launch_updates<AdamRule>(stream, items, source, options);
    });
}

}  // namespace

Cost update_cost(OptimizerKind kind, std::span<const ParameterUpdate> updates) {
  const std::int64_t kept = kind == OptimizerKind::sgd ? 2 : 3;  // parameter and moments
  const std::int64_t flops = kind == OptimizerKind::sgd ? 9 : 17;
  Cost cost;
  for (const ParameterUpdate& update : updates) {
    const std::int64_t size = update.parameter.size(), blocks = (size + kPart - 1) / kPart;
    const auto width = static_cast<std::int64_t>(size_of(update.gradient.dtype));
    cost = cost + Cost{.bytes_read = size * (4 * kept + width) + blocks * kSourceBytes,
                       .bytes_written = size * (4 * kept + (update.copy.data ? width : 0)),
                       .flops = size * flops};
  }
  return cost;
}

void update(Stream stream, const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
            const StepState& state) {
  for (const ParameterUpdate& update : updates) dispatch_float(update.gradient.dtype, "update", [](auto) {});
  update_all(stream, options, updates,
             {.counters = StepCounters(state),
              .loss_scale = global<float>(ConstView(state.loss_scale)),
              .learning_rates = global<double>(state.learning_rates)});
}

void sgd_step(Stream stream, const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
              const View& momentum) {
  const ParameterUpdate update{.parameter = parameter, .first = momentum, .second = {}, .gradient = gradient};
  const OptimizerOptions options{.kind = OptimizerKind::sgd,
                                 .momentum = step.momentum,
                                 .nesterov = step.nesterov,
                                 .weight_decay = step.weight_decay};
  update_all(stream, options, {&update, 1}, {.host = {.learning_rate = step.learning_rate, .updates = first ? 0 : 1}});
}

void adam_step(Stream stream, const AdamStep& step, const ConstView& gradient, const View& parameter,
               const View& first_moment, const View& second_moment) {
  const ParameterUpdate update{
      .parameter = parameter, .first = first_moment, .second = second_moment, .gradient = gradient};
  const OptimizerOptions options{.kind = step.decoupled ? OptimizerKind::adamw : OptimizerKind::adam,
                                 .weight_decay = step.weight_decay,
                                 .beta1 = step.beta1,
                                 .beta2 = step.beta2,
                                 .epsilon = step.epsilon};
  update_all(stream, options, {&update, 1}, {.host = {.learning_rate = step.learning_rate, .updates = step.step - 1}});
}

}  // namespace basin::cuda
