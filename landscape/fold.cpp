#include "landscape/fold.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// max that keeps NaN.
double larger(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

// w *= scale, rounded once -> sum |w|, in several sums so that the loop vectorises.
double scale_row(std::span<float> w, double scale) {
  constexpr std::size_t kSums = 16;
  double sums[kSums] = {};
  const auto add = [&](float& value, double& sum) {
    value = static_cast<float>(static_cast<double>(value) * scale);
    sum += std::abs(static_cast<double>(value));
  };
  std::size_t i = 0;
  for (; i + kSums <= w.size(); i += kSums)
    for (std::size_t j = 0; j < kSums; ++j) add(w[i + j], sums[j]);
  for (; i < w.size(); ++i) add(w[i], sums[0]);
  return std::accumulate(std::begin(sums), std::end(sums), 0.0);
}

}  // namespace

void Folder::read(int index, const Point& point, std::size_t count, double missing, std::vector<double>& values) {
  if (index < 0) {
    values.assign(count, missing);
    return;
  }
  entry_.resize(count);
  displace(plane_, static_cast<std::size_t>(index), point, entry_.data());
  values.assign(entry_.begin(), entry_.end());
}

// scale_ and shift_ such that y = x * scale_ + shift_ is the stage's bias and batch norm.
void Folder::channel_affine(const Stage& stage, const Point& point, std::size_t channels) {
  read(stage.bias, point, channels, 0, shift_);
  if (stage.variance < 0) {
    scale_.assign(channels, 1);
    return;
  }
  read(stage.variance, point, channels, 1, scale_);
  for (double& variance : scale_) variance = 1 / std::sqrt(variance + stage.epsilon);
  read(stage.gamma, point, channels, 1, mean_);
  for (std::size_t k = 0; k < channels; ++k) scale_[k] *= mean_[k];
  read(stage.mean, point, channels, 0, mean_);
  read(stage.beta, point, channels, 0, beta_);
  for (std::size_t k = 0; k < channels; ++k) shift_[k] = beta_[k] + (shift_[k] - mean_[k]) * scale_[k];
}

void Folder::fold(const Stage& stage, const Point& point, Folded& folded) {
  const auto& entries = plane_.center->entries();
  const bool affine = stage.weight < 0;
  const Tensor& owner = entries[static_cast<std::size_t>(affine ? stage.variance : stage.weight)].value;
  const auto channels = static_cast<std::size_t>(owner.dim(0));
  const auto size = static_cast<std::size_t>(owner.size());
  channel_affine(stage, point, channels);
  folded.weight.resize(size);
  folded.shift.resize(channels);
  if (affine)
    std::fill(folded.weight.begin(), folded.weight.end(), 1.0F);
  else
    displace(plane_, static_cast<std::size_t>(stage.weight), point, folded.weight.data());

  folded.gain = folded.offset = 0;
  const std::size_t row = size / channels;
  for (std::size_t k = 0; k < channels; ++k) {
    const double sum = scale_row({folded.weight.data() + k * row, row}, scale_[k]);
    folded.shift[k] = static_cast<float>(shift_[k]);
    folded.gain = larger(folded.gain, sum);
    folded.offset = larger(folded.offset, std::abs(static_cast<double>(folded.shift[k])));
  }
  if (!std::isfinite(folded.gain) || !std::isfinite(folded.offset)) folded.gain = kNaN;
}

}  // namespace basin
