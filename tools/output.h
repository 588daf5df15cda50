// Result files that long work may not overwrite by accident.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace basin {

// The configuration that an HDF5 file holds as an attribute; "" where it has none.
std::string hdf5_configuration(const std::filesystem::path& file);

// Whether the file `out` exists and holds a result of this configuration, as `configuration_in` reads it. Error if it
// holds anything else, naming the first field that differs, or is one of `inputs`. With `force` it is taken as absent,
// and the log beside it ("OUT.log") is removed.
bool holds_result(
    const std::filesystem::path& out, const std::string& configuration, bool force,
    const std::vector<std::string>& inputs,
    const std::function<std::string(const std::filesystem::path&)>& configuration_in = hdf5_configuration);

// The log beside a result while it is being computed.
std::filesystem::path log_beside(const std::filesystem::path& out);

// The command line as typed, without --force, which would start anew.
std::string resume_command();

// What is printed on stdout goes to stderr until the end of the scope: with --json one object is all that stdout gets.
class OutputToErrors {
 public:
  OutputToErrors();
  ~OutputToErrors();
  OutputToErrors(const OutputToErrors&) = delete;
  OutputToErrors& operator=(const OutputToErrors&) = delete;

 private:
  int output_ = -1;
};

}  // namespace basin
