#include "tools/sharpness/sharpness.h"

#include <CLI/CLI.hpp>

#include "tools/command.h"
#include "tools/number_flags.h"

namespace basin {
namespace {

void add_neighbourhood_flags(CLI::App& command, SharpnessFlags& flags) {
  command.add_option("--epsilon", flags.epsilon, "keskar: the box is epsilon (|x| + 1) wide to either side")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--subspace", flags.subspace,
                  "keskar: also in a random subspace of this many dimensions, held in memory; 0: not")
      ->check(non_negative())
      ->capture_default_str();
  command.add_option("--rho", flags.rho, "sam: the radius")->check(positive())->capture_default_str();
  command.add_option("--adaptive-rho", flags.adaptive_rho, "asam: the radius in units of each weight")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--filter-rho", flags.filter_rho, "asam: the radius in units of each filter's norm")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--gradients", flags.gradients, "keskar, sam, asam: gradients of each ascent to the maximum, at most")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--starts", flags.starts, "keskar, sam, asam: ascents, all but the first from random points")
      ->check(positive())
      ->capture_default_str();
}

void add_noise_flags(CLI::App& command, SharpnessFlags& flags) {
  command.add_option("--sigma", flags.sigma, "expected: standard deviation of the noise")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--relative-sigma", flags.relative_sigma,
                  "expected: standard deviation of the noise in units of each weight")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--samples", flags.samples, "expected: pairs of opposite draws")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--gamma", flags.gamma, "entropy: strength of the pull to the network")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--beta", flags.beta, "entropy: inverse temperature (default: the number of images)")
      ->check(positive());
  command
      .add_option("--entropy-steps", flags.steps,
                  "entropy: steps of each of 15 chains, after half as many that are discarded; a gradient each")
      ->check(CLI::Validator(
          [](std::string& text) { return std::stod(text) >= 4 ? "" : "expected 4 or more, found '" + text + "'"; },
          "FROM 4"))
      ->capture_default_str();
}

}  // namespace

void add_sharpness_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "sharpness",
      "How much the loss rises around a network: Keskar's, SAM's, adaptive and expected sharpness; local "
      "entropy");
  const auto flags = std::make_shared<SharpnessFlags>();
  flags->landscape.usual_images = 1000;
  add_subject_flags(*command, flags->landscape);
  command
      ->add_option("--device", flags->landscape.device,
                   "auto (the first usable GPU, else the CPU), cpu, cuda or cuda:N")
      ->capture_default_str();
  command
      ->add_option("--measures", flags->measures,
                   "A list of keskar, sam, asam, expected and entropy; entropy takes thousands of gradients")
      ->capture_default_str();
  command
      ->add_option("--parameters", flags->parameters,
                   "Which move: all, matrices (of two dimensions or more), or names such as layer1,linear.weight")
      ->capture_default_str();
  add_neighbourhood_flags(*command, *flags);
  add_noise_flags(*command, *flags);
  command->add_option("--seed", flags->seed, "Of all random numbers")->capture_default_str();
  command->add_option("--block", flags->block, "Images differentiated together")
      ->check(positive())
      ->capture_default_str();
  command->add_flag("--double", flags->exact, "Compute in float64, on the CPU, slowly");
  command->add_option("--out", flags->out, "Where the result goes (JSON)")->required();
  command->add_flag("--force", flags->force, "Replace an existing result and its log");
  command->add_flag("--resume", flags->resume, "Go on where an interrupted run stopped; this is what happens anyway");
  command->callback([flags] { run_sharpness(*flags); });
}

}  // namespace basin
