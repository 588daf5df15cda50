// The one exception of the project and the contract check that throws it.
#pragma once
#include <sstream>
#include <stdexcept>

namespace basin {

// What a user or caller did wrong, as one line that names the object, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error with the parts written one after the other.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream line;
  (line << ... << parts);
  throw Error(line.str());
}

// fail(parts...) unless `condition` holds. The parts are formatted only on failure.
template <class... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(parts...);
}

}  // namespace basin
