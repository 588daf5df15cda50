#include "landscape/configuration.h"

#include <nlohmann/json.hpp>

namespace basin {
namespace {

using Json = nlohmann::json;

std::string value_at(const Json& document, const Json::json_pointer& place) {
  return document.contains(place) ? document.at(place).dump(-1, ' ', true, Json::error_handler_t::replace) : "nothing";
}

}  // namespace

std::string configuration_difference(const std::string& wanted_text, const std::string& found_text) {
  const Json wanted = Json::parse(wanted_text, nullptr, false), found = Json::parse(found_text, nullptr, false);
  if (wanted.is_discarded() || found.is_discarded()) return "configuration: not the same text";
  const Json changes = Json::diff(found, wanted);
  if (changes.empty()) return "configuration: the same fields in another form";
  const auto place = changes[0]["path"].get<std::string>();
  const Json::json_pointer pointer(place);
  return place.substr(place.empty() ? 0 : 1) + ": expected " + value_at(wanted, pointer) + ", found " +
         value_at(found, pointer);
}

}  // namespace basin
