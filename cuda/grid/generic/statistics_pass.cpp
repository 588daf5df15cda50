#include "cuda/grid/generic/statistics_pass.h"

#include <algorithm>

#include "core/error.h"
#include "cuda/grid/generic/stage_kernels.h"
#include "cuda/kernels/batch_norm.h"
#include "cuda/kernels/elementwise.h"

namespace basin::cuda {
namespace {

std::size_t bytes_of(std::int64_t count, std::int64_t bytes) { return static_cast<std::size_t>(count * bytes); }

}  // namespace

Plan with_separate_norms(const Plan& plan) {
  Plan result = plan;
  result.stages.clear();
  for (const Stage& stage : plan.stages) {
    if (stage.variance < 0 || stage.kind == Stage::Kind::affine) {
      result.stages.push_back(stage);
      continue;
    }
    Stage contraction = stage, norm = stage;
    contraction.gamma = contraction.beta = contraction.mean = contraction.variance = contraction.residual = -1;
    contraction.relu = false;
    contraction.output = static_cast<int>(result.buffers.size());
    result.buffers.push_back(plan.buffers[static_cast<std::size_t>(stage.output)]);
    norm.kind = Stage::Kind::affine;
    norm.inputs = {contraction.output};
    norm.weight = norm.bias = -1;
    norm.conv = {};
    result.stages.push_back(contraction);
    result.stages.push_back(norm);
  }
  return result;
}

StatisticsPass::StatisticsPass(Stream stream, const GridWork& work, const StageRunner& runner, std::int64_t points)
    : stream_(stream),
      plan_(with_separate_norms(*work.plan)),
      runner_(stream, plan_, work.tensors, work.arithmetic, points, false),
      images_(work.sets[0].count),
      batch_(std::min(work.statistics_batch, images_)),
      block_points_(std::clamp<std::int64_t>(
          work.activation_bytes / std::max<std::int64_t>(batch_ * runner_.activation_bytes(), 1), 1,
          std::min(points, runner_.most_points()))),
      channels_(runner.plane().channels()),
      not_finite_(stream, bytes_of(points, 4)),
      gamma_(stream, bytes_of(points * runner_.plane().channels(), 4)),
      beta_(stream, gamma_.bytes()),
      mean_(stream, bytes_of(channels_, 4)),
      variance_(stream, mean_.bytes()),
      sums_(stream, bytes_of(points * 2 * channels_, 8)) {
  runner_.make_room(block_points_, batch_);
  for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
    if (plan_.stages[i].kind != Stage::Kind::affine) continue;
    for (std::size_t j = 0; j < work.plan->stages.size(); ++j)
      if (work.plan->stages[j].output == plan_.stages[i].output) norms_.push_back({i, runner.placed(j).first_channel});
  }
  for (const Norm& norm : norms_) {
    const Shape& shape = plan_.buffers[static_cast<std::size_t>(plan_.stages[norm.stage].output)];
    const std::int64_t rest = images_ % batch_ == 0 ? batch_ : images_ % batch_;  // of the last batch
    check(rest * shape.count() / shape.back() > 1, "recomputed statistics: a batch of one image leaves a channel of ",
          plan_.model, " with one value; other batches than ", work.statistics_batch, " images are needed");
  }
}

std::int64_t StatisticsPass::launches(std::int64_t count) const {
  const auto norms = static_cast<std::int64_t>(norms_.size());
  const std::int64_t batches = (images_ + batch_ - 1) / batch_;
  const std::int64_t blocks = (count + block_points_ - 1) / block_points_;
  std::int64_t of_block = -norms;
  for (std::size_t i = 0; i < stages(); ++i) of_block += runner_.stage_launches(i);
  return runner_.point_launches() + 2 + batches * (blocks * of_block + count * norms * 3);
}

PointStatistics StatisticsPass::run(const PlanePoint* points, std::int64_t count, const void* pixels) {
  runner_.set_points(points, count, {not_finite_.data(), DType::i32, {count}});
  const Shape channels{count, runner_.plane().channels()};
  plane_channels(stream_, runner_.plane(), points, {gamma_.data(), DType::f32, channels},
                 {beta_.data(), DType::f32, channels});
  fill(stream_, {sums_.data(), DType::f64, {count * 2 * channels_}}, 0);
  for (std::int64_t point = 0; point < count; point += block_points_)
    for (std::int64_t image = 0; stages() > 0 && image < images_; image += batch_) {
      const StageBlock block{static_cast<const std::byte*>(pixels) + image * runner_.image_bytes(), point,
                             std::min(block_points_, count - point), std::min(batch_, images_ - image)};
      auto norm = norms_.begin();
      for (std::size_t i = 0; i < stages(); ++i) {
        if (i != norm->stage) {
          runner_.run_stage(block, i);
        } else {
          normalize(block, *norm++);
        }
      }
    }
  return {sums_.as<const double>(), (images_ + batch_ - 1) / batch_};
}

// The stage at each point of the block by the batch's own statistics, which are added to the sums.
void StatisticsPass::normalize(const StageBlock& block, const Norm& norm) {
  const Stage& stage = plan_.stages[norm.stage];
  const View x = runner_.buffer(block, stage.inputs[0]), y = runner_.buffer(block, stage.output);
  const std::int64_t channels = x.shape[3], size = x.size() / block.points, rows = size / channels;
  const Shape of_point{block.images, x.shape[1], x.shape[2], channels};
  const std::int64_t bytes = size * static_cast<std::int64_t>(size_of(x.dtype));
  const auto at = [&](void* data, std::int64_t k) -> View {
    return {static_cast<std::byte*>(data) + k * bytes, x.dtype, of_point};
  };
  const View mean{mean_.data(), DType::f32, {channels}}, variance{variance_.data(), DType::f32, {channels}};
  for (std::int64_t k = 0; k < block.points; ++k) {
    const std::int64_t place =
        (block.first_point + k) * runner_.plane().channels() + runner_.placed(norm.stage).first_channel;
    const ConstView gamma{gamma_.as<float>() + place, DType::f32, {channels}};
    const ConstView beta{beta_.as<float>() + place, DType::f32, {channels}};
    ConstView residual;
    if (stage.residual >= 0) residual = at(runner_.buffer(block, stage.residual).data, k);
    batch_norm_training(stream_, at(x.data, k), gamma, beta, stage.residual >= 0 ? &residual : nullptr,
                        {.epsilon = stage.epsilon, .relu = stage.relu}, at(y.data, k), mean, variance);
    double* sums = sums_.as<double>() + (block.first_point + k) * 2 * channels_ + norm.channel;
    const double correction = static_cast<double>(rows) / static_cast<double>(rows - 1);
    add_statistics(stream_, mean, variance, correction, {sums, DType::f64, {channels}},
                   {sums + channels_, DType::f64, {channels}});
  }
}

}  // namespace basin::cuda
