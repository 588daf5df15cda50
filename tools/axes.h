// The directions of a plane, as the flags of `basin surface`, `line` and `hessian` name them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "landscape/direction_file.h"
#include "tools/landscape_run.h"

namespace basin {

// The directions of a run: random ones, differences of checkpoints, or those of a file.
class Axes {
 public:
  // Error if a file or checkpoint does not fit `center`, or `--bn` the directions.
  Axes(const RunFlags& flags, const Checkpoint& center, bool two_dimensional);

  // Saves directions that were made here beside the surface.
  void save(const RunFlags& flags, const State& state) const;
  const Direction* x() const { return &pair_.x; }
  const Direction* y() const { return pair_.y ? &*pair_.y : nullptr; }
  const std::string& file() const { return file_; }                       // as the surface names it
  const nlohmann::json& configuration() const { return configuration_; }  // all that they depend on

 private:
  void treat_statistics(const std::string& mode, const State& center);

  DirectionPair pair_;
  std::string file_;
  nlohmann::json configuration_;
};

}  // namespace basin
