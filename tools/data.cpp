// basin data fetch | verify | import | synthesize
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/archive.h"
#include "data/cifar.h"
#include "data/download.h"
#include "data/image_folder.h"
#include "data/official.h"
#include "data/synthetic.h"
#include "data/verify.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/progress.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kClassesShown = 20;

// Flags that every subcommand has.
struct Output {
  bool quiet = false, json = false;
};

void add_output_flags(CLI::App& command, Output& output) {
  command.add_flag("--quiet", output.quiet, "No progress");
  command.add_flag("--json", output.json, "One JSON object on stdout instead of text");
}

json report_json(const DatasetReport& report) {
  json files = json::array();
  for (const FileReport& file : report.files)
    files.push_back({{"name", file.name},
                     {"bytes", file.bytes},
                     {"images", file.images},
                     {"sha256", file.sha256},
                     {"origin", origin_name(file.origin)}});
  return {
      {"dataset", report.name},           {"folder", report.folder.string()},    {"official", report.official},
      {"valid", report.problems.empty()}, {"problems", report.problems},         {"files", files},
      {"classes", report.class_names},    {"train_counts", report.train_counts}, {"test_counts", report.test_counts}};
}

void print_report(const DatasetReport& report) {
  fmt::print("data set {} in {}\n", report.name, report.folder.string());
  if (!report.files.empty()) fmt::print("{:<20} {:>13} {:>9}  {:<12}  SHA-256\n", "file", "bytes", "images", "origin");
  for (const FileReport& file : report.files)
    fmt::print("{:<20} {:>13} {:>9}  {:<12}  {}\n", file.name, file.bytes, file.images, origin_name(file.origin),
               file.sha256);
  fmt::print("{:<20} {:>13} {:>9}\n", "class", "train images", "test");
  for (std::size_t i = 0; i < std::min(report.class_names.size(), kClassesShown); ++i)
    fmt::print("{:<20} {:>13} {:>9}\n", report.class_names[i], report.train_counts[i], report.test_counts[i]);
  if (report.class_names.size() > kClassesShown)
    fmt::print("... and {} classes more (--json lists all)\n", report.class_names.size() - kClassesShown);
  for (const std::string& problem : report.problems) fmt::print("wrong: {}\n", problem);
  if (report.problems.empty())
    fmt::print("valid{}\n", report.official ? ", and every file is the official one"
                            : report.files.empty() || report.files.front().origin == Origin::unknown
                                ? ""
                                : ", but not the official files");
}

void print_next(const fs::path& folder) {
  fmt::print("next: basin train --data {} --model resnet20 --out runs/first\n", folder.string());
}

// Prints what is at `path`; Error if it is not a valid data set.
void show(const fs::path& path, const DatasetOptions& options, const Output& output) {
  const DatasetReport report = verify_dataset(path, options);
  if (output.json)
    fmt::print("{}\n", report_json(report).dump());
  else
    print_report(report);
  check(report.problems.empty(), report.folder.string(), ": ", report.problems.size(), " problem",
        report.problems.size() == 1 ? "" : "s",
        "; the first: ", report.problems.empty() ? "" : report.problems.front());
  if (!output.json) print_next(path);
}

struct FetchFlags {
  std::string name, sha256;
  std::vector<std::string> mirrors;
  fs::path out;
  std::int64_t bytes = 0;
  bool keep = false, force = false;
  Output output{};
};

void download(const Download& request, bool quiet) {
  std::optional<Progress> progress;  // from the first report on, which says how much an earlier call left
  fetch(request, [&](std::int64_t done, std::int64_t total) {
    if (interrupted()) {
      if (!quiet) fmt::print(stderr, "\nstopped; the same command goes on from here: {}\n", command_line());
      throw Interrupted();
    }
    if (!progress) progress.emplace(request.path.filename().string(), "bytes", total, quiet, done);
    progress->update(done);
  });
  if (progress) progress->finish();
}

void run_fetch(const FetchFlags& flags) {
  const OfficialSet& set = official_set(flags.name);
  check(flags.sha256.empty() == (flags.bytes == 0),
        "basin data fetch: --sha256 and --size describe one archive and go together");
  check(flags.sha256.empty() || !flags.mirrors.empty(),
        "basin data fetch: --sha256 describes an archive of your own; name it with --mirror");
  Download request{.urls = flags.mirrors, .path = flags.out / set.file_name, .sha256 = std::string(set.sha256)};
  request.bytes = flags.bytes > 0 ? flags.bytes : set.bytes;
  if (flags.bytes > 0)
    request.sha256 = flags.sha256;
  else
    request.urls.emplace_back(set.url);
  std::error_code error;
  fs::create_directories(flags.out, error);
  check(!error, "cannot create '", flags.out.string(), "': ", error.message());
  if (!flags.output.quiet)
    for (const std::string& url : request.urls) fmt::print(stderr, "source: {}\n", url);
  download(request, flags.output.quiet);
  unpack(request.path, flags.out, flags.force);
  show(flags.out / set.folder, {}, flags.output);
  if (!flags.keep) fs::remove(request.path);
}

