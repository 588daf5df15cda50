#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <new>
#include <string>

#include "core/cpu/features.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/version.h"

namespace basin {
namespace {

std::string typed;

std::string quoted(const std::string& argument) {
  if (!argument.empty() && argument.find_first_of(" \t\n\"'\\$&|;<>()*?[]{}~#!`") == std::string::npos) return argument;
  std::string result = "'";
  for (const char c : argument) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string line_of(int argc, char** argv) {
  std::string line = "basin";
  for (int i = 1; i < argc; ++i) line += " " + quoted(argv[i]);
  return line;
}

// The subcommand that parsing had reached.
const CLI::App* innermost(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return command;
}

std::vector<std::string> names_in(const CLI::App& command, bool flags) {
  std::vector<std::string> names;
  if (flags) {
    for (const CLI::Option* option : command.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  } else {
    for (const CLI::App* subcommand : command.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(subcommand->get_name());
  }
  return names;
}

// "basin data fetch".
std::string full_name(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name()
                                         : full_name(*command.get_parent()) + " " + command.get_name();
}

// The first flag that the command does not have; where a subcommand is missing, the word in its place.
std::string unknown_argument(const CLI::App& command, const std::vector<std::string>& arguments) {
  const bool wants_command = command.get_require_subcommand_min() > 0;
  const std::vector<std::string> flags = names_in(command, true);
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    const bool known = std::find(flags.begin(), flags.end(), name) != flags.end();
    if (name.starts_with("--") ? !known : wants_command && !name.starts_with("-")) return name;
  }
  return {};
}

// What follows the name of `command` on the command line.
std::vector<std::string> arguments_of(const CLI::App& command, int argc, char** argv) {
  char** const end = argv + argc;
  char** const name = std::find(argv + 1, end, command.get_name());
  return {name == end ? argv + 1 : name + 1, end};
}

// One line for what CLI11 could not parse, with the nearest name for what it did not know.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App* command = innermost(app);
  const std::string where = full_name(*command);
  const int code = error.get_exit_code();
  const bool extras = code == static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (extras || command->get_require_subcommand_min() > 0) {
    const std::string name = unknown_argument(*command, arguments_of(*command, argc, argv));
    const bool flag = name.starts_with("--");
    const std::string near = nearest(name, names_in(*command, flag));
    if (!name.empty())
      return where + ": unknown " + (flag ? "flag " : "command ") + name +
             (near.empty() ? "" : "; did you mean " + near + "?") + " (" + where + " --help lists all)";
  }
  // Words are caught by check_numbers; what is left are numbers that the flag's type does not hold.
  const std::string reason = error.what(), number = "Could not convert: ";
  return where + ": " + (reason.starts_with(number) ? "out of range: " + reason.substr(number.size()) : reason);
}

int run(int argc, char** argv) {
  typed = line_of(argc, argv);
  parse_hidden_features(hidden_cpu_features());  // an error in it shows before any work
  CLI::App app{"Basin: loss landscapes of neural networks", "basin"};
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer("basin COMMAND --help explains a command.");
  add_doctor_command(app);
  add_demo_command(app);
  add_data_command(app);
  add_train_command(app);
  add_evaluate_command(app);
  add_surface_command(app);
  add_line_command(app);
  add_compare_command(app);
  add_convert_command(app);
  add_curve_command(app);
  add_hessian_command(app);
  add_sharpness_command(app);
  add_trajectory_command(app);
  add_paper_command(app);
  add_plot_command(app);
  check_numbers(app);
  install_interrupt_handler();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "error: " << usage_error(app, error, argc, argv) << '\n';
    return 2;
  }
  return 0;
}

}  // namespace

const std::string& command_line() { return typed; }

}  // namespace basin

int main(int argc, char** argv) {
  try {
    return basin::run(argc, argv);
  } catch (const basin::Interrupted&) {
    return 130;
  } catch (const std::bad_alloc&) {
    std::cerr << "error: not enough memory\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
