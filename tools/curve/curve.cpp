// basin curve: the loss on the way from one network to another, straight or around the barrier.
#include "tools/curve/curve.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/command.h"
#include "tools/number_flags.h"

namespace basin {
namespace {

void add_training_flags(CLI::App& command, CurveFlags& flags) {
  CurveTrainingOptions& o = flags.training;
  command
      .add_option("--bends", flags.bends,
                  "Of a bezier or chain: its control points between the networks (1: a quadratic Bezier curve)")
      ->capture_default_str();
  command.add_option("--epochs", o.epochs, "Passes over the training images for the bends")->capture_default_str();
  command.add_option("--batch", o.batch, "Images per step, all at one t")->capture_default_str();
  command.add_option("--lr", o.learning_rate, "Learning rate: constant for half of the run, then down to 1 % at 90 %")
      ->capture_default_str();
  command.add_option("--momentum", o.momentum, "Of SGD (not Nesterov's)")->capture_default_str();
  command.add_option("--weight-decay", o.weight_decay, "Of the networks on the curve")->capture_default_str();
  command.add_flag("--augment,!--no-augment", o.augment, "Random crop with padding 4 and mirroring [on]");
  command.add_option("--seed", o.seed, "Of order, augmentation and t")->capture_default_str();
  command
      .add_option("--train-images", flags.train_images, "Train the bends on the first N training images only (0: all)")
      ->check(non_negative())
      ->capture_default_str();
}

void add_plane_flags(CLI::App& command, CurveFlags& flags) {
  command.add_flag("--surface", flags.surface,
                   "Also the surface over the plane through both networks and a third: the bend of a curve with one, "
                   "or --through");
  command.add_option("--through", flags.through, "Third checkpoint of that plane");
  command.add_option("--surface-points", flags.surface_points, "Points of the surface along each axis")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--margin", flags.margin, "Of the surface around the three networks, a share of their extent")
      ->check(non_negative())
      ->capture_default_str();
}

}  // namespace

void add_curve_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "curve", "The loss on a path between two networks: straight, with its barrier, or bent around it by training");
  command->footer(
      "Examples: basin curve a.safetensors b.safetensors --data DIR --out line.h5\n"
      "          basin curve a.safetensors b.safetensors --data DIR --kind bezier --epochs 20 --surface --out c.h5\n"
      "A run that was interrupted or killed goes on when the same command is given again. Without --bn, batch-norm\n"
      "statistics are recomputed at every point.");
  const auto flags = std::make_shared<CurveFlags>();
  flags->landscape.split = "both";
  flags->landscape.usual_images = 1000;
  add_landscape_flags(*command, flags->landscape);
  command->add_option("checkpoint2", flags->to, "The network at the other end")->required();
  command->add_option("--kind", flags->kind, "linear, bezier or chain (straight segments between bends)")
      ->capture_default_str();
  add_training_flags(*command, *flags);
  command->add_option("--points", flags->points, "Values of t that are measured, 0 and 1 included")
      ->capture_default_str();
  add_plane_flags(*command, *flags);
  command->add_option("--out", flags->out, "Where the curve goes (HDF5)")->required();
  command->add_flag("--force", flags->force, "Replace an existing curve and what is beside it");
  command->add_flag("--resume", flags->resume, "Go on where an interrupted run stopped; this is what happens anyway");
  command->callback([flags] { run_curve(*flags); });
}

}  // namespace basin
