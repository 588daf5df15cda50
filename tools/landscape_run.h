// The common course of `basin surface` and `basin line`: directions, grid, resumable evaluation, output.
#pragma once
#include <string>

#include "tools/landscape_flags.h"

namespace basin {

struct RunFlags {
  LandscapeFlags landscape;
  std::string x = "-1:1:51", y;    // ranges; y "": one-dimensional
  std::string norm, ignore, type;  // "": filter, biasbn, weights for random directions; none, none, states with --to
  std::uint64_t seed = 1, x_index = 0, y_index = 1;
  std::string to, to2;         // further checkpoints: x = to - checkpoint, y = to2 - checkpoint
  std::string direction_file;  // read instead of drawing
  std::string out;
  std::int64_t pairs = 1;              // of directions
  bool per_class = false;              // losses of each class too
  bool adaptive = false;               // compute where the surface bends
  double tolerance = 0.05;             // of it, in ln(min(loss, 10) + 0.1)
  std::int64_t verify = 0;             // points to compare with the autograd engine
  bool force = false, resume = false;  // resuming is the rule; the flag may be given all the same
};

// The flags of the ranges and directions; `two_dimensional` adds those of the second axis.
void add_direction_flags(CLI::App& command, RunFlags& flags, bool two_dimensional);
// These, and those of the network, the images, the engine and the output.
void add_run_flags(CLI::App& command, RunFlags& flags, bool two_dimensional);

// The surfaces of `flags.pairs` pairs of directions, each in a file of its own, and their mean.
void run_landscape_pairs(const RunFlags& flags);

// Runs, saves and reports. Throws Interrupted after Ctrl-C with the points so far in the file and the log kept.
void run_landscape(const RunFlags& flags);

}  // namespace basin
