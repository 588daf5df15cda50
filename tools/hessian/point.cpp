// The spectrum of the Hessian at one network.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>

#include "core/choice.h"
#include "core/interrupt.h"
#include "landscape/append_log.h"
#include "landscape/direction_file.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/trace.h"
#include "tools/hessian/hessian.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;

enum class TraceMethod : std::uint8_t { hutch_plus_plus, hutchinson };
constexpr Choice<TraceMethod> kTraceMethods[] = {{"hutch++", TraceMethod::hutch_plus_plus},
                                                 {"hutchinson", TraceMethod::hutchinson}};

// What Basin's own log holds of a run, an item each: the eigenvalues, the exact part of the trace, the samples of its
// rest, the starts of the density.
struct Items {
  std::int64_t trace_samples, probes;
  std::size_t width;
  static constexpr std::int64_t kEigenvalues = 0, kRange = 1, kFirstSample = 2;
  std::int64_t first_probe() const { return kFirstSample + trace_samples; }
  std::int64_t count() const { return first_probe() + probes; }
};

class PointCommand {
 public:
  explicit PointCommand(const HessianFlags& flags)
      : flags_(flags),
        method_(parse_choice("--trace-method", flags.trace_method, kTraceMethods)),
        subject_(flags),
        point_(subject_.loss().center()),
        apply_([this](const Tensor& v) {
          const Tensor product = subject_.loss().hessian_product(point_, v);
          progress_->update(++products_, note_);
          return product;
        }) {
    check(flags.top + flags.bottom + flags.trace + flags.probes > 0,
          "nothing is asked for: --top, --bottom, --trace and --density are all 0");
    check(flags.vectors.empty() || flags.top > 0, "--vectors: give --top 1 or more");
    Json json = subject_.configuration();
    json.update({{"top", flags.top}, {"bottom", flags.bottom}, {"trace", flags.trace}, {"density", flags.probes}});
    if (flags.trace > 0) json["trace_method"] = flags.trace_method;
    if (flags.probes > 0) json.update({{"density_steps", flags.steps}, {"density_width", flags.width}});
    configuration_ = json.dump();
    // A third of hutch++'s products are the sketch, a third its range, a third samples.
    sketch_ = method_ == TraceMethod::hutch_plus_plus ? std::max<std::int64_t>(flags.trace / 3, 1) : 0;
    items_.trace_samples = flags.trace == 0 ? 0 : std::max<std::int64_t>(flags.trace - 2 * sketch_, 2);
    items_.probes = flags.probes;
    items_.width =
        static_cast<std::size_t>(std::max({4 * (flags.top + flags.bottom) + 1, 2 * flags.steps + 1, std::int64_t{1}}));
  }

  void execute() {
    const RunFlags& run = flags_.run;
    if (holds_result(run.out, configuration_, run.force, {run.landscape.checkpoint})) {
      if (!run.landscape.quiet) fmt::print(stderr, "'{}' holds this result already\n", run.out);
      return report(read_hessian(run.out));
    }
    if (!run.landscape.quiet) print_configuration(Json::parse(configuration_));
    AppendLog log(log_beside(run.out), configuration_, items_.count(), items_.width);
    for (const LogRecord& record : log.recovered()) known_[record.index] = record.values;
    log_ = &log;
    try {
      compute();
    } catch (const Interrupted&) {
      log.sync();
      if (progress_) progress_->finish();
      fmt::print(stderr, "interrupted: {} of {} parts are kept; to go on: {}\n", known_.size(), items_.count(),
                 resume_command());
      throw;
    }
    const HessianReport found = collect();
    write_hessian(run.out, found);
    log.remove();
    report(found);
  }

 private:
  bool known(std::int64_t item) const { return known_.contains(item); }

  void keep(std::int64_t item, std::vector<double> values) {
    values.resize(items_.width, std::numeric_limits<double>::quiet_NaN());
    log_->append({item, values});
    known_[item] = std::move(values);
  }

  void compute() {
    if (flags_.top + flags_.bottom > 0 && !known(Items::kEigenvalues)) find_eigenvalues();
    if (flags_.trace > 0) find_trace();
    std::vector<std::int64_t> missing;
    for (std::int64_t i = 0; i < flags_.probes; ++i)
      if (!known(items_.first_probe() + i)) missing.push_back(i);
    if (missing.empty()) return;
    begin("density", static_cast<std::int64_t>(missing.size()) * flags_.steps);
    for (const std::int64_t i : missing) find_quadrature(i);
    progress_->finish();
  }

  void begin(const char* what, std::int64_t products) {
    progress_.emplace(what, "products", products, flags_.run.landscape.quiet);
    products_ = 0;
    note_.clear();
  }

