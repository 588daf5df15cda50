// Learning-rate schedules: pure functions of the step, so that a resumed run needs no state of theirs.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace basin {

enum class ScheduleKind : std::uint8_t {
  constant,
  step,       // times `decay` at each milestone
  cosine,     // half a cosine from the peak to 0 (Loshchilov, Hutter 2017, eq. 5, without restarts)
  one_cycle,  // up from peak / 25 and down to peak / 250,000 along half cosines (Smith, Topin 2018)
};
ScheduleKind parse_schedule(std::string_view name);  // "constant", "step", "cosine", "one-cycle"; else Error
std::string name_of(ScheduleKind kind);

// All times in optimizer steps, counted from 0.
struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double peak = 0.1;        // the highest learning rate
  std::int64_t steps = 1;   // of the whole run
  std::int64_t warmup = 0;  // linear from peak / warmup to peak; for one_cycle its rise, 0: 30 % of steps
  std::vector<std::int64_t> milestones = {};  // ascending; for ScheduleKind::step
  double decay = 0.1;

  // The learning rate of step number `step`.
  double learning_rate(std::int64_t step) const;
};

}  // namespace basin
