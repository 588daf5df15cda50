#include "tools/landscape_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/parallel.h"
#include "landscape/engines.h"
#include "tools/devices/devices.h"
#include "tools/number_flags.h"

namespace basin {
namespace {

const std::vector<std::string> kSplits{"train", "test", "both"};
const std::vector<std::string> kStatistics{"auto", "frozen", "interpolated", "recomputed"};

// Error with the nearest name unless `value` is one of `names`.
void check_name(const char* flag, const std::string& value, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  const std::string near = nearest(value, names);
  fail(flag, ": unknown name '", value, "'", near.empty() ? "" : "; did you mean " + near + "?", " (one of ",
       fmt::format("{}", fmt::join(names, ", ")), ")");
}

Images chosen(Images images, const LandscapeFlags& flags, const char* split) {
  const std::int64_t usual = flags.usual_images > 0 ? std::min(flags.usual_images, images.count) : images.count;
  const std::int64_t count = flags.images > 0 ? flags.images : usual;
  check(count <= images.count, "--images ", count, ": the ", split, " split has ", images.count);
  return count == images.count ? std::move(images) : images.first(count);
}

std::string hash_of(const Images& images) {
  const auto* labels = reinterpret_cast<const char*>(images.labels.data());
  std::string bytes(images.pixels.begin(), images.pixels.end());
  bytes.append(labels, images.labels.size() * sizeof(images.labels[0]));
  return sha256(bytes);
}

}  // namespace

void add_image_flags(CLI::App& command, LandscapeFlags& flags) {
  command.add_option("--model", flags.model,
                     "Model of the checkpoint, where the file does not say (resnet20, vgg9, ...)");
  command.add_option("--data", flags.data,
                     "CIFAR-10 or CIFAR-100 folder, or image folder (default: the synthetic set)");
  command.add_option("--split", flags.split, "Images to measure: train, test or both")->capture_default_str();
  command
      .add_option("--images", flags.images,
                  "The first N images of each split (default: " +
                      (flags.usual_images > 0 ? std::to_string(flags.usual_images) : "all") + ")")
      ->check(positive());
  command.add_option("--loss", flags.loss, "cross-entropy or mse (of the softmax against one-hot)")
      ->capture_default_str();
  command.add_option("--threads", flags.threads, "Threads (default: one per processor); results do not depend on it")
      ->check(positive());
  command.add_flag("--json", flags.json, "Print one JSON object on stdout");
  command.add_flag("--quiet", flags.quiet, "No progress, no configuration");
}

void add_subject_flags(CLI::App& command, LandscapeFlags& flags) {
  command
      .add_option("checkpoint", flags.checkpoint,
                  "Network: a checkpoint of Basin or a PyTorch state_dict (.safetensors)")
      ->required();
  add_image_flags(command, flags);
}

void add_landscape_flags(CLI::App& command, LandscapeFlags& flags) {
  add_subject_flags(command, flags);
  add_engine_flags(command, flags);
}

void add_engine_flags(CLI::App& command, LandscapeFlags& flags) {
  command
      .add_option("--engine", flags.engine,
                  fmt::format("{} (basin doctor says which auto takes)", fmt::join(engine_names(), ", ")))
      ->capture_default_str();
  command
      .add_option("--precision", flags.precision,
                  "exact; fast: operands of 16 bits where the engine multiplies them faster; auto: exact on the CPU, "
                  "fast on GPUs, in float16 (as exact as TF32)")
      ->capture_default_str();
  command
      .add_option(
          "--device", flags.device,
          "auto (the first usable GPU, else the CPU), cpu, cuda, cuda:N, or several GPUs that share the points, "
          "cuda:0,1")
      ->capture_default_str();
  command
      .add_option(
          "--bn", flags.statistics,
          "Batch-norm statistics at a point: frozen, those of the network; interpolated, they move with the "
          "direction (--type states --ignore none); recomputed, averages over batches of the training images, or "
          "of the test images where there are no others (by engine autograd on the CPU, generic on a GPU); "
          "auto: as the direction says")
      ->capture_default_str();
  command
      .add_option("--bn-batch", flags.statistics_batch,
                  "Images of a batch with --bn recomputed; the last one takes what is left")
      ->check(positive())
      ->capture_default_str();
}

EvaluatorOptions evaluator_options(const LandscapeFlags& flags) {
  check_name("--engine", flags.engine, engine_names());
  EvaluatorOptions options{flags.engine, flags.threads, parse_landscape_precision(flags.precision)};
  const bool automatic = flags.engine == "auto";
  const bool on_gpu = !automatic && find_engine(engines(), flags.engine).on_gpu;
  if (!automatic && !on_gpu && flags.device == "auto") return options;  // of the CPU
  std::string reason;
  options.devices = select_gpus(flags.device, &reason);
  check(!on_gpu || !options.devices.empty(), "engine ", flags.engine, ": runs on GPUs; device ", flags.device,
        " is the CPU: ", reason);
  return options;
}

std::string device_text(const EvaluatorOptions& options) {
  std::string text;
  for (const Backend* device : options.devices) text += (text.empty() ? "" : ",") + device->name();
  return text.empty() ? "cpu" : text;
}

Subject::Subject(const LandscapeFlags& flags) : flags_(flags) {
  check_name("--split", flags.split, kSplits);
  check_name("--bn", flags.statistics, kStatistics);
  evaluator_options(flags);  // before the data are read
  if (flags.threads > 0) set_thread_count(flags.threads);
  checkpoint_ = load_checkpoint(flags.checkpoint, flags.model, cpu_backend());
  const Model& model = checkpoint_.model;
  Dataset dataset = load_dataset(flags.data, {.image_extent = model.image[0]});
  check(dataset.classes() == model.classes, "'", flags.checkpoint, "': the network has ", model.classes,
        " classes, the data set ", dataset.name, " ", dataset.classes());
  const Shape image{dataset.train.height, dataset.train.width, dataset.train.channels};
  check(image == model.image, "'", flags.checkpoint, "': the network takes images of ", model.image, ", the data set ",
        dataset.name, " has ", image);
  dataset_ = dataset.name;
  if (!flags.quiet && !checkpoint_.dataset.empty() && checkpoint_.dataset != dataset_)
    fmt::print(stderr, "note: the network was trained on {}, the images are {}{}\n", checkpoint_.dataset, dataset_,
               flags.data.empty() ? " (--data names others)" : "");
  set_.normalization = dataset.normalization;
  set_.loss = parse_objective(flags.loss);
  if (flags.statistics == "recomputed") set_.statistics = BatchStatistics::recomputed;
  set_.statistics_batch = flags.statistics_batch;
  if (flags.split != "test") set_.train = &(train_ = chosen(std::move(dataset.train), flags, "train"));
  if (flags.split != "train") set_.test = &(test_ = chosen(std::move(dataset.test), flags, "test"));
}

nlohmann::json Subject::configuration() const {
  nlohmann::json json{{"model", checkpoint_.model.name},
                      {"checkpoint", checkpoint_.hash},
                      {"dataset", dataset_},
                      {"split", flags_.split},
                      {"loss", flags_.loss}};
  if (flags_.statistics != "auto") json["bn"] = flags_.statistics;
  if (set_.statistics == BatchStatistics::recomputed) json["bn_batch"] = set_.statistics_batch;
  if (set_.train != nullptr) json["train"] = {{"images", train_.count}, {"sha256", hash_of(train_)}};
  if (set_.test != nullptr) json["test"] = {{"images", test_.count}, {"sha256", hash_of(test_)}};
  return json;
}

Checkpoint load_companion(const std::string& path, const Checkpoint& first) {
  Checkpoint second = load_checkpoint(path, first.model.name, cpu_backend());
  check(second.model.classes == first.model.classes, "'", path, "': ", second.model.classes,
        " classes, the first network has ", first.model.classes);
  return second;
}

}  // namespace basin
