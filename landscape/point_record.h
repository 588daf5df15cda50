// The losses of a point as the numbers of a log's record (landscape/append_log.h).
#pragma once
#include "landscape/append_log.h"
#include "landscape/evaluator.h"

namespace basin {

inline constexpr std::size_t kPointRecordWidth = 10;

// With the losses of that many classes of each image set; 0: without.
std::size_t point_record_width(std::size_t train_classes, std::size_t test_classes);

LogRecord record_of(std::int64_t index, const PointResult& result);
PointResult result_of(const LogRecord& record, std::size_t train_classes = 0, std::size_t test_classes = 0);

}  // namespace basin
