#include "core/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/choice.h"

namespace basin {
namespace {

constexpr Choice<ScheduleKind> kKinds[] = {{"constant", ScheduleKind::constant},
                                           {"step", ScheduleKind::step},
                                           {"cosine", ScheduleKind::cosine},
                                           {"one-cycle", ScheduleKind::one_cycle}};

// PyTorch's OneCycleLR: the share of the run that rises, peak / first and first / last.
constexpr double kRise = 0.3, kFirstDivisor = 25, kLastDivisor = 1e4;

// From `from` to `to` along half a cosine as `share` goes from 0 to 1.
double half_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * std::min(share, 1.0))) / 2;
}

double share_of(std::int64_t done, std::int64_t total) {
  return static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
}

double one_cycle(const Schedule& s, std::int64_t step) {
  const std::int64_t rise =
      s.warmup > 0 ? s.warmup : static_cast<std::int64_t>(std::llround(kRise * static_cast<double>(s.steps)));
  const double first = s.peak / kFirstDivisor;
  if (step < rise) return half_cosine(first, s.peak, share_of(step, rise));
  return half_cosine(s.peak, first / kLastDivisor, share_of(step - rise, s.steps - 1 - rise));
}

double after_warmup(const Schedule& s, std::int64_t step) {
  switch (s.kind) {
    case ScheduleKind::step: {
      const auto passed = std::upper_bound(s.milestones.begin(), s.milestones.end(), step) - s.milestones.begin();
      return s.peak * std::pow(s.decay, static_cast<double>(passed));
    }
    case ScheduleKind::cosine:
      return half_cosine(s.peak, 0, share_of(step - s.warmup, s.steps - s.warmup));
    case ScheduleKind::constant:
    case ScheduleKind::one_cycle:
      break;
  }
  return s.peak;
}

}  // namespace

ScheduleKind parse_schedule(std::string_view name) { return parse_choice("schedule", name, kKinds); }
std::string name_of(ScheduleKind kind) { return choice_name(kind, kKinds); }

double Schedule::learning_rate(std::int64_t step) const {
  if (kind == ScheduleKind::one_cycle) return one_cycle(*this, step);
  if (step < warmup) return peak * share_of(step + 1, warmup);
  return after_warmup(*this, step);
}

}  // namespace basin
