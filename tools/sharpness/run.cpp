// One run of `basin sharpness`: what is measured goes to the log item by item, and to the file when all is there.
#include <fmt/format.h>

#include <iostream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/atomic_file.h"
#include "core/interrupt.h"
#include "landscape/append_log.h"
#include "tools/devices/devices.h"
#include "tools/hessian/hessian.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/sharpness/sharpness.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;

std::string configuration_in(const std::filesystem::path& file) {
  return read_sharpness(file).attributes["configuration"];
}

class Run {
 public:
  explicit Run(const SharpnessFlags& flags)
      : flags_(flags),
        backend_(select_backend(flags.landscape.device)),
        subject_(flags.landscape),
        function_(subject_.checkpoint().model, subject_.checkpoint().state,
                  ParameterSpace(subject_.checkpoint().state, {flags.parameters}), images(),
                  subject_.set().normalization, backend_,
                  {.objective = subject_.set().loss,
                   .block = flags.block,
                   .dtype = flags.exact ? DType::f64 : DType::f32,
                   .stop = interrupted}),
        loss_(counted(mean_loss(function_))),
        groups_(sharpness_groups(flags, function_, loss_)),
        configuration_(configuration().dump()) {
    for (const SharpnessGroup& group : groups_)
      for (const SharpnessItem& item : group.items) items_.push_back(&item);
  }

  void execute() {
    if (holds_result(flags_.out, configuration_, flags_.force, {flags_.landscape.checkpoint}, configuration_in)) {
      if (!flags_.landscape.quiet) fmt::print(stderr, "'{}' holds this result already\n", flags_.out);
      return report(read_sharpness(flags_.out));
    }
    if (!flags_.landscape.quiet) print_configuration(Json::parse(configuration_));
    AppendLog log(log_beside(flags_.out), configuration_, count_of(items_), kItemValues);
    for (const LogRecord& record : log.recovered()) known_[record.index] = record.values;
    try {
      measure(log);
    } catch (const Interrupted&) {
      log.sync();
      progress_->finish();
      fmt::print(stderr, "interrupted: {} of {} parts are kept; to go on: {}\n", known_.size(), items_.size(),
                 resume_command());
      throw;
    }
    const SharpnessReport found = collect();
    write_sharpness(flags_.out, found);
    log.remove();
    report(found);
  }

 private:
  static std::int64_t count_of(const auto& list) { return static_cast<std::int64_t>(list.size()); }

  const Images& images() const {
    check(subject_.set().train == nullptr || subject_.set().test == nullptr,
          "--split both: sharpness is of one set; give train or test");
    return subject_.set().train != nullptr ? *subject_.set().train : *subject_.set().test;
  }

  Json configuration() const {
    Json json = subject_.configuration();
    json.update({{"parameters", flags_.parameters},
                 {"block", flags_.block},
                 {"seed", flags_.seed},
                 {"arithmetic", flags_.exact ? "float64" : "float32"},
                 {"device", backend_.name() == "cpu" ? "cpu" : "cuda"}});
    json.update(sharpness_settings(flags_, function_));
    return json;
  }

  // Shows each pass over the images.
  MeanLoss counted(const MeanLoss& loss) {
    return {[this, loss](const Tensor& point) {
              auto terms = loss.terms(point);
              count(1);
              return terms;
            },
            [this, loss](const Tensor& point) {
              auto found = loss.value_and_gradient(point);
              count(kGradientPasses);
              return found;
            }};
  }
  void count(std::int64_t passes) { progress_->update(passes_ += passes, title_); }

  void measure(AppendLog& log) {
    std::int64_t all = 0, done = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      all += items_[i]->passes;
      if (known_.contains(static_cast<std::int64_t>(i))) done += items_[i]->passes;
    }
    progress_.emplace("sharpness", "passes", all, flags_.landscape.quiet, done);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      if (known_.contains(index)) continue;
      passes_ = done;
      title_ = items_[i]->title;
      std::vector<double> values = items_[i]->measure();
      values.resize(kItemValues, std::numeric_limits<double>::quiet_NaN());
      log.append({index, values});
      known_[index] = std::move(values);
      // An ascent may have ended sooner than it might.
      progress_->update(done += items_[i]->passes, title_);
    }
    progress_->finish();
  }

  SharpnessReport collect() const {
    SharpnessReport found;
    std::int64_t index = 0;
    for (const SharpnessGroup& group : groups_) {
      std::vector<std::vector<double>> values;
      for (std::size_t i = 0; i < group.items.size(); ++i) values.push_back(known_.at(index++));
      for (SharpnessMeasure& measure : group.measures(values)) found.measures.push_back(std::move(measure));
    }
    found.attributes = {{"configuration", configuration_},
                        {"model", subject_.checkpoint().model.name},
                        {"checkpoint", flags_.landscape.checkpoint},
                        {"device", backend_.name()},
                        {"version", version_text()}};
    return found;
  }

  void report(const SharpnessReport& found) const {
    const std::string next =
        fmt::format("basin hessian {}{} --images {} --out {}", flags_.landscape.checkpoint,
                    flags_.landscape.data.empty() ? "" : " --data " + flags_.landscape.data, function_.images(),
                    std::filesystem::path(flags_.out).replace_extension(".hessian.h5").string());
    if (flags_.landscape.json) {
      Json json = Json::parse(read_file(flags_.out));
      json.update({{"out", flags_.out}, {"parameters", function_.size()}, {"next", next}});
      std::cout << json.dump() << '\n';
      return;
    }
    for (const SharpnessMeasure& m : found.measures) print(m);
    for (const SharpnessMeasure& m : found.measures)
      if (const auto chains = m.settings.find("unsettled_chains"); chains != m.settings.end() && !(chains->second <= 0))
        fmt::print(
            "note: {}: {} chains have not settled, and the error does not cover what they are off by; give more "
            "--entropy-steps\n",
            m.name, chains->second);
    fmt::print("written: {}\n", flags_.out);
    if (!flags_.landscape.quiet) fmt::print("next: {}\n", next);
  }

  static void print(const SharpnessMeasure& m) {
    const bool other = m.error_kind.find("images") == std::string::npos && m.images_error == m.images_error;
    fmt::print("{:<20}{:>12.5g} {:<5}+- {:<9.2g}({}{})\n", m.name, m.value, m.unit, m.error, m.error_kind,
               other ? fmt::format("; images: +- {:.2g}", m.images_error) : "");
  }

  const SharpnessFlags& flags_;
  Backend& backend_;
  Subject subject_;
  LossFunction function_;
  std::optional<Progress> progress_;
  std::int64_t passes_ = 0;
  std::string title_;
  MeanLoss loss_;
  std::vector<SharpnessGroup> groups_;
  std::string configuration_;
  std::vector<const SharpnessItem*> items_;
  std::map<std::int64_t, std::vector<double>> known_;
};

}  // namespace

void run_sharpness(const SharpnessFlags& flags) { Run(flags).execute(); }

}  // namespace basin
