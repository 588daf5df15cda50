// Which measures there are, what each one computes and how its numbers are to be read.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/choice.h"
#include "landscape/sharpness/ball_sharpness.h"
#include "landscape/sharpness/expected_sharpness.h"
#include "landscape/sharpness/keskar.h"
#include "landscape/sharpness/local_entropy.h"
#include "tools/sharpness/sharpness.h"

namespace basin {
namespace {

using Values = std::vector<double>;
using Settings = std::map<std::string, double>;

enum class Kind : std::uint8_t { keskar, sam, asam, expected, entropy };
constexpr Choice<Kind> kKinds[] = {{"keskar", Kind::keskar},
                                   {"sam", Kind::sam},
                                   {"asam", Kind::asam},
                                   {"expected", Kind::expected},
                                   {"entropy", Kind::entropy}};

constexpr const char* kOverImages = "standard error over images";
constexpr const char* kOverPairs = "standard error over pairs";
constexpr const char* kOverStarts = "spread over starts; a lower bound of the maximum";
constexpr const char* kOfChains = "standard error of the chains, and of the quadrature";

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// In the order of kKinds, each once.
std::vector<Kind> kinds_of(const std::string& text) {
  std::vector<Kind> kinds;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    kinds.push_back(parse_choice("--measures", text.substr(begin, end - begin), kKinds));
    begin = end + 1;
  }
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return kinds;
}

// Of one start there is no spread.
double spread_of(const SharpnessFlags& flags, double spread) { return flags.starts > 1 ? spread : kUnknown; }

class Groups {
 public:
  Groups(const SharpnessFlags& flags, const LossFunction& function, const MeanLoss& loss)
      : flags_(flags), function_(function), loss_(loss), center_(function.center()) {}

  std::vector<SharpnessGroup> of(Kind kind) const {
    switch (kind) {
      case Kind::keskar:
        check(flags_.subspace <= function_.size(), "--subspace: expected 0 to ", function_.size(),
              ", the parameters that move; found ", flags_.subspace);
        if (flags_.subspace == 0) return {keskar("keskar", 0)};
        return {keskar("keskar", 0), keskar("keskar-subspace", flags_.subspace)};
      case Kind::sam:
        return {ball("sam", plain(), flags_.rho)};
      case Kind::asam:
        return {ball("asam", elements(), flags_.adaptive_rho), ball("asam-filter", filters(), flags_.filter_rho)};
      case Kind::expected:
        return {expected("expected", plain(), flags_.sigma),
                expected("expected-relative", elements(), flags_.relative_sigma)};
      case Kind::entropy:
        return {entropy()};
    }
    return {};
  }

  SharpnessGroup center_loss() const {
    return {{{"loss", 1,
              [*this] {
                const std::vector<double> terms = loss_.terms(center_);
                const Estimate mean = estimate_of(std::span<const double>(terms));
                return Values{mean.value, mean.error};
              }}},
            [](const std::vector<Values>& found) {
              return std::vector<SharpnessMeasure>{
                  {"loss", found[0][0], found[0][1], kOverImages, found[0][1], "loss", {}}};
            }};
  }

 private:
  Coordinates plain() const { return plain_coordinates(type_of(center_)); }
  Coordinates elements() const { return scaled_coordinates(element_scale(center_)); }
  Coordinates filters() const { return scaled_coordinates(filter_scale(function_.space(), center_)); }
  AscentOptions ascent() const { return {flags_.gradients, flags_.starts, flags_.seed}; }
  std::int64_t ascent_passes() const { return flags_.gradients * flags_.starts * kGradientPasses; }

  SharpnessGroup keskar(const std::string& name, std::int64_t dimensions) const {
    return {
        {{name, ascent_passes() + 2,
          [*this, dimensions] {
            const KeskarSharpness s = keskar_sharpness(loss_, center_, {flags_.epsilon, dimensions, ascent()});
            return Values{s.value, s.spread, s.images_error, static_cast<double>(s.gradients)};
          }}},
        [*this, name, dimensions](const std::vector<Values>& found) {
          const Values& v = found[0];
          Settings settings{
              {"epsilon", flags_.epsilon}, {"starts", static_cast<double>(flags_.starts)}, {"gradients", v[3]}};
          if (dimensions > 0) settings["dimensions"] = static_cast<double>(dimensions);
          return std::vector<SharpnessMeasure>{{name, v[0], spread_of(flags_, v[1]), kOverStarts, v[2], "%", settings}};
        }};
  }

  SharpnessGroup ball(const std::string& name, const Coordinates& coordinates, double rho) const {
    return {{{name, ascent_passes() + kGradientPasses + 3,
              [*this, coordinates, rho] {
                const BallSharpness s = ball_sharpness(loss_, center_, coordinates, {rho, ascent()});
                return Values{s.one_step.value, s.one_step.error, s.refined.value,
                              s.refined.error,  s.spread,         static_cast<double>(s.gradients)};
              }}},
            [*this, name, rho](const std::vector<Values>& found) {
              const Values& v = found[0];
              return std::vector<SharpnessMeasure>{
                  {name, v[0], v[1], kOverImages, v[1], "loss", {{"rho", rho}, {"gradients", 1}}},
                  {name + "-refined",
                   v[2],
                   v[3],
                   kOverImages,
                   v[3],
                   "loss",
                   {{"rho", rho},
                    {"starts", static_cast<double>(flags_.starts)},
                    {"spread", spread_of(flags_, v[4])},
                    {"gradients", v[5]}}}};
            }};
  }

