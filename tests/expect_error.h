// Expectations on Error: it is thrown, is one line, and says the given things.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <string>

#include "core/error.h"

namespace basin {

inline void expect_error(const std::function<void()>& action, std::initializer_list<std::string> parts) {
  try {
    action();
  } catch (const Error& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    for (const std::string& part : parts)
      EXPECT_NE(line.find(part), std::string::npos) << "'" << part << "' in: " << line;
    return;
  }
  ADD_FAILURE() << "no error; expected one with '" << (parts.size() ? *parts.begin() : "") << "'";
}

}  // namespace basin
