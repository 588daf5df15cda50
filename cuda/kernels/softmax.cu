#include "cuda/kernels/softmax.h"

#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/warp_reduce.cuh"

namespace basin::cuda {
namespace {

constexpr int kWarp = 32, kWarps = 4;  // of a block

struct Plus {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Greater {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

__device__ std::int64_t row_of_warp() { return std::int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp; }
__device__ int lane_of_thread() { return static_cast<int>(threadIdx.x % kWarp); }

// -log softmax(x)[c] = log_sum + (greatest - x[c]), with log_sum = log(sum_c exp(x[c] - greatest))   (Bishop
// 2006, 4.108)
struct RowNorm {
  float greatest, sum;
};
__device__ RowNorm row_norm(const Global<const float>& row, int classes) {
  float greatest = -INFINITY, sum = 0;
  for (int c = lane_of_thread(); c < classes; c += kWarp) greatest = fmaxf(greatest, row[c]);
  greatest = warp_reduce(greatest, Greater{});
  for (int c = lane_of_thread(); c < classes; c += kWarp) sum += expf(row[c] - greatest);
  return {greatest, warp_reduce(sum, Plus{})};
}

// y[n, c] = logits[n, c] - logsumexp(logits[n, :])
//
// logits, y (N, C) f32, row-major; any C >= 1.
// Map:   one warp per row, lanes stride over the classes; the row is read three times, but for the first from L1.
// Cost:  each operand once: 8*N*C bytes; about 6*N*C flops.
// Order: fixed by C.
__global__ void __launch_bounds__(kWarps* kWarp)
    log_softmax_kernel(Global<const float> logits, std::int64_t rows, int classes, Global<float> y) {
  const std::int64_t n = row_of_warp();
  if (n >= rows) return;
  const Global<const float> row = logits.slice(n * classes, classes);
  const Global<float> out = y.slice(n * classes, classes);
  const RowNorm norm = row_norm(row, classes);
  const float log_sum = logf(norm.sum);
  for (int c = lane_of_thread(); c < classes; c += kWarp) out[c] = (row[c] - norm.greatest) - log_sum;
}

// loss[n] = (1 - s) * -log p[label] + s / C * sum_c -log p[c]
//
// logits (N, C) f32, row-major, labels (N) i32, loss (N) f32; any C >= 1, smoothing s in [0, 1].
// Map:   one warp per row, lanes stride over the classes; the row is read twice, three times if s > 0, from L1 but
// once. Cost:  softmax_cross_entropy_cost. Order: fixed by C.
__global__ void __launch_bounds__(kWarps* kWarp)
    softmax_cross_entropy_kernel(Global<const float> logits, Global<const std::int32_t> labels, std::int64_t rows,
                                 int classes, float smoothing, Global<float> loss) {
  const std::int64_t n = row_of_warp();
  if (n >= rows) return;
  const Global<const float> row = logits.slice(n * classes, classes);
  const RowNorm norm = row_norm(row, classes);
  const float log_sum = logf(norm.sum);
  float others = 0;  // sum_c -log p[c]
  if (smoothing > 0) {
    for (int c = lane_of_thread(); c < classes; c += kWarp) others += log_sum + (norm.greatest - row[c]);
    others = warp_reduce(others, Plus{});
  }
  if (lane_of_thread() != 0) return;
  const int label = labels[n];
  const bool valid = label >= 0 && label < classes;
  const float own = valid ? log_sum + (norm.greatest - row[label]) : NAN;
  loss[n] = (1 - smoothing) * own + smoothing / static_cast<float>(classes) * others;
}

// grad_logits[n, c] = grad_loss[n] * (p[c] - (1 - s) * [c == label] - s / C)
//
// logits, grad_logits (N, C) f32, row-major, labels (N) i32, grad_loss (N) f32; any C >= 1.
// Map:   one warp per row, lanes stride over the classes; the row is read three times, but for the first from L1.
// Cost:  softmax_cross_entropy_gradient_cost.
// Order: fixed by C.
__global__ void __launch_bounds__(kWarps* kWarp)
    softmax_cross_entropy_gradient_kernel(Global<const float> logits, Global<const std::int32_t> labels,
                                          Global<const float> grad_loss, std::int64_t rows, int classes,
                                          float smoothing, Global<float> grad_logits) {
  const std::int64_t n = row_of_warp();
  if (n >= rows) return;
  const Global<const float> row = logits.slice(n * classes, classes);
  const Global<float> grad = grad_logits.slice(n * classes, classes);
  const RowNorm norm = row_norm(row, classes);
  const int label = labels[n];
  const bool valid = label >= 0 && label < classes;
  const float scale = valid ? static_cast<float>(grad_loss[n]) : NAN;
  const float uniform = smoothing / static_cast<float>(classes);
  for (int c = lane_of_thread(); c < classes; c += kWarp) {
    const float target = uniform + (c == label ? 1 - smoothing : 0.0f);
    grad[c] = scale * (expf(row[c] - norm.greatest) / norm.sum - target);
  }
}

struct Rows {
  Rows(const char* operation, const ConstView& logits)
      : count(logits.shape.size() == 2 ? logits.shape[0] : 0), classes(0) {
    check(logits.shape.size() == 2 && logits.shape[1] >= 1 && logits.shape[1] <= 0x7fffffff, operation, ": logits ",
          logits.shape, ", (N, C) expected");
    classes = static_cast<int>(logits.shape[1]);
  }
  LaunchShape shape(const Site& site) const { return {blocks_for(count, kWarps, site), kWarps * kWarp, 0, site}; }