  SharpnessGroup expected(const std::string& name, const Coordinates& coordinates, double sigma) const {
    return {
        {{name, 1 + 2 * flags_.samples,
          [*this, coordinates, sigma] {
            const ExpectedSharpness s =
                expected_sharpness(loss_, center_, coordinates, {sigma, flags_.samples, flags_.seed});
            return Values{s.estimate.value, s.estimate.error, s.images_error};
          }}},
        [*this, name, sigma](const std::vector<Values>& found) {
          const Values& v = found[0];
          return std::vector<SharpnessMeasure>{{name,
                                                v[0],
                                                v[1],
                                                kOverPairs,
                                                v[2],
                                                "loss",
                                                {{"sigma", sigma}, {"samples", static_cast<double>(flags_.samples)}}}};
        }};
  }

  double beta() const { return flags_.beta > 0 ? flags_.beta : static_cast<double>(function_.images()); }

  SharpnessGroup entropy() const {
    SharpnessGroup group;
    for (std::size_t i = 0; i < kEntropyNodes; ++i)
      group.items.push_back({fmt::format("entropy {}/{}", i + 1, kEntropyNodes),
                             (flags_.steps + flags_.steps / 2 + 1) * kGradientPasses, [*this, i] {
                               const EntropyNode node =
                                   entropy_node(loss_, center_, i, {flags_.gamma, beta(), flags_.steps, flags_.seed});
                               return Values{node.loss.value, node.loss.error, node.acceptance, node.drift};
                             }});
    group.measures = [*this](const std::vector<Values>& found) {
      std::vector<EntropyNode> nodes;
      double acceptance = 1;
      for (const Values& v : found) {
        nodes.push_back({{v[0], v[1]}, v[2], v[3]});
        acceptance = std::min(acceptance, v[2]);
      }
      return std::vector<SharpnessMeasure>{entropy_measure(local_entropy(nodes, beta()), acceptance)};
    };
    return group;
  }

  SharpnessMeasure entropy_measure(const LocalEntropy& found, double acceptance) const {
    const double stiffness = beta() * flags_.gamma;
    return {"local-entropy",
            found.value,
            found.error(),
            kOfChains,
            kUnknown,
            "nats",
            {{"gamma", flags_.gamma},
             {"beta", beta()},
             {"sigma", 1 / std::sqrt(stiffness)},
             {"steps", static_cast<double>(flags_.steps)},
             {"sampling_error", found.sampling_error},
             {"quadrature_error", found.quadrature_error},
             {"smallest_acceptance", acceptance},
             {"unsettled_chains", static_cast<double>(found.unsettled)},
             {"soft_minimum", -found.value / beta()},
             {"soft_minimum_error", found.error() / beta()},
             {"gaussian", static_cast<double>(function_.size()) / 2 * std::log(2 * std::numbers::pi / stiffness)}}};
  }

  const SharpnessFlags& flags_;
  const LossFunction& function_;
  const MeanLoss& loss_;
  Tensor center_;
};

}  // namespace

std::vector<SharpnessGroup> sharpness_groups(const SharpnessFlags& flags, const LossFunction& function,
                                             const MeanLoss& loss) {
  const Groups groups(flags, function, loss);
  std::vector<SharpnessGroup> all{groups.center_loss()};
  for (const Kind kind : kinds_of(flags.measures))
    for (SharpnessGroup& group : groups.of(kind)) all.push_back(std::move(group));
  return all;
}

nlohmann::json sharpness_settings(const SharpnessFlags& flags, const LossFunction& function) {
  nlohmann::json json{{"measures", nlohmann::json::array()}};
  for (const Kind kind : kinds_of(flags.measures)) {
    json["measures"].push_back(choice_name(kind, kKinds));
    if (kind <= Kind::asam) json.update({{"ascent_gradients", flags.gradients}, {"starts", flags.starts}});
    switch (kind) {
      case Kind::keskar:
        json.update({{"epsilon", flags.epsilon}, {"subspace", flags.subspace}});
        break;
      case Kind::sam:
        json["rho"] = flags.rho;
        break;
      case Kind::asam:
        json.update({{"adaptive_rho", flags.adaptive_rho}, {"filter_rho", flags.filter_rho}});
        break;
      case Kind::expected:
        json.update({{"sigma", flags.sigma}, {"relative_sigma", flags.relative_sigma}, {"samples", flags.samples}});
        break;
      case Kind::entropy:
        json.update({{"gamma", flags.gamma},
                     {"beta", flags.beta > 0 ? flags.beta : static_cast<double>(function.images())},
                     {"entropy_steps", flags.steps}});
        break;
    }
  }
  return json;
}

}  // namespace basin
