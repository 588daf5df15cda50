// Checks of the numbers among the flags, in place of CLI11's: its integers wrap around silently, and its messages spell
// out the largest double.
#pragma once
#include <CLI/CLI.hpp>

namespace basin {

// "expected a number above 0, found '-5'".
CLI::Validator positive();
// "expected 0 or more, found '-5'".
CLI::Validator non_negative();

// Every INT, UINT and FLOAT flag of the command and of its subcommands accepts whole numbers of its kind and range
// alone: "expected an integer from 0, found '-1'". Call it when all flags are there.
void check_numbers(CLI::App& command);

}  // namespace basin
