#include "landscape/sharpness/sharpness_file.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"

namespace basin {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "basin sharpness 1";

Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

Json json_of(const SharpnessMeasure& measure) {
  Json settings = Json::object();
  for (const auto& [name, value] : measure.settings) settings[name] = number(value);
  return {{"name", measure.name},
          {"value", number(measure.value)},
          {"error", number(measure.error)},
          {"error_kind", measure.error_kind},
          {"images_error", number(measure.images_error)},
          {"unit", measure.unit},
          {"settings", settings}};
}

// One object of the file, with errors that say where.
class Reader {
 public:
  Reader(std::string place, const Json& json) : place_(std::move(place)), json_(json) {
    check(json.is_object(), place_, ": expected an object, found ", json.type_name());
  }

  const Json& field(const std::string& name) const {
    check(json_.contains(name), place_, ": no field ", name);
    return json_.at(name);
  }
  std::string text(const std::string& name) const {
    const Json& value = field(name);
    check(value.is_string(), place_, ": field ", name, ": expected a text, found ", value.type_name());
    return value.get<std::string>();
  }
  double number(const std::string& name) const {
    const Json& value = field(name);
    if (value.is_number()) return value.get<double>();
    if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (value == "inf") return std::numeric_limits<double>::infinity();
    if (value == "-inf") return -std::numeric_limits<double>::infinity();
    fail(place_, ": field ", name, ": expected a number, found ",
         value.dump(-1, ' ', true, Json::error_handler_t::replace));
  }

 private:
  std::string place_;
  const Json& json_;
};

SharpnessMeasure measure_of(const std::string& file, std::size_t index, const Json& json) {
  const std::string place = file + "measure " + std::to_string(index + 1);
  const Reader reader(place, json);
  SharpnessMeasure measure{reader.text("name"),
                           reader.number("value"),
                           reader.number("error"),
                           reader.text("error_kind"),
                           reader.number("images_error"),
                           reader.text("unit"),
                           {}};
  const Reader settings(place + ": settings", reader.field("settings"));
  for (const auto& [name, value] : reader.field("settings").items()) measure.settings[name] = settings.number(name);
  return measure;
}

}  // namespace

void write_sharpness(const std::filesystem::path& path, const SharpnessReport& report) {
  Json json{{"format", kFormat}, {"measures", Json::array()}};
  for (const auto& [name, text] : report.attributes)
    json[name] = name == "configuration" ? Json::parse(text) : Json(text);
  for (const SharpnessMeasure& measure : report.measures) json["measures"].push_back(json_of(measure));
  write_file(path, json.dump(1) + "\n");
}

SharpnessReport read_sharpness(const std::filesystem::path& path) {
  const std::string place = "'" + path.string() + "': ";
  const Json json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  check(!json.is_discarded(), place, "expected JSON of format '", kFormat, "', found something else");
  const Reader reader("'" + path.string() + "'", json);
  const std::string format = reader.text("format");
  check(format == kFormat, place, "field format: expected '", kFormat, "', found '", format, "'");
  SharpnessReport report;
  for (const auto& [name, value] : json.items()) {
    if (name == "configuration")
      report.attributes[name] = value.dump();
    else if (name != "format" && name != "measures")
      report.attributes[name] = reader.text(name);
  }
  const Json& measures = reader.field("measures");
  check(measures.is_array(), place, "field measures: expected a list, found ", measures.type_name());
  for (std::size_t i = 0; i < measures.size(); ++i) report.measures.push_back(measure_of(place, i, measures[i]));
  return report;
}

}  // namespace basin
