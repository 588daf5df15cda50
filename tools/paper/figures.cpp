#include "tools/paper/figures.h"

#include <fmt/format.h>

#include <functional>

#include "core/error.h"
#include "core/nearest.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

// One trained network of the paper.
struct Training {
  std::string model;
  std::string optimizer = "sgd";
  bool large_batch = false;
  bool weight_decay = true;
};

class Drawing {
 public:
  explicit Drawing(const PaperContext& context) : c_(context) {}

  std::int64_t batch(const Training& t) const {
    if (!t.large_batch) return 128;
    return t.model == "vgg9" ? c_.scale.large_batch_vgg : c_.scale.large_batch_resnet;
  }
  std::string name(const Training& t) const {
    return fmt::format("{}-{}-{}-{}", t.model, t.optimizer, t.large_batch ? "large" : "128",
                       t.weight_decay ? "5e-4" : "0");
  }
  fs::path run(const Training& t) const { return c_.out / "runs" / name(t); }
  std::string last(const Training& t) const { return (run(t) / "checkpoints/last.safetensors").string(); }
  std::string file(const std::string& end) const { return (c_.out / end).string(); }

  void train(const Training& t) {
    figure_.runs.push_back(run(t));
    std::vector<std::string> arguments{"--model",        t.model,
                                       "--optimizer",    t.optimizer,
                                       "--batch",        std::to_string(batch(t)),
                                       "--weight-decay", t.weight_decay ? "5e-4" : "0",
                                       "--epochs",       std::to_string(c_.scale.epochs),
                                       "--seed",         std::to_string(c_.seed),
                                       "--save-every",   std::to_string(c_.scale.save_every)};
    if (c_.scale.train_images > 0) append(arguments, {"--train-images", std::to_string(c_.scale.train_images)});
    if (c_.scale.test_images > 0) append(arguments, {"--test-images", std::to_string(c_.scale.test_images)});
    common(arguments);
    figure_.recipe.train(run(t), std::move(arguments));
  }

  // Files: NAME.<kind>.h5, one for a network however many figures draw it.
  std::string surface(const Training& t) {
    return compute({"surface", last(t), "--x=" + square(c_.scale.points), "--y=" + square(c_.scale.points)},
                   name(t) + ".surface.h5", c_.scale.surface_images);
  }
  std::string line(const Training& t) {
    return compute({"line", last(t), "--x=" + square(c_.scale.line_points), "--split", "both"}, name(t) + ".line.h5",
                   c_.scale.surface_images);
  }
  std::string interpolation(const Training& small, const Training& large) {
    return compute({"line", last(small), "--to", last(large), "--type", "states", "--split", "both",
                    fmt::format("--x=-0.5:1.5:{}", 2 * c_.scale.line_points - 1)},
                   name(small) + ".to." + name(large) + ".h5", c_.scale.surface_images);
  }
  std::string map(const Training& t) {
    return compute({"hessian", last(t), "--x=" + square(c_.scale.map_points), "--y=" + square(c_.scale.map_points)},
                   name(t) + ".map.h5", c_.scale.map_images);
  }
  // In the plane of its components, or in a given one; the surface beside it is FILE.surface.h5.
  std::string path(const Training& t, const std::string& plane = {}) {
    std::vector<std::string> arguments{"trajectory", run(t).string(), "--surface", "--points",
                                       std::to_string(c_.scale.points)};
    if (!plane.empty()) append(arguments, {"--plane", plane});
    return compute(std::move(arguments), name(t) + (plane.empty() ? ".path.h5" : ".random-path.h5"),
                   c_.scale.surface_images);
  }

  void plot(const std::string& picture, const std::vector<std::string>& files, const std::vector<std::string>& flags) {
    std::vector<std::string> arguments{"plot"};
    append(arguments, files);
    append(arguments, flags);
    append(arguments, {"--out", file(picture)});
    figure_.recipe.add(std::move(arguments));
    figure_.pictures.push_back(file(picture));
  }
  Figure finish(const std::string& caption) {
    figure_.caption = caption;
    return std::move(figure_);
  }

 private:
  static void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }
  static std::string square(std::int64_t points) { return fmt::format("-1:1:{}", points); }

  void common(std::vector<std::string>& arguments) const {
    if (!c_.data.empty()) append(arguments, {"--data", c_.data});
    append(arguments, {"--device", c_.device});
    if (c_.threads > 0) append(arguments, {"--threads", std::to_string(c_.threads)});
  }
  std::string compute(std::vector<std::string> arguments, const std::string& out, std::int64_t images) {
    append(arguments, {"--images", std::to_string(images), "--out", file(out)});
    common(arguments);
    figure_.recipe.add(std::move(arguments));
    return file(out);
  }

  const PaperContext& c_;
  Figure figure_;
};

