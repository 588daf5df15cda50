// basin evaluate: loss and accuracy of one network, by the engine that computes surfaces.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/landscape_flags.h"

namespace basin {
namespace {

using Json = nlohmann::json;

Json json_of(const Measurement& m, std::int64_t images) {
  return {{"loss", m.loss},         {"loss_error", m.loss_error},
          {"accuracy", m.accuracy}, {"accuracy_error", m.accuracy_error},
          {"images", images},       {"non_finite", m.non_finite}};
}

void print_line(const char* split, const Measurement& m, std::int64_t images) {
  fmt::print("{}: loss {:.6g} +- {:.2g}, accuracy {:.2f} % +- {:.2f}, {} images", split, m.loss, m.loss_error,
             m.accuracy, m.accuracy_error, images);
  if (m.non_finite > 0) fmt::print(", {} of them with logits that are not finite", m.non_finite);
  fmt::print("\n");
}

void evaluate_command(const LandscapeFlags& flags) {
  const Subject subject(flags);
  const EvaluationSet& set = subject.set();
  const Plane plane{&subject.checkpoint().model, &subject.checkpoint().state, nullptr, nullptr};
  const EvaluatorOptions options = evaluator_options(flags);
  const auto evaluator = make_evaluator(plane, set, options);
  const auto start = std::chrono::steady_clock::now();
  const PointResult result = evaluate_point(*evaluator, {});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (flags.json) {
    Json json;
    if (set.train != nullptr) json["train"] = json_of(result.train, set.train->count);
    if (set.test != nullptr) json["test"] = json_of(result.test, set.test->count);
    if (json.size() == 1) json = Json(*json.begin());
    json.update({{"model", plane.model->name},
                 {"split", flags.split},
                 {"engine", evaluator->engine()},
                 {"precision", evaluator->precision()},
                 {"device", device_text(options)},
                 {"notes", evaluator->notes()},
                 {"seconds", seconds}});
    fmt::print("{}\n", json.dump());
    return;
  }
  if (!flags.quiet)
    for (const std::string& note : evaluator->notes()) fmt::print(stderr, "note: {}\n", note);
  if (set.train != nullptr) print_line("train", result.train, set.train->count);
  if (set.test != nullptr) print_line("test", result.test, set.test->count);
  if (!flags.quiet)
    fmt::print(
        "{} by engine {} on {}, {}, in {:.2f} s\nnext: basin surface {} --images 1000 --x=-1:1:21 --y=-1:1:21 --out "
        "s.h5{}\n",
        plane.model->name, evaluator->engine(), device_text(options), evaluator->precision(), seconds, flags.checkpoint,
        flags.data.empty() ? "" : " --data " + flags.data);
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("evaluate", "Loss and accuracy of a network, with standard errors");
  const auto flags = std::make_shared<LandscapeFlags>();
  flags->split = "test";
  add_landscape_flags(*command, *flags);
  command->callback([flags] { evaluate_command(*flags); });
}

}  // namespace basin