  void find_eigenvalues() {
    begin("eigenvalues", flags_.products + flags_.top + flags_.bottom);  // at most
    const auto watch = [this](std::int64_t, const std::vector<RitzValue>& ritz) {
      note_ = fmt::format("lambda {:.4g} ... {:.4g}", ritz.front().value, ritz.back().value);
      return false;
    };
    const Extremes found = extremes(apply_, type_of(point_),
                                    {.largest = flags_.top,
                                     .smallest = flags_.bottom,
                                     .tolerance = flags_.tolerance,
                                     .products = flags_.products,
                                     .seed = flags_.run.seed,
                                     .watch = watch},
                                    /*vectors=*/true);
    progress_->finish();
    save_vectors(found);
    std::vector<double> values{static_cast<double>(found.products)};
    const auto add = [&](const std::vector<Eigenvalue>& eigenvalues, const std::vector<Tensor>& vectors) {
      for (std::size_t i = 0; i < eigenvalues.size(); ++i) {
        const Estimate sampled = estimate_of(subject_.loss().block_curvatures(point_, vectors[i]));
        values.insert(values.end(), {eigenvalues[i].value, eigenvalues[i].residual,
                                     eigenvalues[i].converged ? 1.0 : 0.0, sampled.error});
      }
    };
    add(found.largest, found.largest_vectors);
    // The numbers of a shorter list than asked for are NaN.
    values.resize(static_cast<std::size_t>(1 + 4 * flags_.top), std::numeric_limits<double>::quiet_NaN());
    add(found.smallest, found.smallest_vectors);
    keep(Items::kEigenvalues, std::move(values));
  }

  void save_vectors(const Extremes& found) const {
    if (flags_.vectors.empty()) return;
    const ParameterSpace& space = subject_.loss().space();
    const State& state = subject_.state();
    DirectionPair pair{space.direction(state, found.largest_vectors.at(0)), std::nullopt, {}};
    if (found.largest_vectors.size() > 1)
      pair.y = space.direction(state, found.largest_vectors[1]);
    else if (!found.smallest_vectors.empty())
      pair.y = space.direction(state, found.smallest_vectors[0]);
    pair.attributes["configuration"] = configuration_;
    write_directions(flags_.vectors, state, pair);
  }

  void find_trace() {
    std::vector<std::int64_t> missing;
    for (std::int64_t i = 0; i < items_.trace_samples; ++i)
      if (!known(Items::kFirstSample + i)) missing.push_back(i);
    if (missing.empty()) return;
    begin("trace", 2 * sketch_ + static_cast<std::int64_t>(missing.size()));
    const VectorType type = type_of(point_);
    std::optional<HutchPlusPlus> plus;  // made anew after an interruption: the same
    if (sketch_ > 0) {
      plus.emplace(apply_, type, sketch_, flags_.run.seed);
      if (!known(Items::kRange)) keep(Items::kRange, {plus->range_trace()});
    }
    for (const std::int64_t i : missing) {
      const auto index = static_cast<std::uint64_t>(i);
      keep(Items::kFirstSample + i,
           {plus ? plus->rest_sample(index) : hutchinson_sample(apply_, type, flags_.run.seed, index)});
    }
  }

  void find_quadrature(std::int64_t index) {
    note_ = fmt::format("start {}", index + 1);
    const Quadrature found =
        density_quadrature(apply_, type_of(point_), flags_.steps, flags_.run.seed, static_cast<std::uint64_t>(index));
    std::vector<double> values{static_cast<double>(found.nodes.size())};
    values.insert(values.end(), found.nodes.begin(), found.nodes.end());
    values.insert(values.end(), found.weights.begin(), found.weights.end());
    keep(items_.first_probe() + index, std::move(values));
  }

  static std::vector<MeasuredEigenvalue> eigenvalues_of(const std::vector<double>& values, std::int64_t first,
                                                        std::int64_t count) {
    std::vector<MeasuredEigenvalue> result;
    for (auto at = static_cast<std::size_t>(first); count > 0; --count, at += 4)
      if (!std::isnan(values[at]))
        result.push_back({{values[at], values[at + 1], values[at + 2] != 0}, values[at + 3]});
    return result;
  }

