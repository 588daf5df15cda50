// The mean loss of a network over fixed images as a function of its parameters: values, gradients and Hessian-vector
// products by automatic differentiation, on any back end. The network is in eval mode: batch norm uses the state's
// statistics, images are not augmented (reference convention; Li et al. 2018, section 6).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/objective.h"
#include "data/dataset.h"
#include "landscape/estimate.h"
#include "landscape/parameter_space.h"
#include "models/registry.h"

namespace basin {

struct LossOptions {
  Objective objective = Objective::cross_entropy;
  double weight_decay = 0;          // adds weight_decay / 2 * |theta|^2 over the moving parameters
  std::int64_t block = 128;         // images that are differentiated together: results differ by rounding alone
  DType dtype = DType::f32;         // or f64, on the CPU
  std::function<bool()> stop = {};  // asked between blocks; true: Interrupted is thrown. May be empty
};

struct ValueAndGradient {
  double value = 0;  // mean loss, with the weight-decay term
  Tensor gradient;   // (n)
};

class LossFunction {
 public:
  // Copies what it needs of `images`; `model` outlives it. `center` may be on any back end; points are vectors of
  // options.dtype on `backend`. Error where an image set is empty or does not fit the model.
  LossFunction(const Model& model, const State& center, const ParameterSpace& space, const Images& images,
               const Normalization& normalization, Backend& backend, const LossOptions& options = {});
  ~LossFunction();
  LossFunction(LossFunction&&) noexcept;

  const ParameterSpace& space() const;
  std::int64_t size() const;    // n, the elements of a point
  std::int64_t images() const;  // over which the mean runs
  Backend& backend() const;
  DType dtype() const;
  Tensor center() const;  // (n), the state's own parameters

  // Goes on around another state of the same model: what does not move, and center(), are its.
  void move_to(const State& center);

  double value(const Tensor& point) const;
  std::vector<double> image_losses(const Tensor& point) const;  // of each image, without the weight-decay term
  ValueAndGradient value_and_gradient(const Tensor& point) const;
  // Over the images of these indices alone.
  ValueAndGradient value_and_gradient(const Tensor& point, std::span<const std::int64_t> images) const;

  // H v at `point`, for H the Hessian of the mean loss (and the weight-decay term). What a point needs is computed at
  // the first product there, and kept for the next ones where it fits `kGraphBytes`.
  Tensor hessian_product(const Tensor& point, const Tensor& v) const;
  // v . H_b v / v . v of each block of images, without the weight-decay term: the sampling error of a Rayleigh
  // quotient.
  std::vector<BlockValue> block_curvatures(const Tensor& point, const Tensor& v) const;

  static constexpr std::int64_t kGraphBytes = std::int64_t{2} << 30;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace basin
