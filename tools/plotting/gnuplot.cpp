#include "tools/plotting/gnuplot.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>  // environ

#include <array>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/interrupt.h"

namespace basin {
namespace {

FileDescriptor memory_file(const char* name) {
  FileDescriptor file(memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) fail_file("create the memory file", name, errno);
  return file;
}

void rewind(const FileDescriptor& file) {
  if (lseek(file.get(), 0, SEEK_SET) != 0) fail_file("rewind", "memory file", errno);
}

std::string contents(const FileDescriptor& file) {
  rewind(file);
  std::string text;
  std::array<char, 1 << 16> piece;
  while (true) {
    const ssize_t bytes = ::read(file.get(), piece.data(), piece.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail_file("read", "memory file", errno);
    if (bytes == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(bytes));
  }
}

struct Outcome {
  int status = 0;  // of waitpid
  std::string output, errors;
};

// Memory files instead of pipes: neither side can wait for the other.
Outcome run(const char* const* arguments, const std::string& input) {
  const FileDescriptor in = memory_file("script"), out = memory_file("picture"), errors = memory_file("messages");
  if (const int error = in.write_all(input.data(), input.size())) fail_file("write", "memory file", error);
  rewind(in);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.get(), STDERR_FILENO);
  pid_t process = 0;
  const int error =
      posix_spawnp(&process, arguments[0], &actions, nullptr, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) fail(kGnuplotMissing);
  if (error != 0) fail_file("start", arguments[0], error);
  Outcome outcome;
  while (waitpid(process, &outcome.status, 0) < 0)
    if (errno != EINTR) fail_file("wait for", arguments[0], errno);
  outcome.output = contents(out);
  outcome.errors = contents(errors);
  return outcome;
}

// gnuplot shows the failing line and a caret first; its message is the last line with words.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const std::size_t begin = text.rfind('\n');
  return begin == std::string::npos ? text : text.substr(begin + 1);
}

}  // namespace

PictureFormat picture_format(const std::filesystem::path& path) {
  const std::string suffix = path.extension();
  if (suffix == ".png") return PictureFormat::png;
  if (suffix == ".svg") return PictureFormat::svg;
  if (suffix == ".pdf") return PictureFormat::pdf;
  fail("'", path.string(), "': a picture's name ends in .png, .svg or .pdf, found '", suffix, "'");
}

std::string gnuplot_version() {
  const char* const arguments[] = {"gnuplot", "--version", nullptr};
  try {
    const Outcome outcome = run(arguments, "");
    std::string text = last_line(outcome.output);
    return text.starts_with("gnuplot ") ? text.substr(8) : text;
  } catch (const Error&) {
    return "";
  }
}

std::string run_gnuplot(const std::string& script) {
  const char* const arguments[] = {"gnuplot", "-d", "-", nullptr};  // -d: without the user's settings
  Outcome outcome = run(arguments, script);
  if (interrupted()) throw Interrupted{};
  if (WIFSIGNALED(outcome.status)) fail("gnuplot was ended by signal ", WTERMSIG(outcome.status));
  check(WEXITSTATUS(outcome.status) == 0 && !outcome.output.empty(),
        "gnuplot could not draw: ", outcome.errors.empty() ? "it wrote nothing" : last_line(outcome.errors));
  return std::move(outcome.output);
}

}  // namespace basin
