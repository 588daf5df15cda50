// Changes to the weights of small networks that bring out what a test is about.
#pragma once
#include <gtest/gtest.h>

#include <span>

#include "tests/landscape/landscape_values.h"

namespace basin {

inline std::span<float> values_of(Entry& entry) {
  return {entry.value.mutable_view().as<float>(), static_cast<std::size_t>(entry.value.size())};
}

inline bool is_convolution(const Entry& entry) { return entry.role == Role::weight && entry.value.rank() == 4; }
inline bool is_linear(const Entry& entry) { return entry.role == Role::weight && entry.value.rank() == 2; }

// An untrained last layer is so small that every loss is nearly log 10 whatever comes before it. Here it gives losses
// of 3 to 5 in the centre.
inline void enlarge_logits(SmallLandscape& small) {
  EvaluationSet set = small.set();
  set.test = nullptr;
  Entry* last = nullptr;
  for (Entry& entry : small.state.entries())
    if (is_linear(entry)) last = &entry;
  const auto scale_by = [&](double factor) {
    for (float& w : values_of(*last)) w *= static_cast<float>(factor);
    return evaluate_point(*make_evaluator(small.plane(), set, {.engine = "onednn"}), {}).train.loss;
  };
  double loss = scale_by(100);
  for (int tries = 0; tries < 50 && !(loss > 3 && loss < 5); ++tries) loss = scale_by(loss > 5 ? 4 / loss : 1.2);
  ASSERT_TRUE(loss > 3 && loss < 5) << small.model.name << ": " << loss;
  small.x = random_direction(small.state, {}, 5, 0);
  small.y = random_direction(small.state, {}, 5, 1);
}

}  // namespace basin
