// The losses of a point as the numbers of a log's record (landscape/append_log.h).
#pragma once
#include "landscape/append_log.h"
#include "landscape/evaluator.h"

namespace basin {

inline constexpr std::size_t kPointRecordWidth = 10;

LogRecord record_of(std::int64_t index, const PointResult& result);
PointResult result_of(const LogRecord& record);

}  // namespace basin
