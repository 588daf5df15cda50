// Losses of each class beside those of all images, by any engine.
#pragma once
#include "landscape/evaluator.h"

namespace basin {

// Evaluates each class's images by an evaluator of their own and puts the whole together from them: PointResult's
// train_classes and test_classes are filled, a class without images being NaN throughout. Points are done in chunks of
// `chunk`. Error as make_evaluator(), and where statistics are recomputed, which needs all images together.
std::unique_ptr<Evaluator> make_classwise_evaluator(const Plane& plane, const EvaluationSet& set,
                                                    const EvaluatorOptions& options = {}, std::size_t chunk = 32);

// What the measurements of disjoint image sets, of `counts` images each, say of their union.
Measurement combined(std::span<const Measurement> parts, std::span<const std::int64_t> counts);

}  // namespace basin
