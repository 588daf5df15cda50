// The tile kernels alone, against plain loops over the same bytes.
#include "landscape/amx/contraction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "core/random.h"
#include "landscape/amx/tiles.h"
#include "landscape/amx/weights.h"
#include "landscape/engine_amx.h"
#include "landscape/prepared_images.h"
#include "tests/landscape/bf16_values.h"

namespace basin::amx {
namespace {

enum class Form : std::uint8_t { wide, narrow, narrow_rows };  // contract_32, contract_16, contract_16_rows
enum class Numbers : std::uint8_t { integers, normal };

struct Case {
  Form form = Form::wide;
  Parts input = Parts::two, output = Parts::two;
  std::int64_t channels = 32, tiles = 2;
  std::size_t inputs = 1;
  bool residual = false, in_place = false, relu = false;
};

void PrintTo(const Case& c, std::ostream* stream) {
  *stream << (c.form == Form::wide     ? "contract_32"
              : c.form == Form::narrow ? "contract_16"
                                       : "contract_16_rows")
          << ", parts " << (c.input == Parts::two ? 2 : 1) << " -> " << (c.output == Parts::two ? 2 : 1) << ", "
          << c.channels << " channels, " << c.tiles << " tiles, " << c.inputs << " inputs"
          << (c.in_place   ? ", residual in place"
              : c.residual ? ", residual"
                           : "")
          << (c.relu ? ", relu" : "");
}

constexpr std::int64_t kGroups = 2, kUnwritten = 48;  // bytes between the positions of two tiles
constexpr std::byte kSentinel{0x5A}, kNaN{0xFF};

std::vector<CacheLine> memory_of(std::ptrdiff_t bytes) {
  return std::vector<CacheLine>(static_cast<std::size_t>(bytes / 64 + 1));
}
std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// What a kernel writes, or adds.
struct Target {
  std::vector<CacheLine> memory;
  std::vector<std::int32_t> tiles, rows;
  std::ptrdiff_t low = 0, group = 0;

  std::byte* base() { return memory.front().bytes; }
  std::size_t bytes() const { return memory.size() * sizeof(CacheLine); }
  Output output() { return {base(), low, group, tiles.data(), rows.data()}; }
  std::ptrdiff_t at(std::int64_t g, std::int64_t t, std::int64_t m, std::int64_t n) const {
    return g * group + tiles[index(t)] + rows[index(m)] + 2 * n;
  }
};

// One kernel's arguments with the memory behind them, and what they should give.
class Problem {
 public:
  Problem(const Case& c, Numbers numbers, std::uint64_t seed);
  void run();
  void expect_sums();

 private:
  struct Source {
    std::vector<CacheLine> memory;
    std::vector<std::int32_t> tiles, steps;
    Input input;
    std::int64_t first_slice = 0;
  };
  struct Sum {
    double exact = 0;    // of what the kernel is to compute
    double dropped = 0;  // |products of two rests|, which it leaves out
    float plain = 0;     // a float loop over all products
  };

  float draw(double scale);
  void make_source(std::size_t i);
  void make_weights();
  void pack_weights();
  Target make_target(std::ptrdiff_t spacing);
  void fill(Target& target, bool with_values);
  Sum sum(std::int64_t g, std::int64_t t, std::int64_t m, std::int64_t n) const;
  template <class Body>
  void for_each_output(const Body& body) const;

