// Result files that long work may not overwrite by accident.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace basin {

// Whether the HDF5 file `out` exists and holds a result of this configuration (its attribute). Error if it holds
// anything else, naming the first field that differs, or is one of `inputs`. With `force` it is taken as absent, and
// the log beside it ("OUT.log") is removed.
bool holds_result(const std::filesystem::path& out, const std::string& configuration, bool force,
                  const std::vector<std::string>& inputs);

// The log beside a result while it is being computed.
std::filesystem::path log_beside(const std::filesystem::path& out);

// The command line as typed, without --force, which would start anew.
std::string resume_command();

}  // namespace basin