  std::int64_t count;
  int classes;
};

void check_rows(const char* operation, const char* name, const ConstView& values, const Rows& rows) {
  check(values.size() == rows.count, operation, ": ", name, " ", values.shape, " for ", rows.count, " rows");
}

}  // namespace

Cost softmax_cross_entropy_cost(std::int64_t rows, std::int64_t classes) {
  return {4 * rows * classes + 4 * rows, 4 * rows, 4 * rows * classes};
}

Cost softmax_cross_entropy_gradient_cost(std::int64_t rows, std::int64_t classes) {
  return {4 * rows * classes + 8 * rows, 4 * rows * classes, 7 * rows * classes};
}

void log_softmax(Stream stream, const ConstView& logits, const View& y) {
  const Rows rows("log_softmax", logits);
  check(y.shape == logits.shape, "log_softmax: ", logits.shape, " does not fit ", y.shape);
  launch(stream, rows.shape(Site::current()), log_softmax_kernel, global<float>(logits), rows.count, rows.classes,
         global<float>(y));
}

void softmax_cross_entropy(Stream stream, const ConstView& logits, const ConstView& labels, double label_smoothing,
                           const View& loss) {
  const Rows rows("softmax_cross_entropy", logits);
  check_rows("softmax_cross_entropy", "labels", labels, rows);
  check_rows("softmax_cross_entropy", "loss", loss, rows);
  launch(stream, rows.shape(Site::current()), softmax_cross_entropy_kernel, global<float>(logits),
         global<std::int32_t>(labels), rows.count, rows.classes, static_cast<float>(label_smoothing),
         global<float>(loss));
}

void softmax_cross_entropy_gradient(Stream stream, const ConstView& logits, const ConstView& labels,
                                    double label_smoothing, const ConstView& grad_loss, const View& grad_logits) {
  const Rows rows("softmax_cross_entropy_gradient", logits);
  check_rows("softmax_cross_entropy_gradient", "labels", labels, rows);
  check_rows("softmax_cross_entropy_gradient", "grad_loss", grad_loss, rows);
  check(grad_logits.shape == logits.shape, "softmax_cross_entropy_gradient: ", logits.shape, " does not fit ",
        grad_logits.shape);
  launch(stream, rows.shape(Site::current()), softmax_cross_entropy_gradient_kernel, global<float>(logits),
         global<std::int32_t>(labels), global<float>(grad_loss), rows.count, rows.classes,
         static_cast<float>(label_smoothing), global<float>(grad_logits));
}

}  // namespace basin::cuda
