#include "tools/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace basin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kTerminalInterval = 0.2, kFirstInterval = 1.5, kLogInterval = 5;  // seconds between two lines

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::string duration_text(double seconds) {
  if (!(seconds < 60)) {
    const auto whole = std::llround(seconds);
    if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{:.1f} s", seconds);
}

Progress::Progress(std::string what, std::string unit, std::int64_t total, bool quiet, std::int64_t done)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      first_(done),
      done_(done),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      shown_(start_) {}

double Progress::seconds() const { return seconds_since(start_); }

void Progress::update(std::int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  // The first line of a log comes early, so that the remaining time is known within seconds.
  const bool first = shown_ == start_;
  const double interval = terminal_ ? kTerminalInterval : first ? kFirstInterval : kLogInterval;
  if (quiet_ || seconds_since(shown_) < interval) return;
  shown_ = Clock::now();
  print(false);
}

void Progress::finish() {
  if (!quiet_) print(true);
}

void Progress::print(bool last) {
  const double elapsed = seconds();
  const double rate = static_cast<double>(done_ - first_) / std::max(elapsed, 1e-9);
  std::string line = fmt::format("{}: {}/{} {}, {:.4g} {}/s", what_, done_, total_, unit_, rate, unit_);
  line += last ? fmt::format(", took {}", duration_text(elapsed))
               : fmt::format(", {} left", duration_text(static_cast<double>(total_ - done_) / std::max(rate, 1e-9)));
  if (!note_.empty()) line += ", " + note_;
  if (terminal_)
    fmt::print(stderr, "\r\033[K{}{}", line, last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
}

}  // namespace basin
