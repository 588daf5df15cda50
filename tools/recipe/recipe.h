// Long work as a list of Basin's own commands, each of which resumes and can be run again by hand.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace basin {

struct Step {
  std::vector<std::string> arguments;  // after "basin": "surface", "CHECKPOINT", ...
  std::string text() const;            // the command line, quoted where the shell needs it
};

class Recipe {
 public:
  void add(std::vector<std::string> arguments) { steps_.push_back({std::move(arguments)}); }
  // Training in `folder`: begun, or resumed where it holds a run.
  void train(const std::filesystem::path& folder, std::vector<std::string> arguments);
  const std::vector<Step>& steps() const { return steps_; }

  // Runs each step as a process of this program, its results on stderr. Error naming the first that fails; Interrupted
  // after Ctrl-C, which the step sees too. A dry run only prints the steps on stdout.
  void run(bool dry = false) const;

 private:
  std::vector<Step> steps_;
};

}  // namespace basin
