// Runs small Python programs, for tests that compare files with other implementations. Debian's interpreter has the
// modules that apt installs; another one first in PATH may not.
#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/temporary_folder.h"

namespace basin {

inline std::string python_executable() {
  return std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
}

inline bool python_has(const std::string& modules) {
  const std::string command = python_executable() + " -c 'import " + modules + "' > /dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

struct PythonResult {
  int status = -1;
  std::string output;  // stdout and stderr
};
// `arguments` are appended to the command line as they are.
inline PythonResult run_python(const std::string& program, const std::string& arguments) {
  const TemporaryFolder folder;
  std::ofstream(folder / "program.py") << program;
  const std::string command = python_executable() + " " + (folder / "program.py").string() + " " + arguments + " 2>&1";
  PythonResult result;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return result;
  for (int byte; (byte = std::fgetc(pipe)) != EOF;) result.output += static_cast<char>(byte);
  result.status = ::pclose(pipe);
  return result;
}

}  // namespace basin
