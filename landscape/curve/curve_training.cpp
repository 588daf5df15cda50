#include "landscape/curve/curve_training.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/safetensors.h"
#include "data/preprocess.h"
#include "landscape/configuration.h"

namespace basin {
namespace {

constexpr const char* kFormat = "basin curve training 1";

Tensor from_host(const std::vector<float>& values, const Shape& shape, DType dtype, Backend& backend) {
  Tensor tensor = Tensor::from<float>(shape, values, backend);
  if (dtype == DType::f32) return tensor;
  const Recording off(false);
  return cast(tensor, dtype);
}

void check_images(const Images& images, const Model& model) {
  check(images.count > 0, "curve: no training images");
  const Shape shape{images.height, images.width, images.channels};
  check(shape == model.image, "curve: training images of ", shape, ", ", model.name, " takes ", model.image);
  for (const std::int32_t label : images.labels)
    check(label >= 0 && label < model.classes, "curve: label ", label, " is none of ", model.classes, " classes");
}

std::vector<std::string> names_of(std::size_t bends) {
  std::vector<std::string> names;
  for (std::size_t k = 1; k <= bends; ++k) names.push_back("bend" + std::to_string(k));
  return names;
}

std::int64_t saved_step(const TensorFile& file, std::int64_t steps) {
  const auto field = file.metadata.find("step");
  const std::string text = field == file.metadata.end() ? "" : field->second;
  std::int64_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  check(error == std::errc() && end == text.data() + text.size() && step >= 0 && step <= steps, "'", file.path.string(),
        "': metadata field step: expected 0 to ", steps, ", found '", text, "'");
  return step;
}

}  // namespace

void validate(const CurveTrainingOptions& options) {
  check(options.epochs >= 1, "--epochs: expected at least 1, found ", options.epochs);
  check(options.batch >= 1, "--batch: expected at least 1, found ", options.batch);
  check(options.learning_rate > 0 && std::isfinite(options.learning_rate), "--lr: expected a number above 0, found ",
        options.learning_rate);
  check(options.momentum >= 0 && options.momentum < 1, "--momentum: expected 0 to less than 1, found ",
        options.momentum);
  check(options.weight_decay >= 0 && std::isfinite(options.weight_decay), "--weight-decay: expected 0 or more, found ",
        options.weight_decay);
}

double curve_learning_rate(double highest, std::int64_t step, std::int64_t steps) {
  constexpr double kConstant = 0.5, kEnd = 0.9, kLast = 0.01;
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  if (share <= kConstant) return highest;
  if (share >= kEnd) return kLast * highest;
  return highest * (1 - (1 - kLast) * (share - kConstant) / (kEnd - kConstant));
}

CurveTraining::CurveTraining(const Model& model, const Curve& start, const Images& images,
                             const Normalization& normalization, Backend& backend, const CurveTrainingOptions& options)
    : model_(model),
      start_(start),
      images_(images),
      normalization_(normalization),
      options_(options),
      batches_((images.count + options.batch - 1) / std::max<std::int64_t>(options.batch, 1)),
      loss_(model, start, options.loss, options.weight_decay, options.dtype, backend),
      bends_(loss_.bends(start)) {
  validate(options);
  check_images(images, model);
  check(!bends_.empty(), "curve: no bends to train");
  optimizer_ =
      make_optimizer({.kind = OptimizerKind::sgd, .momentum = options.momentum, .nesterov = false, .weight_decay = 0},
                     names_of(bends_.size()), bends_);
}

CurveBatch CurveTraining::batch_of(std::int64_t step) {
  const std::int64_t epoch = step / batches_, begin = step % batches_ * options_.batch;
  if (order_epoch_ != epoch) order_ = shuffled(images_.count, options_.seed, epoch);
  order_epoch_ = epoch;
  const std::int64_t count = std::min(options_.batch, images_.count - begin);
  const auto indices =
      std::span<const std::int64_t>(order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
  Shape shape = model_.image;
  shape.insert(shape.begin(), count);
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  if (options_.augment)
    augment(images_, normalization_, {}, options_.seed, epoch, indices, values.data());
  else
    normalize(images_, normalization_, indices, values.data());
  std::vector<std::int32_t> labels;
  for (const std::int64_t index : indices) labels.push_back(images_.labels[static_cast<std::size_t>(index)]);
  Backend& backend = bends_.front().backend();
  return {from_host(values, shape, options_.dtype, backend), Tensor::from<std::int32_t>({count}, labels, backend)};
}

double CurveTraining::step() {
  const std::int64_t step = done();
  check(step < steps(), "curve: the training is done");
  const double t = Random(options_.seed, random_stream("curve t")).uniform(static_cast<std::uint64_t>(step));
  const CurveGradient result = loss_.value_and_gradient(bends_, t, batch_of(step));
  bool finite = std::isfinite(result.value);
  for (const Tensor& gradient : result.gradients) finite = finite && std::isfinite(length(gradient));
  check(finite, "curve: training stopped at epoch ", step / batches_ + 1, ", batch ", step % batches_ + 1, " of ",
        batches_, ": the loss or its gradient is not finite (a lower --lr may help)");
  optimizer_->step(result.gradients, curve_learning_rate(options_.learning_rate, step, steps()));
  return result.value;
}

Curve CurveTraining::curve() const {
  Curve curve = start_;
  for (std::size_t k = 0; k < bends_.size(); ++k) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(bends_[k].size()) * size_of(options_.dtype));
    bends_[k].copy_to_host(bytes.data());
    const Tensor vector = Tensor::from_bytes(bends_[k].shape(), options_.dtype, bytes.data(), cpu_backend());
    curve.points[k + 1] = loss_.space().at(start_.points[k + 1], vector);
  }
  return curve;
}

