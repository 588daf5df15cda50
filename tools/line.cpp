// basin line: the loss along a random direction or between two networks.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/command.h"
#include "tools/landscape_run.h"

namespace basin {

void add_line_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("line", "Loss and accuracy along one direction, or from one network to another");
  command->footer(
      "Examples: basin line last.safetensors --x=-1:1:51 --out line.h5\n"
      "          basin line small.safetensors --to large.safetensors --type states --x=-0.5:1.5:401 --out line.h5");
  const auto flags = std::make_shared<RunFlags>();
  flags->landscape.split = "both";
  add_run_flags(*command, *flags, false);
  command->callback([flags] { run_landscape(*flags); });
}

}  // namespace basin
