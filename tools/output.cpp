#include "tools/output.h"

#include <unistd.h>

#include <cstdio>

#include "core/error.h"
#include "landscape/configuration.h"
#include "landscape/hdf5.h"
#include "tools/command.h"

namespace basin {

namespace fs = std::filesystem;

fs::path log_beside(const fs::path& out) { return out.string() + ".log"; }

std::string hdf5_configuration(const fs::path& file) { return Hdf5Reader(file).text_attributes()["configuration"]; }

bool holds_result(const fs::path& out, const std::string& configuration, bool force,
                  const std::vector<std::string>& inputs,
                  const std::function<std::string(const fs::path&)>& configuration_in) {
  check(!out.empty(), "--out: expected a file name, found ''");
  for (const std::string& input : inputs) {
    std::error_code ignored;  // of files that do not exist
    check(input.empty() || !fs::equivalent(input, out, ignored), "--out '", out.string(), "' is read by this run");
  }
  if (force) {
    fs::remove(log_beside(out));
    return false;
  }
  if (!fs::exists(out)) return false;
  const char* hint = " (--force replaces it, --out names another)";
  std::string theirs;
  try {
    theirs = configuration_in(out);
  } catch (const Error& error) {
    fail("'", out.string(), "' exists and is no result of Basin: ", error.what(), hint);
  }
  check(theirs == configuration, "'", out.string(), "' exists and holds another configuration; ",
        configuration_difference(configuration, theirs), hint);
  return true;
}

std::string resume_command() {
  std::string line = command_line();
  if (const std::size_t at = line.find(" --force"); at != std::string::npos) line.erase(at, 8);
  return line;
}

OutputToErrors::OutputToErrors() {
  std::fflush(stdout);
  output_ = ::dup(STDOUT_FILENO);
  check(output_ >= 0 && ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0, "cannot redirect the output");
}

OutputToErrors::~OutputToErrors() {
  std::fflush(stdout);
  ::dup2(output_, STDOUT_FILENO);
  ::close(output_);
}

}  // namespace basin
