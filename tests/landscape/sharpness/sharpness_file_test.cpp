#include "landscape/sharpness/sharpness_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

SharpnessReport some_report() {
  return {{{"sam", 0.1 + 0.2, 1e-3, "standard error over images", 1e-3, "loss", {{"rho", 0.05}}},
           {"expected",
            std::numeric_limits<double>::infinity(),
            std::nan(""),
            "standard error over samples",
            -std::numeric_limits<double>::infinity(),
            "loss",
            {}}},
          {{"configuration", R"({"seed":1,"sigma":0.1})"}, {"version", "1"}}};
}

TEST(SharpnessFile, KeepsAReport) {
  const TemporaryFolder folder;
  const SharpnessReport report = some_report();
  write_sharpness(folder / "s.json", report);
  const SharpnessReport found = read_sharpness(folder / "s.json");
  EXPECT_EQ(found.attributes, report.attributes);
  ASSERT_EQ(found.measures.size(), 2u);
  EXPECT_EQ(found.measures[0].name, "sam");
  EXPECT_EQ(found.measures[0].value, 0.1 + 0.2);
  EXPECT_EQ(found.measures[0].error, 1e-3);
  EXPECT_EQ(found.measures[0].error_kind, "standard error over images");
  EXPECT_EQ(found.measures[0].unit, "loss");
  EXPECT_EQ(found.measures[0].settings, report.measures[0].settings);
  EXPECT_EQ(found.measures[1].value, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(found.measures[1].error));
  EXPECT_EQ(found.measures[1].images_error, -std::numeric_limits<double>::infinity());
  const std::string bytes = read_file(folder / "s.json");
  write_sharpness(folder / "s.json", found);
  EXPECT_EQ(read_file(folder / "s.json"), bytes);
}

TEST(SharpnessFile, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto expect_refused = [&](const std::string& contents, std::initializer_list<std::string> parts) {
    write_file(folder / "s.json", contents);
    expect_error([&] { read_sharpness(folder / "s.json"); }, parts);
  };
  expect_refused("not JSON", {"s.json", "expected JSON of format 'basin sharpness 1'"});
  expect_refused("[]", {"s.json", "expected an object, found array"});
  expect_refused("{}", {"s.json", "no field format"});
  expect_refused(R"({"format": "basin sharpness 2"})", {"expected 'basin sharpness 1', found 'basin sharpness 2'"});
  expect_refused(R"({"format": "basin sharpness 1", "measures": 3})",
                 {"field measures: expected a list, found number"});
  expect_refused(R"({"format": "basin sharpness 1", "version": 3, "measures": []})",
                 {"field version: expected a text, found number"});
  expect_refused(R"({"format": "basin sharpness 1", "measures": [{"name": "sam", "value": "much"}]})",
                 {"measure 1: field value: expected a number, found \"much\""});
  expect_refused(R"({"format": "basin sharpness 1", "measures": [{"name": "sam", "value": 1}]})",
                 {"measure 1: no field error"});
  expect_error([&] { read_sharpness(folder / "none.json"); }, {"cannot read", "none.json"});
}

}  // namespace
}  // namespace basin
