// The subcommands of `basin`, one file each. Every function adds its subcommand, flags and callback to the application;
// the callback runs after parsing, prints results on stdout and throws Error on failure.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace basin {

void add_doctor_command(CLI::App& app);
void add_demo_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_train_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
void add_hessian_command(CLI::App& app);
void add_sharpness_command(CLI::App& app);
void add_surface_command(CLI::App& app);
void add_line_command(CLI::App& app);
void add_compare_command(CLI::App& app);
void add_convert_command(CLI::App& app);
void add_curve_command(CLI::App& app);
void add_trajectory_command(CLI::App& app);
void add_paper_command(CLI::App& app);
void add_plot_command(CLI::App& app);

// The command line as typed (program name and arguments, quoted where the shell needs it).
const std::string& command_line();

}  // namespace basin