void add_fetch(CLI::App& data) {
  auto flags = std::make_shared<FetchFlags>();
  CLI::App* command = data.add_subcommand("fetch", "Download CIFAR-10 or CIFAR-100 (resumes), check it and unpack it");
  command->add_option("name", flags->name, "cifar10 or cifar100")->required();
  command->add_option("--out", flags->out, "Folder for the data")->default_val("data");
  command
      ->add_option("--mirror", flags->mirrors,
                   "Address of the archive (http, https, file), tried before the "
                   "official one; may be repeated")
      ->take_all();
  command->add_option("--sha256", flags->sha256, "SHA-256 of an archive of your own; with --size and --mirror");
  command->add_option("--size", flags->bytes, "Bytes of that archive")->check(positive());
  command->add_flag("--keep", flags->keep, "Keep the archive after unpacking");
  command->add_flag("--force", flags->force, "Replace files that differ");
  add_output_flags(*command, flags->output);
  command->callback([flags] { run_fetch(*flags); });
}

struct VerifyFlags {
  fs::path folder;
  DatasetOptions options{};
  bool coarse = false;
  Output output{};
};

void add_verify(CLI::App& data) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command =
      data.add_subcommand("verify", "Check a data folder: sizes, labels, official digests, class counts");
  command->add_option("folder", flags->folder, "CIFAR-10, CIFAR-100 or image folder")->required();
  command->add_option("--extent", flags->options.image_extent, "Image folders: pixels a side")->capture_default_str();
  command->add_flag("--coarse", flags->coarse, "CIFAR-100: the 20 coarse classes");
  add_output_flags(*command, flags->output);
  command->callback([flags] {
    flags->options.fine_labels = !flags->coarse;
    show(flags->folder, flags->options, flags->output);
  });
}

struct ImportFlags {
  fs::path folder, out;
  std::int64_t extent = 32;
  bool force = false;
  Output output{};
};

void add_import(CLI::App& data) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = data.add_subcommand("import", "Turn a folder of class folders of PNG or JPEG into CIFAR-10 form");
  command->add_option("folder", flags->folder, "train/CLASS/* and test/CLASS/*, or CLASS/*")->required();
  command->add_option("--out", flags->out, "Folder for the binary files")->required();
  command->add_option("--extent", flags->extent, "Pixels a side")->capture_default_str();
  command->add_flag("--force", flags->force, "Replace files that differ");
  add_output_flags(*command, flags->output);
  command->callback([flags] {
    check(fs::is_directory(flags->folder), "image folder '", flags->folder.string(), "' is not a folder");
    write_cifar10(read_image_folder(flags->folder, flags->extent), flags->out, flags->force);
    show(flags->out, {}, flags->output);
  });
}

struct SynthesizeFlags {
  fs::path out;
  std::uint64_t seed = 0;
  std::int64_t train = DatasetOptions{}.synthetic_train, test = DatasetOptions{}.synthetic_test;
  bool force = false;
  Output output{};
};

void add_synthesize(CLI::App& data) {
  auto flags = std::make_shared<SynthesizeFlags>();
  CLI::App* command = data.add_subcommand("synthesize", "Write the synthetic set in CIFAR-10 form");
  command->add_option("--out", flags->out, "Folder for the binary files")->required();
  command->add_option("--seed", flags->seed, "Seed")->capture_default_str();
  command->add_option("--train", flags->train, "Training images")->capture_default_str();
  command->add_option("--test", flags->test, "Test images")->capture_default_str();
  command->add_flag("--force", flags->force, "Replace files that differ");
  add_output_flags(*command, flags->output);
  command->callback([flags] {
    write_cifar10(make_synthetic(flags->seed, flags->train, flags->test), flags->out, flags->force);
    show(flags->out, {}, flags->output);
  });
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "Fetch, check, import and make data sets");
  data->require_subcommand(1);
  add_fetch(*data);
  add_verify(*data);
  add_import(*data);
  add_synthesize(*data);
}

}  // namespace basin