std::vector<Training> vgg_batches(const std::string& optimizer) {
  return {{"vgg9", optimizer, false, false},
          {"vgg9", optimizer, true, false},
          {"vgg9", optimizer, false, true},
          {"vgg9", optimizer, true, true}};
}

std::vector<std::string> surfaces(Drawing& d, const std::vector<Training>& trainings) {
  std::vector<std::string> files;
  for (const Training& t : trainings) {
    d.train(t);
    files.push_back(d.surface(t));
  }
  return files;
}

Figure figure1(Drawing& d, const PaperContext&) {
  d.plot("fig1.png", surfaces(d, {{"resnet56-noshort"}, {"resnet56"}}), {"--kind", "surface", "--log"});
  return d.finish("ResNet-56 without and with shortcuts, heights ln(z + 0.1) of losses clipped at 10.");
}

Figure figure2(Drawing& d, const PaperContext&) {
  std::vector<std::string> lines, weights, runs;
  for (const Training& t : vgg_batches("sgd")) {
    d.train(t);
    weights.push_back(d.last(t));
    runs.push_back(d.run(t).string());
  }
  for (const bool decay : {false, true})
    lines.push_back(d.interpolation({"vgg9", "sgd", false, decay}, {"vgg9", "sgd", true, decay}));
  d.plot("fig2-interpolation.png", lines, {"--kind", "line"});
  d.plot("fig2-norms.png", runs, {"--kind", "norms"});
  d.plot("fig2-weights.png", weights, {"--kind", "histogram"});
  return d.finish(
      "VGG-9, small batch at 0 and large batch at 1, without and with weight decay: which side looks sharper follows "
      "the size of the weights, not the test error.");
}

Figure figure3(Drawing& d, const PaperContext&) {
  std::vector<std::string> lines;
  const std::vector<std::string> planes = surfaces(d, vgg_batches("sgd"));
  for (const Training& t : vgg_batches("sgd")) lines.push_back(d.line(t));
  d.plot("fig3-lines.png", lines, {"--kind", "overlay"});
  d.plot("fig3-planes.png", planes, {"--clip", "10", "--columns", "2"});
  return d.finish("VGG-9 along filter-normalised directions: large batches give slightly sharper minima.");
}

Figure figure4(Drawing& d, const PaperContext&) {
  d.plot("fig4.png", surfaces(d, {{"resnet110-noshort"}, {"densenet121"}}), {"--kind", "surface", "--log"});
  return d.finish("ResNet-110 without shortcuts against DenseNet-121.");
}

Figure figure5(Drawing& d, const PaperContext&) {
  d.plot("fig5.png",
         surfaces(d, {{"resnet20"},
                      {"resnet56"},
                      {"resnet110"},
                      {"resnet20-noshort"},
                      {"resnet56-noshort"},
                      {"resnet110-noshort"}}),
         {"--clip", "10", "--columns", "3"});
  return d.finish("Depth, with shortcuts above and without below: without them the deeper surfaces turn chaotic.");
}

Figure figure6(Drawing& d, const PaperContext& c) {
  std::vector<Training> trainings;
  for (const char* end : {"", "-noshort"})
    for (const int width : c.scale.widths)
      trainings.push_back({width == 1 ? std::string("resnet56") + end : fmt::format("wrn56-{}{}", width, end)});
  d.plot("fig6.png", surfaces(d, trainings), {"--clip", "10", "--columns", std::to_string(c.scale.widths.size())});
  return d.finish("Width, with shortcuts above and without below: wider networks have flatter, wider minima.");
}

Figure figure7(Drawing& d, const PaperContext&) {
  std::vector<std::string> maps;
  for (const Training& t : {Training{"resnet56"}, Training{"resnet56-noshort"}, Training{"densenet121"}}) {
    d.train(t);
    maps.push_back(d.map(t));
  }
  d.plot("fig7.png", maps, {"--columns", "3"});
  return d.finish("|lambda min / lambda max| of the Hessian: near 0 the surface is convex where it looks so.");
}

