// Batch norm folded into the convolution or linear layer before it, at one point of a plane.
#pragma once
#include <vector>

#include "landscape/plane.h"
#include "models/plan.h"

namespace basin {

// What a stage computes: y[k] = sum weight[k, ...] * x + shift[k] for a contraction, y[k] = scale[k] * x[k] + shift[k]
// for an affine stage (whose `weight` is its scale).
struct Folded {
  std::vector<float> weight;  // in the layout of the entry: (K, R, S, C / groups) or (O, I)
  std::vector<float> shift;   // (K)
  // |y[k]| <= gain * max|x| + offset for every k; not finite if a weight or shift is not.
  double gain = 0, offset = 0;
};

// scale[k] = gamma / sqrt(variance + epsilon); weight[k] *= scale[k], shift[k] = beta + (bias - mean) * scale[k], with
// every tensor at the point. In double, rounded once. The vectors of `folded` are reused.
class Folder {
 public:
  explicit Folder(const Plane& plane) : plane_(plane) {}
  void fold(const Stage& stage, const Point& point, Folded& folded);

 private:
  // Entry `index` at the point, in double; `count` times `missing` where the stage has none.
  void read(int index, const Point& point, std::size_t count, double missing, std::vector<double>& values);
  void channel_affine(const Stage& stage, const Point& point, std::size_t channels);

  Plane plane_;
  std::vector<float> entry_;
  std::vector<double> scale_, shift_, mean_, beta_;
};

}  // namespace basin
