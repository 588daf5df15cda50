#include "models/training/run_folder.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

void remove_run(const RunFolder& folder) {
  fs::remove(folder.config());
  fs::remove(folder.metrics());
  if (!fs::is_directory(folder.checkpoints())) return;
  for (const auto& file : fs::directory_iterator(folder.checkpoints()))
    if (file.path().extension() == ".safetensors") fs::remove(file.path());
}

// The operating system's complaint as one of Basin's lines.
template <class Action>
void on_disk(const fs::path& path, const Action& action) {
  try {
    action();
  } catch (const fs::filesystem_error& error) {
    fail("cannot use '", path.string(), "' for a run: ", error.code().message());
  }
}

}  // namespace

std::filesystem::path RunFolder::epoch(std::int64_t number) const {
  return checkpoints() / fmt::format("epoch_{:04}.safetensors", number);
}

RunFolder RunFolder::create(const TrainingOptions& options) {
  RunFolder folder(options.out);
  const std::string path = options.out.string();
  on_disk(options.out, [&] {
    if (fs::exists(options.out) && !fs::is_empty(options.out)) {
      check(options.overwrite, "'", path, "' is not empty: continue its run with --resume ", path,
            ", replace it with --force, or name another folder with --out");
      remove_run(folder);
    }
    fs::create_directories(folder.checkpoints());
  });
  write_file(folder.config(), to_json(options).dump(2) + "\n");
  return folder;
}

RunFolder RunFolder::open(const fs::path& root) {
  RunFolder folder(root);
  for (const fs::path& file : {folder.config(), folder.last()})
    check(fs::exists(file), "'", root.string(), "' holds no run to resume: there is no ", file.string());
  return folder;
}

TrainingOptions resume_options(const fs::path& root) {
  const fs::path file = RunFolder::open(root).config();
  const auto json = nlohmann::ordered_json::parse(read_file(file), nullptr, false);
  check(!json.is_discarded(), file.string(), ": expected JSON, found something else");
  TrainingOptions options = training_options(json, file);
  options.out = root;
  options.resume = true;
  return options;
}

}  // namespace basin
