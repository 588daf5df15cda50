#include "tools/recipe/recipe.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/interrupt.h"

namespace basin {
namespace {

std::string quoted(const std::string& argument) {
  if (!argument.empty() && argument.find_first_of(" \t\n\"'\\$&|;<>()*?[]{}~#!`") == std::string::npos) return argument;
  std::string result = "'";
  for (const char c : argument) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// The exit status of `program arguments...`, its stdout on stderr.
int run_process(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  std::string name = "basin";
  pointers.push_back(name.data());
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t process = 0;
  const int error = posix_spawn(&process, "/proc/self/exe", &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail_file("start", "/proc/self/exe", error);
  int status = 0;
  bool passed_on = false;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) fail_file("wait for", "basin", errno);
    // Ctrl-C reaches the step too; a signal to this process alone is passed on, once.
    if (interrupted() && !passed_on) {
      passed_on = true;
      ::kill(process, SIGTERM);
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string Step::text() const {
  std::string line = "basin";
  for (const std::string& argument : arguments) line += " " + quoted(argument);
  return line;
}

void Recipe::train(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  if (std::filesystem::exists(folder / "config.json") &&
      std::filesystem::exists(folder / "checkpoints/last.safetensors"))
    return add({"train", "--resume", folder.string()});
  arguments.insert(arguments.begin(), "train");
  arguments.insert(arguments.end(), {"--out", folder.string()});
  add(std::move(arguments));
}

void Recipe::run(bool dry) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (dry) {
      fmt::print("{}\n", steps_[i].text());
      continue;
    }
    if (interrupted()) throw Interrupted();
    fmt::print(stderr, "\n== {} of {}: {}\n", i + 1, steps_.size(), steps_[i].text());
    const int status = run_process(steps_[i].arguments);
    if (status == 130 || interrupted()) throw Interrupted();
    check(status == 0, "step ", i + 1, " of ", steps_.size(), " failed: ", steps_[i].text());
  }
}

}  // namespace basin