// A path in a plane of random directions hardly shows.
Figure figure8(Drawing& d, const PaperContext&) {
  const Training t{"vgg9", "sgd", false, true};
  d.train(t);
  const std::string surface = d.surface(t);
  const std::string path = d.path(t, fs::path(surface).replace_extension(".directions.h5").string());
  d.plot("fig8.png", {surface}, {"--clip", "10", "--trajectory", path});
  d.plot("fig8-distances.png", {path}, {});
  return d.finish(
      "A path of training seen from two random directions: nearly all of its length is outside of the plane.");
}

Figure figure9(Drawing& d, const PaperContext&) {
  for (const char* optimizer : {"sgd", "adam"})
    for (const Training& t : vgg_batches(optimizer)) {
      d.train(t);
      const std::string path = d.path(t);
      d.plot("fig9-" + d.name(t) + ".png", {fs::path(path).replace_extension(".surface.h5").string()},
             {"--clip", "10", "--trajectory", path});
    }
  return d.finish(
      "Paths of training in the plane of their principal components; the axes say how much of their variance they "
      "hold.");
}

Figure table1(Drawing& d, const PaperContext& c) {
  for (const char* optimizer : {"sgd", "adam"})
    for (const Training& t : vgg_batches(optimizer)) d.train(t);
  for (const char* end : {"", "-noshort"}) {
    for (const char* model : {"resnet20", "resnet56", "resnet110"}) d.train({std::string(model) + end});
    for (const int width : c.scale.widths)
      if (width > 1) d.train({fmt::format("wrn56-{}{}", width, end)});
  }
  d.train({"resnet56", "sgd", true, true});
  d.train({"densenet121"});
  return d.finish("Test errors of the networks of the paper.");
}

using Maker = Figure (*)(Drawing&, const PaperContext&);
const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> all{
      {"fig1", figure1}, {"fig2", figure2}, {"fig3", figure3}, {"fig4", figure4}, {"fig5", figure5},
      {"fig6", figure6}, {"fig7", figure7}, {"fig8", figure8}, {"fig9", figure9}, {"table1", table1}};
  return all;
}

}  // namespace

PaperScale parse_scale(const std::string& name) {
  if (name == "full") return {"full", 0, 0, 300, 8192, 4096, 50'000, 51, 201, 50'000, 51, 10, {2, 4, 8}, ""};
  if (name == "small")
    return {"small",
            1000,
            500,
            3,
            512,
            512,
            128,
            11,
            21,
            32,
            5,
            1,
            {1, 2},
            "1,000 of 50,000 training images and 500 of 10,000 test images, 3 of 300 epochs, large batches of 512 "
            "instead of "
            "8,192 and 4,096, surfaces of 11 x 11 points and 128 images instead of 51 x 51 and 50,000, eigenvalue maps "
            "of 5 x 5 "
            "points and 32 images, widths 1 and 2 instead of 2, 4 and 8: what is drawn is how the figure is made, not "
            "what the paper found"};
  fail("--scale: expected small or full, found '", name, "'");
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

Figure figure(const std::string& name, const PaperContext& context) {
  for (const auto& [known, maker] : makers()) {
    if (known != name) continue;
    Drawing drawing(context);
    return maker(drawing, context);
  }
  const std::string near = nearest(name, figure_names());
  fail("unknown figure '", name, "'", near.empty() ? "" : "; did you mean " + near + "?", " (fig1 to fig9, table1)");
}

// Test errors that Li et al. report, of 300 epochs on all of CIFAR-10.
const std::vector<PublishedError>& published_errors() {
  static const std::vector<PublishedError> errors{
      {"vgg9-sgd-128-0", 7.37},          {"vgg9-sgd-large-0", 11.07},
      {"vgg9-sgd-128-5e-4", 6.0},        {"vgg9-sgd-large-5e-4", 10.19},
      {"resnet20-sgd-128-5e-4", 7.37},   {"resnet20-noshort-sgd-128-5e-4", 8.18},
      {"resnet56-sgd-128-5e-4", 5.89},   {"resnet56-noshort-sgd-128-5e-4", 13.31},
      {"resnet110-sgd-128-5e-4", 5.79},  {"resnet110-noshort-sgd-128-5e-4", 16.44},
      {"wrn56-2-sgd-128-5e-4", 5.07},    {"wrn56-2-noshort-sgd-128-5e-4", 10.26},
      {"wrn56-4-sgd-128-5e-4", 4.34},    {"wrn56-4-noshort-sgd-128-5e-4", 9.69},
      {"wrn56-8-sgd-128-5e-4", 3.93},    {"wrn56-8-noshort-sgd-128-5e-4", 8.70},
      {"resnet56-sgd-large-5e-4", 10.59}};
  return errors;
}

}  // namespace basin
