#include "tools/hessian/hessian.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "core/interrupt.h"
#include "tools/command.h"
#include "tools/devices/devices.h"
#include "tools/number_flags.h"

namespace basin {
namespace {

LossOptions loss_options(const HessianFlags& flags) {
  return {.objective = parse_objective(flags.run.landscape.loss),
          .weight_decay = flags.weight_decay,
          .block = flags.block,
          .dtype = flags.exact ? DType::f64 : DType::f32,
          .stop = interrupted};
}

void add_point_flags(CLI::App& command, HessianFlags& flags) {
  command.add_option("--top", flags.top, "How many of the largest eigenvalues")
      ->check(non_negative())
      ->capture_default_str();
  command.add_option("--bottom", flags.bottom, "How many of the smallest eigenvalues")
      ->check(non_negative())
      ->capture_default_str();
  command.add_option("--trace", flags.trace, "Hessian-vector products spent on the trace (0: none)")
      ->check(non_negative())
      ->capture_default_str();
  command.add_option("--trace-method", flags.trace_method, "hutch++ or hutchinson")->capture_default_str();
  command.add_option("--density", flags.probes, "Random starts for the spectral density (0: none)")
      ->check(non_negative())
      ->capture_default_str();
  command.add_option("--density-steps", flags.steps, "Products of each start")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--density-width", flags.width,
                  "Standard deviation of the Gaussians that smooth it (default: a hundredth of the span)")
      ->check(positive());
  command.add_option("--vectors", flags.vectors,
                     "Write the eigenvectors of the largest and of the next (with --top 2) or the smallest eigenvalue "
                     "as a direction file");
}

void run(const CLI::App& command, HessianFlags flags) {
  const bool map = !flags.run.x.empty();
  check(map || flags.run.y.empty(), "--y: give the first axis too, --x");
  for (const char* flag : {"--top", "--bottom", "--trace", "--trace-method", "--density", "--density-steps",
                           "--density-width", "--vectors"})
    check(!map || command.count(flag) == 0, flag, ": is of the spectrum at one point, and --x asks for a map");
  for (const char* flag :
       {"--to", "--to2", "--direction-file", "--norm", "--ignore", "--type", "--x-index", "--y-index"})
    check(map || command.count(flag) == 0, flag, ": is of a map; give its range with --x");
  if (flags.tolerance == 0) flags.tolerance = map ? 1e-2 : 1e-3;
  if (flags.products == 0) flags.products = map ? 60 : 100;
  map ? run_hessian_map(flags) : run_hessian_point(flags);
}

}  // namespace

HessianSubject::HessianSubject(const HessianFlags& flags)
    : flags_(flags),
      backend_(&select_backend(flags.run.landscape.device)),
      subject_(flags.run.landscape),
      loss_(subject_.checkpoint().model, subject_.checkpoint().state,
            ParameterSpace(subject_.checkpoint().state, {flags.parameters}), images(), subject_.set().normalization,
            *backend_, loss_options(flags)) {}

const Images& HessianSubject::images() const {
  check(subject_.set().train == nullptr || subject_.set().test == nullptr,
        "--split both: a Hessian is of one set; give train or test");
  return subject_.set().train != nullptr ? *subject_.set().train : *subject_.set().test;
}

nlohmann::json HessianSubject::configuration() const {
  nlohmann::json json = subject_.configuration();
  json.update({{"parameters", flags_.parameters},
               {"weight_decay", flags_.weight_decay},
               {"tolerance", flags_.tolerance},
               {"products", flags_.products},
               {"block", flags_.block},
               {"seed", flags_.run.seed},
               {"arithmetic", flags_.exact ? "float64" : "float32"},
               {"device", backend_->name() == "cpu" ? "cpu" : "cuda"}});
  return json;
}

void print_configuration(const nlohmann::json& configuration) {
  fmt::print(stderr, "{}\n", command_line());
  for (const auto& [name, value] : configuration.items())
    fmt::print(stderr, "  {:<14} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
}

void add_hessian_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "hessian",
      "Eigenvalues, trace and spectral density of the Hessian, or a map of its extreme eigenvalues (--x, --y)");
  const auto flags = std::make_shared<HessianFlags>();
  flags->run.x.clear();
  flags->run.landscape.usual_images = 1000;
  add_subject_flags(*command, flags->run.landscape);
  command
      ->add_option("--device", flags->run.landscape.device,
                   "auto (the first usable GPU, else the CPU), cpu, cuda or cuda:N")
      ->capture_default_str();
  command
      ->add_option("--parameters", flags->parameters,
                   "Which move: matrices (of two dimensions or more, as in the paper), all, or names such as "
                   "layer1,linear.weight")
      ->capture_default_str();
  command->add_option("--weight-decay", flags->weight_decay, "Adds this times the identity: the loss that was trained")
      ->check(non_negative())
      ->capture_default_str();
  command
      ->add_option("--tolerance", flags->tolerance,
                   "Of the eigenvalues' residuals, relative to the largest (default: 1e-3; 1e-2 for a map)")
      ->check(positive());
  command
      ->add_option("--products", flags->products,
                   "Hessian-vector products for eigenvalues at a point, at most (default: 100; 60 for a map)")
      ->check(positive());
  command->add_option("--block", flags->block, "Images differentiated together")
      ->check(positive())
      ->capture_default_str();
  command->add_flag("--double", flags->exact, "Compute in float64, on the CPU, slowly");
  add_point_flags(*command, *flags);
  add_direction_flags(*command, flags->run, /*two_dimensional=*/true);
  command->add_option("--out", flags->run.out, "Where the result goes (HDF5)")->required();
  command->add_flag("--force", flags->run.force, "Replace an existing result and its log");
  command->add_flag("--resume", flags->run.resume,
                    "Go on where an interrupted run stopped; this is what happens anyway");
  command->callback([command, flags] { run(*command, *flags); });
}

}  // namespace basin
