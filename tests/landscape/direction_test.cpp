#include "landscape/direction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

std::vector<double> doubles(const Tensor& tensor) { return cast(tensor, DType::f64).to_vector<double>(); }

double length(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += values[i] * values[i];
  return std::sqrt(sum);
}

// Calls check(direction slice's length, weight slice's length) for every filter, or for whole tensors.
template <class Check>
void for_each_slice(const State& state, const Direction& direction, bool by_filter, const Check& check_slice) {
  int seen = 0;
  for (std::size_t t = 0; t < state.entries().size(); ++t) {
    const Tensor& weight = state.entries()[t].value;
    if (weight.rank() < 2) continue;
    const std::vector<double> w = doubles(weight), d = doubles(direction.tensors[t]);
    const std::size_t slices = by_filter ? static_cast<std::size_t>(weight.dim(0)) : 1, size = w.size() / slices;
    for (std::size_t i = 0; i < slices; ++i, ++seen)
      check_slice(length(d, i * size, (i + 1) * size), length(w, i * size, (i + 1) * size));
  }
  EXPECT_GT(seen, 0);
}

const State& network() {
  static const State state = random_state(find_model("resnet20"), 3);
  return state;
}

TEST(Direction, FiltersHaveTheNormOfTheirWeights) {
  for_each_slice(network(), random_direction(network(), {}, 1, 0), true,
                 [](double d, double w) { EXPECT_NEAR(d / w, 1, 1e-6); });
}

TEST(Direction, OtherNorms) {
  const auto made = [](Norm norm) { return random_direction(network(), {.norm = norm}, 1, 0); };
  for_each_slice(network(), made(Norm::layer), false, [](double d, double w) { EXPECT_NEAR(d / w, 1, 1e-6); });
  for_each_slice(network(), made(Norm::dfilter), true, [](double d, double) { EXPECT_NEAR(d, 1, 1e-6); });
  for_each_slice(network(), made(Norm::dlayer), false, [](double d, double) { EXPECT_NEAR(d, 1, 1e-6); });
  const Direction raw = made(Norm::none), by_weight = made(Norm::weight);
  const std::vector<double> d = doubles(raw.tensors[0]), p = doubles(by_weight.tensors[0]),
                            w = doubles(network().entries()[0].value);
  for (std::size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(p[i], d[i] * w[i], 1e-6 * (1 + std::abs(p[i])));
  // Raw entries are standard normal: the mean square of n of them is 1 up to sqrt(2 / n).
  const double count = static_cast<double>(d.size());
  EXPECT_NEAR(length(d, 0, d.size()) / std::sqrt(count), 1, 4 / std::sqrt(2 * count));
}

TEST(Direction, OneDimensionalTensorsFollowIgnoreAndKind) {
  for (const auto kind : {DirectionKind::weights, DirectionKind::states})
    for (const auto ignore : {Ignore::biasbn, Ignore::none}) {
      const Direction direction = random_direction(network(), {kind, Norm::filter, ignore}, 1, 0);
      for (std::size_t t = 0; t < network().entries().size(); ++t) {
        const Entry& entry = network().entries()[t];
        const Tensor& d = direction.tensors[t];
        if (entry.value.rank() >= 2) continue;
        const bool moves = ignore == Ignore::none && entry.role != Role::batches_tracked &&
                           (is_parameter(entry.role) || kind == DirectionKind::states);
        ASSERT_EQ(d.defined(), moves) << entry.name;
        if (!moves) continue;
        EXPECT_EQ(d.to_vector<float>(), entry.value.to_vector<float>()) << entry.name;
      }
    }
}

TEST(Direction, IsAFunctionOfNameSeedAndIndex) {
  const Direction a = random_direction(network(), {}, 1, 0);
  EXPECT_EQ(a.tensors[0].to_vector<float>(), random_direction(network(), {}, 1, 0).tensors[0].to_vector<float>());
  EXPECT_NE(a.tensors[0].to_vector<float>(), random_direction(network(), {}, 2, 0).tensors[0].to_vector<float>());
  EXPECT_LT(std::abs(cosine(a, random_direction(network(), {}, 1, 1))), 0.02);
  EXPECT_NEAR(cosine(a, a), 1, 1e-12);
  // A deeper network has the same raw direction where names are shared.
  const State deeper = random_state(find_model("resnet32"), 3);
  const DirectionOptions raw{.norm = Norm::none};
  EXPECT_EQ(random_direction(network(), raw, 1, 0).tensors[0].to_vector<float>(),
            random_direction(deeper, raw, 1, 0).tensors[0].to_vector<float>());
}

TEST(Direction, DifferenceLeadsToTheOtherNetwork) {
  const Model model = find_model("resnet20");
  const State other = random_state(model, 4);
  const Direction d = difference_direction(network(), other, {DirectionKind::states, Norm::none, Ignore::none});
  const Plane plane{&model, &network(), &d, nullptr};
  const State end = displaced(plane, {1, 0});
  for (std::size_t t = 0; t < end.entries().size(); ++t) {
    if (end.entries()[t].role == Role::batches_tracked) continue;
    const auto reached = doubles(end.entries()[t].value), wanted = doubles(other.entries()[t].value);
    for (std::size_t i = 0; i < reached.size(); ++i) ASSERT_NEAR(reached[i], wanted[i], 1e-6) << end.entries()[t].name;
  }
  const Direction filters = difference_direction(network(), other, {.norm = Norm::filter});
  for_each_slice(network(), filters, true, [](double v, double w) { EXPECT_NEAR(v / w, 1, 1e-6); });
}

TEST(Direction, TheOriginIsTheCentreToTheLastBit) {
  const SmallLandscape small("resnet20");
  const State state = displaced(small.plane(), {0, 0});
  for (std::size_t t = 0; t < state.entries().size(); ++t) {
    if (state.entries()[t].value.dtype() != DType::f32) continue;
    EXPECT_EQ(state.entries()[t].value.to_vector<float>(), small.state.entries()[t].value.to_vector<float>());
  }
}

TEST(Direction, Errors) {
  expect_error([] { parse_norm("filer", "--norm"); }, {"--norm", "'filer'", "did you mean filter?"});
  expect_error([] { parse_ignore("bias", "--ignore"); }, {"--ignore", "'bias'", "biasbn"});
  State broken = network().clone();
  broken.entries()[0].value.mutable_view().as<float>()[5] = NAN;
  expect_error([&] { random_direction(broken, {}, 1, 0); }, {broken.entries()[0].name, "[5]", "nan"});
  const State other = random_state(find_model("resnet20-noshort"), 1);
  expect_error([&] { difference_direction(network(), other, {}); }, {"no tensor", "shortcut"});
}

}  // namespace
}  // namespace basin
