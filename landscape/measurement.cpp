#include "landscape/measurement.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace basin {
namespace {

double cross_entropy(std::span<const float> logits, std::size_t label, double largest, double sum) {
  return std::log(sum) + (largest - static_cast<double>(logits[label]));
}

double squared_error(std::span<const float> logits, std::size_t label, double largest, double sum) {
  double total = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const double error = std::exp(static_cast<double>(logits[c]) - largest) / sum - (c == label ? 1 : 0);
    total += error * error;
  }
  return total / static_cast<double>(logits.size());
}

}  // namespace

ImageLoss image_loss(std::span<const float> logits, std::int32_t label, Objective kind) {
  ImageLoss result;
  bool nan = false;
  std::size_t best = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    result.finite = result.finite && std::isfinite(logits[c]);
    nan = nan || std::isnan(logits[c]);
    if (logits[c] > logits[best]) best = c;
  }
  const auto truth = static_cast<std::size_t>(label);
  result.correct = !nan && best == truth;
  const double largest = logits[best];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  result.loss = kind == Objective::cross_entropy ? cross_entropy(logits, truth, largest, sum)
                                                 : squared_error(logits, truth, largest, sum);
  return result;
}

double standard_error(double squared_deviations, double count) {
  return std::sqrt(squared_deviations / (count - 1) / count);
}

Measurement measure(std::span<const ImageLoss> images) {
  check(!images.empty(), "measure: no images");
  const auto count = static_cast<double>(images.size());
  Measurement result;
  double loss = 0, correct = 0;
  for (const ImageLoss& image : images) {
    loss += image.loss;
    correct += image.correct ? 1 : 0;
    result.non_finite += image.finite ? 0 : 1;
  }
  result.loss = loss / count;
  const double share = correct / count;
  double deviations = 0;
  for (const ImageLoss& image : images) deviations += (image.loss - result.loss) * (image.loss - result.loss);
  result.loss_error = standard_error(deviations, count);
  result.accuracy = 100 * share;
  result.accuracy_error = 100 * standard_error(correct * (1 - share), count);
  return result;
}

}  // namespace basin
