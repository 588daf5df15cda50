#include "cuda/native/libraries/convolution_timer.h"

#include <algorithm>
#include <limits>

#include "cuda/kernels/elementwise.h"

namespace basin::cuda {
namespace {

constexpr int kRuns = 7;

}  // namespace

ConvolutionTimer::ConvolutionTimer() : own_(own_contractions(stream_)), cudnn_(open_cudnn(stream_)) {}

bool ConvolutionTimer::cudnn_is_faster(const ConvolutionCase& convolution) {
  const auto found = known_.find(convolution);
  return found != known_.end() ? found->second : known_.emplace(convolution, measure(convolution)).first->second;
}

bool ConvolutionTimer::measure(const ConvolutionCase& c) {
  const Stream stream = stream_;
  const auto scratch = [&](const Shape& shape) {
    DeviceBuffer buffer(stream, static_cast<std::size_t>(shape.count()) * size_of(c.type));
    fill(stream, {buffer.data(), c.type, shape}, 1);
    return buffer;
  };
  const DeviceBuffer x = scratch(c.x), weight = scratch(c.weight), y = scratch(c.y);
  const bool forward = c.kind == ConvolutionKind::forward;
  const void* a = (c.kind == ConvolutionKind::input_gradient ? y : x).data();
  const void* b = (c.kind == ConvolutionKind::weight_gradient ? y : weight).data();
  void* output = (forward ? y : c.kind == ConvolutionKind::input_gradient ? x : weight).data();
  if (!cudnn_->run(c, a, b, output)) return false;
  const double by_cudnn = milliseconds([&] { cudnn_->run(c, a, b, output); });
  const double by_own = milliseconds([&] { run_convolution(*own_, c, a, b, output); });
  return by_cudnn < by_own;
}

double ConvolutionTimer::milliseconds(const std::function<void()>& run) const {
  run();  // loads kernels and fills caches
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRuns; ++i) {
    Event start, end;
    start.record(stream_);
    run();
    end.record(stream_);
    least = std::min(least, end.milliseconds_since(start));
  }
  return least;
}

}  // namespace basin::cuda
