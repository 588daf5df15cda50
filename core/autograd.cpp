#include "core/autograd.h"

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/operations.h"

namespace basin {
namespace {

thread_local bool recording = true;

struct Walk {
  std::vector<Tensor> order;               // every node under the output, inputs before what uses them
  std::unordered_set<const void*> needed;  // nodes on a path from one of the inputs to the output
};

// Post-order with an explicit stack: recorded graphs are deeper than the call stack allows.
Walk walk(const Tensor& output, const Tensors& inputs) {
  Walk result;
  for (const Tensor& input : inputs) result.needed.insert(input.identity());
  std::unordered_set<const void*> visited;
  std::vector<std::pair<Tensor, bool>> stack{{output, false}};
  while (!stack.empty()) {
    auto [tensor, expanded] = std::move(stack.back());
    stack.pop_back();
    if (expanded) {
      for (const Tensor& input : tensor.inputs())
        if (input.defined() && result.needed.contains(input.identity())) result.needed.insert(tensor.identity());
      result.order.push_back(std::move(tensor));
    } else if (visited.insert(tensor.identity()).second) {
      const Tensors& operands = tensor.inputs();
      stack.emplace_back(tensor, true);
      for (const Tensor& input : operands)
        if (input.defined()) stack.emplace_back(input, false);
    }
  }
  return result;
}

}  // namespace

bool is_recording() { return recording; }

Recording::Recording(bool on) : previous_(std::exchange(recording, on)) {}
Recording::~Recording() { recording = previous_; }

Tensor record(std::string operation, Tensor value, Tensors inputs, VectorJacobianProduct vjp, std::any attributes) {
  if (!recording) return value;
  Tensor::Node& node = *value.node_;
  node.operation = std::move(operation);
  node.inputs = std::move(inputs);
  node.vjp = std::move(vjp);
  node.attributes = std::move(attributes);
  return value;
}

Tensors gradient(const Tensor& output, const Tensors& inputs, const GradientOptions& options) {
  Walk graph = walk(output, inputs);
  const Recording scope(options.create_graph);
  const Tensor seed = options.seed.defined() ? options.seed : ones_like(output);
  check(seed.shape() == output.shape(), "gradient: seed ", seed.shape(), " for an output ", output.shape());

  std::unordered_set<const void*> kept;
  for (const Tensor& input : inputs) kept.insert(input.identity());
  std::unordered_map<const void*, Tensor> gradients{{output.identity(), seed}};
  for (; !graph.order.empty(); graph.order.pop_back()) {
    const Tensor& tensor = graph.order.back();
    const auto found = gradients.find(tensor.identity());
    if (found == gradients.end() || !tensor.node_->vjp || !graph.needed.contains(tensor.identity())) continue;
    const Tensor grad_output = found->second;
    if (!kept.contains(tensor.identity())) gradients.erase(found);  // its memory serves the next one
    std::vector<bool> needed;
    for (const Tensor& input : tensor.inputs())
      needed.push_back(input.defined() && graph.needed.contains(input.identity()));
    const Tensors pulled = tensor.node_->vjp({tensor.inputs(), tensor, grad_output, needed});
    check(pulled.size() == needed.size(), "gradient: the rule of ", tensor.operation(), " returned ", pulled.size(),
          " tensors for ", needed.size(), " inputs");
    for (std::size_t i = 0; i < pulled.size(); ++i) {
      if (!needed[i] || !pulled[i].defined()) continue;
      const auto [slot, fresh] = gradients.try_emplace(tensor.inputs()[i].identity(), pulled[i]);
      if (!fresh) slot->second = slot->second + pulled[i];
    }
  }
  Tensors result;
  for (const Tensor& input : inputs) {
    const auto found = gradients.find(input.identity());
    result.push_back(found == gradients.end() ? zeros_like(input) : found->second);
  }
  return result;
}

Tensors hessian_vector_product(const Tensor& output, const Tensors& inputs, const Tensors& v) {
  const Tensors first = gradient(output, inputs, {.create_graph = true});
  Tensors constants;
  for (const Tensor& tensor : v) constants.push_back(tensor.detach());
  return gradient(dot(first, constants), inputs);
}

VectorJacobianProduct vjp_of(std::function<Tensor(const Tensors&)> definition) {
  return [definition = std::move(definition)](const Pullback& p) {
    const bool create_graph = is_recording();
    const Recording scope(true);
    // Differentiate with respect to the inputs that need it alone. Handles of one tensor given twice are told apart by
    // an identity of their own.
    Tensors operands;
    for (const Tensor& input : p.inputs) operands.push_back(input.defined() ? reshape(input, input.shape()) : input);
    Tensors wanted;
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (p.needed[i]) wanted.push_back(operands[i]);
    const Tensors found = gradient(definition(operands), wanted, {.seed = p.grad_output, .create_graph = create_graph});
    Tensors result(operands.size());
    for (std::size_t i = 0, next = 0; i < operands.size(); ++i)
      if (p.needed[i]) result[i] = found[next++];
    return result;
  };
}

}  // namespace basin
