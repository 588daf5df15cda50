#include "models/registry.h"

#include <charconv>
#include <optional>

#include "core/nearest.h"
#include "models/densenet.h"
#include "models/resnet.h"
#include "models/vgg.h"

namespace basin {
namespace {

using Forward = std::function<Tensor(const Scope&, const Tensor&)>;

// A network's forward for a number of classes, from one of the structs that describe a family.
template <class Network>
Forward bind(Tensor (*network)(const Scope&, const Tensor&, const Network&), Network options, std::int64_t classes) {
  options.classes = classes;
  return [network, options](const Scope& s, const Tensor& x) { return network(s, x, options); };
}

bool remove_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool remove_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// "56" -> 56: digits alone, without a leading zero, so that a model has one name.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0 || value > 9999 || text.front() == '0')
    return {};
  return value;
}

bool is_cifar_depth(std::int64_t depth) { return depth >= 8 && depth % 6 == 2; }
bool is_imagenet_depth(std::int64_t depth) {  // 50 and 152 are of both forms; these names are the bottlenecks'
  return depth == 18 || depth == 34 || depth == 50 || depth == 101 || depth == 152;
}

// resnet<depth>[-noshort], wrn<depth>-<widen>[-noshort]
std::optional<ResNet> parse_resnet(std::string_view name) {
  const bool shortcut = !remove_suffix(name, "-noshort");
  std::optional<ResNet> net;
  if (remove_prefix(name, "resnet")) {
    const std::optional<std::int64_t> depth = number(name);
    if (depth && is_imagenet_depth(*depth))
      net = imagenet_resnet(*depth);
    else if (depth && is_cifar_depth(*depth))
      net = cifar_resnet(*depth);
  } else if (remove_prefix(name, "wrn")) {
    const std::size_t dash = name.find('-');
    if (dash == std::string_view::npos) return {};
    const std::optional<std::int64_t> depth = number(name.substr(0, dash)), widen = number(name.substr(dash + 1));
    if (depth && widen && is_cifar_depth(*depth)) net = cifar_resnet(*depth, *widen);
  }
  if (net) net->shortcut = shortcut;
  return net;
}

// vgg9, vgg<depth>[-bn]
std::optional<Vgg> parse_vgg(std::string_view name) {
  if (name == "vgg9") return vgg9();
  const bool batch_norm = remove_suffix(name, "-bn");
  for (const std::int64_t depth : {11, 13, 16, 19})
    if (name == "vgg" + std::to_string(depth)) return vgg(depth, batch_norm);
  return {};
}

Forward find_forward(std::string_view name, std::int64_t classes) {
  if (const std::optional<ResNet> net = parse_resnet(name)) return bind(resnet, *net, classes);
  if (const std::optional<Vgg> net = parse_vgg(name)) return bind(vgg, *net, classes);
  if (name == "densenet121") return bind(densenet, DenseNet{}, classes);
  return {};
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names{"vgg9"};
  for (const char* depth : {"11", "13", "16", "19"})
    for (const char* norm : {"", "-bn"}) names.push_back(std::string("vgg") + depth + norm);
  for (const char* net : {"resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "wrn56-2", "wrn56-4", "wrn56-8",
                          "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"})
    for (const char* shortcut : {"", "-noshort"}) names.push_back(std::string(net) + shortcut);
  names.push_back("densenet121");
  return names;
}

Model find_model(std::string_view name, std::int64_t classes) {
  check(classes >= 1, "model ", name, ": ", classes, " classes");
  Forward forward = find_forward(name, classes);
  if (!forward) {
    const std::string close = nearest(name, model_names());
    if (close.empty())
      fail("no model '", name, "'; expected a name such as resnet56, resnet56-noshort, vgg9, densenet121");
    fail("no model '", name, "'; the nearest name is '", close, "'");
  }
  return {.name = std::string(name), .classes = classes, .forward = std::move(forward)};
}

State initialize(const Model& model, std::uint64_t seed, Backend& backend, DType dtype) {
  const Recording off(false);
  Shape image = model.image;
  image.insert(image.begin(), 1);
  State state;
  model.forward(Scope(state, Mode::initialize, seed), Tensor::zeros(image, dtype, backend));
  return state;
}

Tensor forward(const Model& model, State& state, const Tensor& x, Mode mode) {
  return model.forward(Scope(state, mode), x);
}

}  // namespace basin
