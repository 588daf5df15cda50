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

std::size_t point_record_width(std::size_t train_classes, std::size_t test_classes) {
  return kPointRecordWidth + kMeasurementWidth * (train_classes + test_classes);
}

LogRecord record_of(std::int64_t point, const PointResult& result) {
  LogRecord record{point, {}};
  put(record.values, result.train);
  put(record.values, result.test);
  for (const auto* classes : {&result.train_classes, &result.test_classes})
    for (const Measurement& measurement : *classes) put(record.values, measurement);
  return record;
}

PointResult result_of(const LogRecord& record, std::size_t train_classes, std::size_t test_classes) {
  const double* next = record.values.data();
  const auto take = [&] {
    const Measurement measurement = measurement_of(next);
    next += kMeasurementWidth;
    return measurement;
  };
  PointResult result{.train = take(), .test = take()};
  for (std::size_t i = 0; i < train_classes; ++i) result.train_classes.push_back(take());
  for (std::size_t i = 0; i < test_classes; ++i) result.test_classes.push_back(take());
  return result;
}

}  // namespace basin
