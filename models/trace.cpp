// From the graph that the eval-mode forward of one image records to a Plan.
//
// The operations are visited in the order in which they ran. Each starts a stage of its own, or becomes part of the
// stage that made its input if that input goes nowhere else: conv2d, + bias, batch norm, + residual, relu make one
// stage. A stage that grows moves to the end of the list, because its residual may have been computed in between.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "models/plan.h"

namespace basin {
namespace {

using Kind = Stage::Kind;

class Tracer {
 public:
  Tracer(const Model& model, const State& state) : model_(model) {
    const std::vector<Entry>& entries = state.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) entry_of_[entries[i].value.identity()] = static_cast<int>(i);
  }

  Plan trace(const Tensor& image, const Tensor& logits) {
    plan_.model = model_.name;
    buffer_of_[image.identity()] = add_buffer(image);
    for (const Tensor& node : sorted(logits)) visit(node);
    check(logits.rank() == 2, "trace: model ", model_.name, ": logits ", logits.shape(), ", expected (N, classes)");
    plan_.logits = input(logits, logits);
    plan_.classes = logits.dim(1);
    std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.turn < b.turn; });
    for (Step& step : steps_) plan_.stages.push_back(std::move(step.stage));
    return std::move(plan_);
  }

 private:
  struct Step {
    Stage stage;
    int turn = 0;  // stages run in ascending order
  };

  // The recorded operations between the input and `logits`, inputs before what uses them. Also counts the uses.
  std::vector<Tensor> sorted(const Tensor& logits) {
    std::vector<Tensor> order;
    std::unordered_set<const void*> seen;
    std::vector<std::pair<Tensor, std::size_t>> path{{logits, 0}};  // a node and how many of its inputs are done
    ++uses_[logits.identity()];
    while (!path.empty()) {
      const Tensor node = path.back().first;
      if (path.back().second == node.inputs().size()) {
        order.push_back(node);
        path.pop_back();
        continue;
      }
      const Tensor& next = node.inputs()[path.back().second++];
      ++uses_[next.identity()];
      const bool leaf = next.inputs().empty() || entry_of_.count(next.identity()) || buffer_of_.count(next.identity());
      if (!leaf && seen.insert(next.identity()).second) path.emplace_back(next, 0);
    }
    return order;
  }

  void visit(const Tensor& node) {
    const std::string& operation = node.operation();
    if (operation == "conv2d") return visit_conv2d(node);
    if (operation == "linear") return visit_linear(node);
    if (operation == "batch_norm_inference") return visit_batch_norm(node);
    if (operation == "add") return visit_add(node);
    if (operation == "relu") return visit_relu(node);
    if (operation == "max_pool2d") return visit_pool(node, Kind::max_pool);
    if (operation == "average_pool2d") return visit_pool(node, Kind::average_pool);
    if (operation == "concat") return visit_concat(node);
    if (operation == "reshape") return visit_reshape(node);
    if (operation == "expand") return;  // of a bias: see visit_add
    refuse(node, "has no stage");
  }

  void visit_conv2d(const Tensor& node) {
    Stage& stage = start(node, Kind::convolution, {input(node, node.inputs()[0])});
    stage.weight = entry(node, node.inputs()[1]);
    stage.conv = attributes<Conv2d>(node);
    plan_.multiply_adds += node.dim(1) * node.dim(2) * node.inputs()[1].size();
  }

  void visit_linear(const Tensor& node) {
    Stage& stage = start(node, Kind::linear, {buffer(node, node.inputs()[0])});
    stage.weight = entry(node, node.inputs()[1]);
    if (node.inputs().size() > 2) stage.bias = entry(node, node.inputs()[2]);
    plan_.multiply_adds += node.inputs()[1].size();
  }

  void visit_batch_norm(const Tensor& node) {
    const Tensors& in = node.inputs();
    const BatchNorm options = attributes<BatchNorm>(node);
    Step* open = open_step(node, in[0]);
    const bool folds =
        open != nullptr && is_contraction(open->stage) && open->stage.gamma < 0 && open->stage.residual < 0;
    Stage& stage = folds ? extend(*open, node) : start(node, Kind::affine, {input(node, in[0])});
    stage.gamma = entry(node, in[1]);
    stage.beta = entry(node, in[2]);
    stage.mean = entry(node, in[3]);
    stage.variance = entry(node, in[4]);
    stage.epsilon = options.epsilon;
    stage.relu = options.relu;
    if (in.size() > 5) stage.residual = input(node, in[5]);
  }

  void visit_add(const Tensor& node) {
    const Tensor &a = node.inputs()[0], &b = node.inputs()[1];
    if (b.operation() == "expand") return add_bias(node, a, b.inputs()[0]);
    for (const auto& [sum, other] : {std::pair(a, b), std::pair(b, a)}) {
      Step* open = open_step(node, sum);
      if (open == nullptr || open->stage.kind == Kind::add || open->stage.residual >= 0) continue;
      extend(*open, node).residual = input(node, other);
      return;
    }
    start(node, Kind::add, {input(node, a), input(node, b)});
  }

  void add_bias(const Tensor& node, const Tensor& x, const Tensor& bias) {
    Step* open = open_step(node, x);
    const bool folds = open != nullptr && is_contraction(open->stage) && open->stage.bias < 0 &&
                       open->stage.gamma < 0 && open->stage.residual < 0 && bias.shape() == Shape{x.dim(-1)};
    if (!folds) refuse(node, "broadcasts a tensor that is no bias of a layer just before it");
    extend(*open, node).bias = entry(node, bias);
  }

  void visit_relu(const Tensor& node) {
    Step* open = open_step(node, node.inputs()[0]);
    if (open == nullptr) refuse(node, "does not follow a convolution, linear layer, batch norm or sum directly");
    extend(*open, node).relu = true;
  }

  void visit_pool(const Tensor& node, Kind kind) {
    start(node, kind, {input(node, node.inputs()[0])}).pool = attributes<Pool2d>(node);
  }

  void visit_concat(const Tensor& node) {
    if (attributes<int>(node) != node.rank() - 1) refuse(node, "does not run along the channels");
    std::vector<int> parts;
    for (const Tensor& part : node.inputs()) parts.push_back(input(node, part));
    start(node, Kind::concat, parts);
  }

  // Flattening moves nothing: the flat form is another name of the buffer.
  void visit_reshape(const Tensor& node) {
    if (node.rank() != 2 || node.dim(0) != node.inputs()[0].dim(0)) refuse(node, "is no flattening to (N, features)");
    buffer_of_[node.identity()] = buffer(node, node.inputs()[0]);
  }

  static bool is_contraction(const Stage& stage) {
    return stage.kind == Kind::convolution || stage.kind == Kind::linear;
  }

  // The stage that made `x`, if `node` can become part of it; null if not.
  Step* open_step(const Tensor& node, const Tensor& x) {
    if (uses_.at(x.identity()) > 1) return nullptr;
    const auto made = step_of_.find(input(node, x));
    if (made == step_of_.end()) return nullptr;  // the image
    Step& step = steps_[made->second];
    const bool has_epilogue =
        is_contraction(step.stage) || step.stage.kind == Kind::affine || step.stage.kind == Kind::add;
    return has_epilogue && !step.stage.relu ? &step : nullptr;
  }

  // A new stage with `node` as its output.
  Stage& start(const Tensor& node, Kind kind, std::vector<int> inputs) {
    const int output = add_buffer(node);
    buffer_of_[node.identity()] = output;
    step_of_[output] = steps_.size();
    steps_.push_back({{.kind = kind, .inputs = std::move(inputs), .output = output}, ++turn_});
    return steps_.back().stage;
  }

  // `node` becomes the output of a stage that stands already.
  Stage& extend(Step& step, const Tensor& node) {
    buffer_of_[node.identity()] = step.stage.output;
    step.turn = ++turn_;
    return step.stage;
  }

  int add_buffer(const Tensor& value) {
    plan_.buffers.push_back(image_shape(value));
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  static Shape image_shape(const Tensor& value) { return Shape(value.shape().begin() + 1, value.shape().end()); }

  // The buffer of the activation `x` that `node` reads.
  int buffer(const Tensor& node, const Tensor& x) const {
    const auto found = buffer_of_.find(x.identity());
    if (found == buffer_of_.end()) refuse(node, "reads a tensor that does not come from the image");
    return found->second;
  }

  // The same for operations that need it in its own shape.
  int input(const Tensor& node, const Tensor& x) const {
    const int index = buffer(node, x);
    if (plan_.buffers[static_cast<std::size_t>(index)] != image_shape(x)) refuse(node, "reads a flattened activation");
    return index;
  }

  // The place in the state of the tensor `x` that `node` reads.
  int entry(const Tensor& node, const Tensor& x) const {
    const auto found = entry_of_.find(x.identity());
    if (found == entry_of_.end()) refuse(node, "reads a constant that is not in the state");
    return found->second;
  }

  template <class T>
  T attributes(const Tensor& node) const {
    const T* found = std::any_cast<T>(&node.attributes());
    if (found == nullptr) refuse(node, "carries no attributes");
    return *found;
  }

  [[noreturn]] void refuse(const Tensor& node, const char* reason) const {
    fail("trace: model ", model_.name, ": operation ", node.operation(), " of output ", node.shape(),
         " cannot be planned: it ", reason);
  }

  const Model& model_;
  Plan plan_;
  std::vector<Step> steps_;
  int turn_ = 0;
  std::unordered_map<const void*, int> entry_of_;   // by identity of the state's tensors
  std::unordered_map<const void*, int> buffer_of_;  // by identity of activations
  std::unordered_map<const void*, int> uses_;       // as an input of an operation
  std::unordered_map<int, std::size_t> step_of_;    // the buffer's maker in steps_
};

}  // namespace

Plan trace(const Model& model, const State& state) {
  check(!state.entries().empty(), "trace: model ", model.name, ": the state is empty");
  const Tensor& first = state.entries().front().value;
  Shape shape = model.image;
  shape.insert(shape.begin(), 1);
  const Tensor image = Tensor::zeros(shape, first.dtype(), first.backend());

  const Recording on(true);
  State shared = state;  // forward() takes a state it may update; in Mode::evaluate it does not
  const Tensor logits = forward(model, shared, image, Mode::evaluate);
  return Tracer(model, state).trace(image, logits);
}

}  // namespace basin
