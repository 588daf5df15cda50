#include "tools/number_flags.h"

#include <charconv>
#include <cstdint>
#include <string>

namespace basin {
namespace {

template <class Number>
bool spells(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string unless(bool good, const char* expected, const std::string& found) {
  return good ? "" : std::string("expected ") + expected + ", found '" + found + "'";
}

// Runs before the flag's other checks, which may then rely on a number.
template <class Number>
void require(CLI::Option& option, const char* expected) {
  option.transform(
      CLI::Validator([expected](std::string& text) { return unless(spells<Number>(text), expected, text); }, "", ""));
}

void check_number(CLI::Option& option) {
  const std::string type = option.get_type_name();  // "INT", or "INT:POSITIVE"
  if (type.starts_with("INT")) require<std::int64_t>(option, "an integer");
  if (type.starts_with("UINT")) require<std::uint64_t>(option, "an integer from 0 to 18446744073709551615");
  if (type.starts_with("FLOAT")) require<double>(option, "a number");
}

}  // namespace

CLI::Validator positive() {
  return {[](std::string& text) { return unless(std::stod(text) > 0, "a number above 0", text); }, "POSITIVE"};
}

CLI::Validator non_negative() {
  return {[](std::string& text) { return unless(std::stod(text) >= 0, "0 or more", text); }, "NONNEGATIVE"};
}

void check_numbers(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) check_number(*option);
  for (CLI::App* subcommand : command.get_subcommands([](CLI::App*) { return true; })) check_numbers(*subcommand);
}

}  // namespace basin
