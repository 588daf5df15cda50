// From the logits of single images to the few numbers of a point.
#pragma once
#include <cstdint>
#include <span>

#include "core/objective.h"

namespace basin {

// What one image contributes.
struct ImageLoss {
  double loss = 0;
  bool correct = false;
  bool finite = true;  // all logits were
};

// cross_entropy: logsumexp(logits) - logits[label]; squared_error: mean_c (softmax[c] - [c == label])^2. In double from
// f32 logits. Correct: the first largest logit is the label's and none is NaN.
ImageLoss image_loss(std::span<const float> logits, std::int32_t label, Objective kind);

// Over one image set at one point.
struct Measurement {
  double loss = 0;              // mean loss; may be NaN or infinite: that is data
  double loss_error = 0;        // its standard error, sqrt(sample variance / images); NaN for a single image
  double accuracy = 0;          // %
  double accuracy_error = 0;    // %
  std::int64_t non_finite = 0;  // images whose logits were not all finite
};

// Of the mean of `count` values with the given sum of squared deviations: sqrt(sample variance / count).
double standard_error(double squared_deviations, double count);

// Sums run over the images in order, in double: the same images give the same bits. At least one image.
Measurement measure(std::span<const ImageLoss> images);

}  // namespace basin
