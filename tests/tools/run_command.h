// The `basin` executable as a user starts it.
#pragma once
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/atomic_file.h"

namespace basin {

struct CommandResult {
  int status = -1;  // exit status
  std::string output, errors;
};

// Runs `basin <arguments>` by the shell in `folder`, which keeps two files of it. `before` is what the shell sees
// before the command, such as "ulimit -f 8;".
inline CommandResult run_command(const std::filesystem::path& folder, const std::string& arguments,
                                 const std::string& before = "") {
  const std::string line =
      "cd '" + folder.string() + "' && " + before + " " BASIN_COMMAND " " + arguments + " >stdout 2>stderr";
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder / "stdout"), read_file(folder / "stderr")};
}

}  // namespace basin
