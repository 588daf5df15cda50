#include "tools/trajectory/trajectory.h"

#include <CLI/CLI.hpp>

#include "tools/command.h"
#include "tools/number_flags.h"

namespace basin {

void add_trajectory_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "trajectory", "The path of training in the plane of its principal components, and how far it lies from it");
  const auto flags = std::make_shared<TrajectoryFlags>();
  flags->landscape.usual_images = 1000;
  command->add_option("runs", flags->runs, "Run folders, drawn in one plane; or the checkpoints of one run, in order")
      ->required()
      ->type_name("RUN");
  add_image_flags(*command, flags->landscape);
  add_engine_flags(*command, flags->landscape);
  command->add_option("--plane", flags->plane,
                      "Project into the plane of this direction file (HDF5, reference layout)");
  command
      ->add_option("--centering", flags->centering,
                   "none: components of the differences to the last checkpoint (the paper); mean: less their mean "
                   "(the reference tool)")
      ->capture_default_str();
  command->add_option("--type", flags->type, "weights, or states: batch-norm statistics are part of a point")
      ->capture_default_str();
  command->add_option("--ignore", flags->ignore, "biasbn: biases and batch norm are left out; none: they are part")
      ->capture_default_str();
  command->add_option("--every", flags->every, "Take every N-th checkpoint, and the last")
      ->check(positive())
      ->capture_default_str();
  command->add_flag("--surface", flags->surface, "Compute the surface in this plane too, OUT.surface.h5");
  command->add_option("--margin", flags->margin, "Of the surface around the path, as a share of its extent")
      ->check(non_negative())
      ->capture_default_str();
  command->add_option("--points", flags->points, "Of the surface, along each axis")
      ->check(CLI::Range(2, 1001))
      ->capture_default_str();
  command->add_option("--out", flags->out, "Where the path goes (HDF5)")->required();
  command->add_flag("--force", flags->force, "Replace an existing result and its log");
  command->add_flag("--resume", flags->resume, "Go on where an interrupted run stopped; this is what happens anyway");
  command->callback([flags] { run_trajectory(*flags); });
}

}  // namespace basin
