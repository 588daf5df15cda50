// What this build is.
#pragma once
#include <string>

namespace basin {

std::string version_text();  // "0.1.0 (commit abc1234)", or without the commit where git was absent

}  // namespace basin
