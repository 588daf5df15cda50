// basin surface: the loss over a plane through a network.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/command.h"
#include "tools/landscape_run.h"

namespace basin {

void add_surface_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("surface", "Loss and accuracy over a plane of directions around a network");
  command->footer(
      "Example: basin surface last.safetensors --data DIR --images 1000 --x=-1:1:51 --y=-1:1:51 --out s.h5\n"
      "A run that was interrupted or killed goes on when the same command is given again.");
  const auto flags = std::make_shared<RunFlags>();
  add_run_flags(*command, *flags, true);
  command->callback([flags] { run_landscape(*flags); });
}

}  // namespace basin
