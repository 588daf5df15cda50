// The points of a curve through the interface of the points of a plane, so that SurfaceRun computes and keeps them.
#pragma once
#include <memory>

#include "landscape/curve/curve.h"
#include "landscape/evaluator.h"

namespace basin {

// Point::alpha is t, 0 to 1, beta 0. A point's result is that of its network alone, by the same engine (at t = 0 and
// t = 1 the plain evaluation of the ends, to the last bit), with stored statistics (interpolated between those of the
// control points) or recomputed ones, as the set says. Model, curve and images outlive the evaluator. Errors as of
// make_evaluator.
std::unique_ptr<Evaluator> make_curve_evaluator(const Model& model, const Curve& curve, const EvaluationSet& set,
                                                const EvaluatorOptions& options = {});

}  // namespace basin
