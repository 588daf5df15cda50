#include "landscape/point_record.h"

namespace basin {
namespace {

constexpr std::size_t kMeasurementWidth = kPointRecordWidth / 2;  // train, then test

void put(std::vector<double>& values, const Measurement& m) {
  for (const double value : {m.loss, m.loss_error, m.accuracy, m.accuracy_error}) values.push_back(value);
  values.push_back(static_cast<double>(m.non_finite));
}

Measurement measurement_of(const double* values) {
  return {values[0], values[1], values[2], values[3], static_cast<std::int64_t>(values[4])};
}

}  // namespace

LogRecord record_of(std::int64_t point, const PointResult& result) {
  LogRecord record{point, {}};
  put(record.values, result.train);
  put(record.values, result.test);
  return record;
}

PointResult result_of(const LogRecord& record) {
  return {measurement_of(record.values.data()), measurement_of(record.values.data() + kMeasurementWidth)};
}

}  // namespace basin