  HessianReport collect() const {
    HessianReport result;
    if (known(Items::kEigenvalues)) {
      const std::vector<double>& values = known_.at(Items::kEigenvalues);
      result.largest = eigenvalues_of(values, 1, flags_.top);
      result.smallest = eigenvalues_of(values, 1 + 4 * flags_.top, flags_.bottom);
    }
    if (flags_.trace > 0) {
      result.trace.emplace();
      if (known(Items::kRange)) result.trace->range = known_.at(Items::kRange)[0];
      for (std::int64_t i = 0; i < items_.trace_samples; ++i)
        result.trace->samples.push_back(known_.at(Items::kFirstSample + i)[0]);
    }
    for (std::int64_t i = 0; i < flags_.probes; ++i) {
      const std::vector<double>& values = known_.at(items_.first_probe() + i);
      const auto count = static_cast<std::ptrdiff_t>(values[0]);
      result.probes.push_back({{values.begin() + 1, values.begin() + 1 + count},
                               {values.begin() + 1 + count, values.begin() + 1 + 2 * count}});
    }
    if (flags_.probes > 0)
      result.density =
          spectral_density(result.probes, 1001, flags_.width > 0 ? flags_.width : usual_width(result.probes));
    result.attributes = {{"configuration", configuration_},
                         {"model", subject_.subject().checkpoint().model.name},
                         {"checkpoint", flags_.run.landscape.checkpoint},
                         {"device", subject_.backend().name()},
                         {"version", version_text()}};
    return result;
  }

  static Json json_of(const std::vector<MeasuredEigenvalue>& values) {
    Json list = Json::array();
    for (const MeasuredEigenvalue& v : values)
      list.push_back({{"value", v.numerical.value},
                      {"residual", v.numerical.residual},
                      {"converged", v.numerical.converged},
                      {"sampling_error", v.sampling_error}});
    return list;
  }

  static void print_eigenvalues(const char* name, const std::vector<MeasuredEigenvalue>& values) {
    for (const MeasuredEigenvalue& v : values)
      fmt::print("{:<14}{:>14.6g}  +- {:.1e} (residual), +- {:.2g} (images){}\n", name, v.numerical.value,
                 v.numerical.residual, v.sampling_error, v.numerical.converged ? "" : "  NOT CONVERGED");
  }

  void report(const HessianReport& found) const {
    const std::string next = next_command(found);
    const auto size = static_cast<double>(subject_size());
    if (flags_.run.landscape.json) {
      Json json{{"out", flags_.run.out}, {"parameters", subject_size()}, {"next", next}};
      json["largest"] = json_of(found.largest);
      json["smallest"] = json_of(found.smallest);
      if (found.trace) {
        const Estimate trace = found.trace->estimate();
        json["trace"] = {{"value", trace.value}, {"error", trace.error}, {"method", flags_.trace_method}};
      }
      std::cout << json.dump() << '\n';
      return;
    }
    print_eigenvalues("largest", found.largest);
    print_eigenvalues("smallest", found.smallest);
    if (!found.largest.empty() && !found.smallest.empty())
      fmt::print("{:<14}{:>14.4g}\n", "|min / max|",
                 std::abs(found.smallest[0].numerical.value / found.largest[0].numerical.value));
    if (found.trace) {
      const Estimate trace = found.trace->estimate();
      fmt::print("{:<14}{:>14.6g}  +- {:.2g} (random vectors, {}); mean eigenvalue {:.4g}\n", "trace", trace.value,
                 trace.error, flags_.trace_method, trace.value / size);
    }
    if (found.density)
      fmt::print("{:<14}{} starts of up to {} products, Gaussians of width {:.3g}\n", "density", found.probes.size(),
                 flags_.steps, found.density->width);
    fmt::print("written: {}\n", flags_.run.out);
    if (!flags_.run.landscape.quiet) fmt::print("next: {}\n", next);
  }

  std::int64_t subject_size() const { return subject_.loss().size(); }

  std::string next_command(const HessianReport& found) const {
    const RunFlags& run = flags_.run;
    const std::string picture = std::filesystem::path(run.out).replace_extension(".png").string();
    if (found.density) return fmt::format("basin plot {} --out {}", run.out, picture);
    return fmt::format("basin hessian {}{} --images {} --x=-1:1:11 --y=-1:1:11 --out map.h5", run.landscape.checkpoint,
                       run.landscape.data.empty() ? "" : " --data " + run.landscape.data, subject_.loss().images());
  }

  const HessianFlags& flags_;
  const TraceMethod method_;
  HessianSubject subject_;
  const Tensor point_;
  SymmetricOperator apply_;
  std::string configuration_;
  std::int64_t sketch_ = 0;
  Items items_{};
  std::map<std::int64_t, std::vector<double>> known_;
  AppendLog* log_ = nullptr;
  std::optional<Progress> progress_;
  std::int64_t products_ = 0;
  std::string note_;
};

}  // namespace

void run_hessian_point(const HessianFlags& flags) { PointCommand(flags).execute(); }

}  // namespace basin