  Case case_;
  Numbers numbers_;
  Random random_;
  std::uint64_t drawn_ = 0;
  std::vector<Source> sources_;
  std::int64_t slices_ = 0;     // products of depth 32
  std::vector<float> weights_;  // (channels, slices, 32)
  std::vector<CacheLine> packed_;
  std::vector<float> shift_;
  Target output_, residual_;
};

float Problem::draw(double scale) {
  if (numbers_ == Numbers::normal) return static_cast<float>(scale * random_.normal(drawn_++));
  // Beyond 256 an odd integer has a rest.
  const std::uint64_t span = case_.input == Parts::two ? 301 : 101;
  return static_cast<float>(random_.below(2 * span - 1, drawn_++)) - static_cast<float>(span - 1);
}

void Problem::make_source(std::size_t i) {
  Source& source = sources_.emplace_back();
  const std::int64_t row = i == 0 ? 64 : 96, line = 19 * row;
  // Fours of tiles lie below each other, two lines apart from the next four.
  for (std::int64_t t = 0; t < case_.tiles; ++t)
    source.tiles.push_back(static_cast<std::int32_t>((t / 4 * 6 + t % 4) * line + i * 32));
  const std::size_t steps = case_.form == Form::narrow_rows ? 2 : 3 - i;
  for (std::size_t s = 0; s < steps; ++s) source.steps.push_back(static_cast<std::int32_t>(s * row));
  source.first_slice = slices_;
  slices_ += static_cast<std::int64_t>(steps) * (case_.form == Form::narrow_rows ? 3 : 1);
  const std::ptrdiff_t group = ((case_.tiles + 3) / 4 * 6 + 1) * line;
  source.memory = memory_of(2 * kGroups * group);
  std::byte* base = source.memory.front().bytes;
  source.input = {.base = base, .low = kGroups * group, .group = group, .line = line, .row = row};
  for (std::ptrdiff_t at = 0; at < kGroups * group; at += 2)
    write_parts(in_parts(draw(1), case_.input), base + at, source.input.low, case_.input);
}

void Problem::make_weights() {
  weights_.resize(index(case_.channels * slices_ * kTileDepth));
  for (float& w : weights_) w = random_.below(2, drawn_++) == 0 ? 0.0F : rounded(draw(0.1), case_.input);
  for (std::int64_t k = 0; k < case_.channels; ++k) shift_.push_back(draw(1));
  pack_weights();
}

void Problem::pack_weights() {
  const std::int64_t parts = case_.input == Parts::two ? 2 : 1;
  const std::int64_t together = case_.form == Form::wide ? 2 : case_.form == Form::narrow ? 1 : 3;
  packed_ = memory_of(case_.channels / 16 * slices_ * parts * kTileBytes);
  for (std::int64_t k = 0; k < case_.channels; k += 16)
    for (std::int64_t s = 0; s < slices_; ++s) {
      std::int64_t tile = 0;
      if (case_.form == Form::wide)
        tile = (k / 32 * slices_ + s) * parts * 2 + k / 16 % 2;
      else
        tile = s / together * together * parts + s % together;
      pack_tile(weights_.data() + k * slices_ * kTileDepth, 16, slices_ * kTileDepth,
                {static_cast<std::int32_t>(s * kTileDepth), kTileDepth}, case_.input,
                packed_.front().bytes + tile * kTileBytes, together * kTileBytes);
    }
}

// Tiles in reverse order, with bytes between them that belong to nobody.
Target Problem::make_target(std::ptrdiff_t spacing) {
  Target target;
  const std::ptrdiff_t position = 2 * case_.channels, tile = 16 * position + spacing;
  for (std::int64_t t = 0; t < case_.tiles; ++t)
    target.tiles.push_back(static_cast<std::int32_t>(spacing + (case_.tiles - 1 - t) * tile));
  // With 16 channels two positions are written as one.
  for (std::int64_t m = 0; m < 16; ++m)
    target.rows.push_back(static_cast<std::int32_t>((case_.form == Form::wide ? 5 * m % 16 : m) * position));
  target.group = case_.tiles * tile + 2 * spacing;
  target.low = kGroups * target.group;
  target.memory = memory_of(2 * target.low + 256);
  std::fill_n(target.base(), target.bytes(), kSentinel);
  return target;
}

template <class Body>
void Problem::for_each_output(const Body& body) const {
  for (std::int64_t g = 0; g < kGroups; ++g)
    for (std::int64_t t = 0; t < case_.tiles; ++t)
      for (std::int64_t m = 0; m < 16; ++m)
        for (std::int64_t n = 0; n < case_.channels; ++n) body(g, t, m, n);
}

void Problem::fill(Target& target, bool with_values) {
  constexpr InParts kBits{0xFFFF, 0xFFFF};
  for_each_output([&](std::int64_t g, std::int64_t t, std::int64_t m, std::int64_t n) {
    write_parts(with_values ? in_parts(draw(1), case_.output) : kBits, target.base() + target.at(g, t, m, n),
                target.low, case_.output);
  });
}

Problem::Problem(const Case& c, Numbers numbers, std::uint64_t seed)
    : case_(c), numbers_(numbers), random_(seed, random_stream("tiles")) {
  sources_.reserve(c.inputs);
  for (std::size_t i = 0; i < c.inputs; ++i) make_source(i);
  make_weights();
  output_ = make_target(kUnwritten);
  fill(output_, c.in_place);
  residual_ = output_;
  if (!c.residual || c.in_place) return;
  residual_ = make_target(kUnwritten + 16);
  fill(residual_, true);
}

void Problem::run() {
  std::vector<Input> inputs;
  for (Source& source : sources_) {
    inputs.push_back(source.input);
    inputs.back().tiles = source.tiles.data();
    inputs.back().steps = source.steps;
  }
  const Output residual = case_.in_place ? output_.output() : residual_.output();
  const Contraction contraction{.inputs = inputs,
                                .weights = packed_.front().bytes,
                                .shift = shift_.data(),
                                .output = output_.output(),
                                .residual = case_.residual ? &residual : nullptr,
                                .relu = case_.relu,
                                .groups = kGroups,
                                .tiles = case_.tiles,
                                .channels = case_.channels};
  configure_tiles();
  if (case_.form == Form::wide) contract_32(contraction, case_.input, case_.output);
  if (case_.form == Form::narrow) contract_16(contraction, case_.output);
  if (case_.form == Form::narrow_rows) contract_16_rows(contraction, case_.input);
  release_tiles();
}

Problem::Sum Problem::sum(std::int64_t g, std::int64_t t, std::int64_t m, std::int64_t n) const {
  Sum sum{.exact = shift_[index(n)], .plain = shift_[index(n)]};
  const auto add = [&](const Input& input, const std::byte* x, std::int64_t slice) {
    const float* w = weights_.data() + (n * slices_ + slice) * kTileDepth;
    for (std::int64_t d = 0; d < kTileDepth; ++d) {
      const InParts a = read_parts(x + 2 * d, input.low, case_.input), b = in_parts(w[d], case_.input);
      const double rests = static_cast<double>(widened(a.rest)) * static_cast<double>(widened(b.rest));
      const double product = static_cast<double>(number(a)) * static_cast<double>(number(b));
      sum.exact += numbers_ == Numbers::integers ? product - rests : product;
      sum.dropped += std::abs(rests);
      sum.plain += number(a) * number(b);
    }
  };
  for (const Source& source : sources_) {
    const Input& input = source.input;
    const bool rows = case_.form == Form::narrow_rows;
    const std::byte* x = input.base + g * input.group + m * input.row + source.tiles[index(rows ? t / 4 * 4 : t)];
    const auto steps = static_cast<std::int64_t>(source.steps.size());
    for (std::int64_t s = 0; s < steps; ++s)
      for (std::int64_t r = 0; r < (rows ? 3 : 1); ++r)
        add(input, x + source.steps[index(s)] + (rows ? (t % 4 + r) * input.line : 0),
            source.first_slice + (rows ? 3 * s + r : s));
  }
  if (case_.residual) {
    Target& from = const_cast<Target&>(residual_);
    const float r = number(read_parts(from.base() + from.at(g, t, m, n), from.low, case_.output));
    sum.exact += static_cast<double>(r);
    sum.plain += r;
  }
  if (case_.relu) {
    sum.exact = std::max(sum.exact, 0.0);
    sum.plain = std::max(sum.plain, 0.0F);
  }
  return sum;
}

// Integers: the same bits. Others: the error of a float loop, twice, and the rounding of what is written, which is half
// a unit of the last place: 2^-8 of the number with one part, 2^-17 with two.
void Problem::expect_sums() {
  Target expected = output_;
  double float_error = 0;
  std::vector<Sum> sums;
  for_each_output([&](auto... at) {
    sums.push_back(sum(at...));
    ASSERT_LT(std::abs(sums.back().exact), 1 << 24);
    float_error = std::max(float_error, std::abs(static_cast<double>(sums.back().plain) - sums.back().exact));
  });
  run();
  const double unit = case_.output == Parts::two ? std::ldexp(1.0, -17) : std::ldexp(1.0, -8);
  std::size_t i = 0, wrong = 0;
  for_each_output([&](auto... at) {
    const Sum& sum = sums[i++];
    std::byte* place = expected.base() + expected.at(at...);
    const InParts result = read_parts(output_.base() + output_.at(at...), output_.low, case_.output);
    const double allowed = 2 * float_error + sum.dropped;
    const bool right = numbers_ == Numbers::integers ? result == in_parts(static_cast<float>(sum.exact), case_.output)
                                                     : std::abs(static_cast<double>(number(result)) - sum.exact) <=
                                                           allowed + unit * (std::abs(sum.exact) + allowed);
    if (!right && wrong++ == 0) ADD_FAILURE() << number(result) << " instead of " << sum.exact << " at " << i - 1;
    write_parts(result, place, expected.low, case_.output);
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(std::memcmp(expected.base(), output_.base(), output_.bytes()), 0) << "bytes around the positions changed";
}

// Every way to call the kernel.
std::vector<Case> cases_of(Form form) {
  using enum Parts;
  std::vector<Case> shapes;
  for (const Parts parts : {one, two}) {
    if (form == Form::narrow) shapes.push_back({form, one, parts, 16, 8, 1});
    if (form == Form::narrow_rows)
      for (const std::int64_t tiles : {4, 8}) shapes.push_back({form, parts, parts, 16, tiles, 1});
    if (form == Form::wide)
      for (const std::size_t inputs : {1U, 2U}) {
        shapes.push_back({form, parts, parts, 32, 6, inputs});
        shapes.push_back({form, parts, parts, 96, 2, inputs});
      }
  }
  if (form == Form::wide) shapes.push_back({form, one, two, 64, 4, 1});  // reads images
  std::vector<Case> cases;
  for (Case c : shapes)
    for (const bool relu : {false, true})
      for (const int residual : {0, 1, 2}) {
        if (residual > 0 && form == Form::narrow) continue;
        c.relu = relu;
        c.residual = residual > 0;
        c.in_place = residual > 1;
        cases.push_back(c);
      }
  return cases;
}

class AmxContraction : public testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (const std::string obstacle = amx_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};
std::string kernel_name(const testing::TestParamInfo<Form>& info) {
  return info.param == Form::wide ? "contract_32" : info.param == Form::narrow ? "contract_16" : "contract_16_rows";
}
INSTANTIATE_TEST_SUITE_P(Tiles, AmxContraction, testing::Values(Form::wide, Form::narrow, Form::narrow_rows),
                         kernel_name);

TEST_P(AmxContraction, GivesIntegersToTheLastBit) {
  for (const Case& c : cases_of(GetParam())) {
    SCOPED_TRACE(testing::PrintToString(c));
    Problem(c, Numbers::integers, 1).expect_sums();
  }
}

TEST_P(AmxContraction, IsAsAccurateAsAFloatLoop) {
  for (const Case& c : cases_of(GetParam())) {
    SCOPED_TRACE(testing::PrintToString(c));
    Problem(c, Numbers::normal, 2).expect_sums();
  }
}

}  // namespace
}  // namespace basin::amx
