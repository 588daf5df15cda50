// Progress of long work on stderr: one redrawn line on a terminal, a line every few seconds elsewhere.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace basin {

// "1 h 02 min", "3 min 20 s", "4.2 s".
std::string duration_text(double seconds);

class Progress {
 public:
  // `unit` is what is counted ("points", "images"). Quiet: prints nothing. `done` > 0: work resumed; the rate counts
  // only what is done here.
  Progress(std::string what, std::string unit, std::int64_t total, bool quiet, std::int64_t done = 0);
  // Shows the count, the rate and the remaining time; `note` is appended (such as "loss 0.123").
  void update(std::int64_t done, const std::string& note = {});
  // Ends the line. Prints the total time and rate.
  void finish();
  double seconds() const;

 private:
  void print(bool last);

  std::string what_, unit_, note_;
  std::int64_t total_, first_, done_;
  bool quiet_, terminal_;
  std::chrono::steady_clock::time_point start_, shown_;
};

}  // namespace basin
