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

// A device has too little memory for what was asked; less may fit.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

// Throws Error, or another kind of it, with the parts written one after the other.
template <class Kind = Error, class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream line;
  (line << ... << parts);
  throw Kind(line.str());
}

// fail(parts...) unless `condition` holds. The parts are formatted only on failure.
template <class... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(parts...);
}

}  // namespace basin
