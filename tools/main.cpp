#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "tools/command.h"
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

// One line for what CLI11 could not parse, with the nearest name for what it did not know.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App* command = innermost(app);
  const std::string where = command == &app ? "basin" : "basin " + command->get_name();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    const bool flag = argument.starts_with("--");
    const auto known = names_in(*command, flag);
    const bool unknown =
        flag ? std::find(known.begin(), known.end(), argument) == known.end()
             : command == &app && i == 1 && std::find(known.begin(), known.end(), argument) == known.end();
    if (!unknown || (!flag && argument.starts_with("-"))) continue;
    if (flag && i < argc && command != &app && std::string(error.get_name()) != "ExtrasError") continue;
    const std::string near = nearest(argument, known);
    return where + ": unknown " + (flag ? "flag " : "command ") + argument +
           (near.empty() ? "" : "; did you mean " + near + "?") + " (" + where + " --help lists all)";
  }
  return where + ": " + error.what();
}

int run(int argc, char** argv) {
  typed = line_of(argc, argv);
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
  add_plot_command(app);
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
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