void CurveTraining::save(const std::filesystem::path& path, const std::string& configuration) const {
  std::vector<OptimizerSlot> all = optimizer_->slots();
  for (std::size_t k = 0; k < bends_.size(); ++k) all.push_back({names_of(bends_.size())[k], bends_[k]});
  std::vector<std::vector<std::byte>> storage;
  std::vector<NamedTensor> tensors;
  for (const OptimizerSlot& slot : all) {
    storage.emplace_back(static_cast<std::size_t>(slot.value.size()) * size_of(slot.value.dtype()));
    slot.value.copy_to_host(storage.back().data());
    tensors.push_back({slot.name, slot.value.dtype(), slot.value.shape(), storage.back().data()});
  }
  write_safetensors(path, tensors,
                    {{"format", kFormat}, {"step", std::to_string(done())}, {"configuration", configuration}});
}

void CurveTraining::restore(const std::filesystem::path& path, const std::string& configuration) {
  const TensorFile file = read_safetensors(path);
  const auto field = [&](const char* name) {
    const auto found = file.metadata.find(name);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  check(field("format") == kFormat, "'", path.string(), "': metadata field format: expected '", kFormat, "', found '",
        field("format"), "'");
  check(field("configuration") == configuration, "'", path.string(), "': the training of another curve; ",
        configuration_difference(configuration, field("configuration")));
  const std::int64_t step = saved_step(file, steps());
  std::vector<OptimizerSlot> slots;
  for (const FileTensor& tensor : file.tensors)
    slots.push_back(
        {tensor.name, Tensor::from_bytes(tensor.shape, file.dtype(tensor), tensor.bytes.data(), cpu_backend())});
  for (std::size_t k = 0; k < bends_.size(); ++k) {
    const std::string name = names_of(bends_.size())[k];
    const auto saved = std::find_if(slots.begin(), slots.end(), [&](const auto& slot) { return slot.name == name; });
    check(saved != slots.end(), "'", path.string(), "': tensor ", name, " is missing");
    check(saved->value.shape() == bends_[k].shape() && saved->value.dtype() == options_.dtype, "'", path.string(),
          "': tensor ", name, ": expected ", options_.dtype, " ", bends_[k].shape(), ", found ", saved->value.dtype(),
          " ", saved->value.shape());
    std::vector<std::byte> bytes(static_cast<std::size_t>(saved->value.size()) * size_of(options_.dtype));
    saved->value.copy_to_host(bytes.data());
    bends_[k].backend().copy_from_host(bends_[k].mutable_view().data, bytes.data(), bytes.size());
    slots.erase(saved);
  }
  try {
    optimizer_->restore(step, slots);
  } catch (const Error& error) {
    fail("'", path.string(), "': ", error.what());
  }
}

}  // namespace basin
