#include "tests/core/operation_table.h"

#include "core/backend.h"

namespace basin {
namespace {

using Cases = std::vector<OperationCase>;

// On the back end of `like`, as all that a function of the table makes.
Tensor indices(const Tensor& like, const Shape& shape, const std::vector<std::int32_t>& values) {
  return Tensor::from(shape, values, like.backend());
}

// Labels 0, 3, 6, ... modulo the number of classes.
Tensor labels(const Tensor& logits) {
  std::vector<std::int32_t> values;
  for (std::int64_t n = 0; n < logits.dim(0); ++n) values.push_back(static_cast<std::int32_t>(3 * n % logits.dim(1)));
  return indices(logits, {logits.dim(0)}, values);
}

Cases elementwise() {
  const Shape vector{33}, matrix{7, 5};
  return {
      {"add", {vector, vector}, [](const Tensors& in) { return in[0] + in[1]; }},
      {"add broadcast", {{4, 1, 3}, {5, 1}}, [](const Tensors& in) { return in[0] + in[1]; }},
      {"add to itself", {vector}, [](const Tensors& in) { return in[0] + in[0]; }},
      {"subtract", {matrix, {5}}, [](const Tensors& in) { return in[0] - in[1]; }},
      {"multiply", {matrix, matrix}, [](const Tensors& in) { return in[0] * in[1]; }},
      {"multiply broadcast", {{3, 4, 5}, {4, 1}}, [](const Tensors& in) { return in[0] * in[1]; }},
      {"square", {vector}, [](const Tensors& in) { return in[0] * in[0]; }},
      {"divide", {matrix, {7, 1}}, [](const Tensors& in) { return in[0] / in[1]; }, true},
      {"negate", {vector}, [](const Tensors& in) { return -in[0]; }},
      {"affine", {vector}, [](const Tensors& in) { return (1.5 - (2 * in[0] + 0.25) / 3.0) - 0.5; }},
      {"exp", {{31}}, [](const Tensors& in) { return exp(in[0]); }},
      {"log", {{31}}, [](const Tensors& in) { return log(in[0]); }, true},
      {"sqrt", {{31}}, [](const Tensors& in) { return sqrt(in[0]); }, true},
      {"tanh", {{32}}, [](const Tensors& in) { return tanh(in[0]); }},
      {"sigmoid", {{1}}, [](const Tensors& in) { return sigmoid(in[0]); }},
      {"relu", {{5, 13}}, [](const Tensors& in) { return relu(in[0]); }},
      {"abs", {vector}, [](const Tensors& in) { return abs(in[0]); }},
      {"maximum", {matrix, matrix}, [](const Tensors& in) { return maximum(in[0], in[1]); }},
      {"minimum", {matrix, {1, 5}}, [](const Tensors& in) { return minimum(in[0], in[1]); }},
      {"select",
       {matrix, matrix},
       [](const Tensors& in) { return select(greater(in[0], in[1]).detach(), in[0] * in[0], in[1]); }},
      {"dropout", {{67}}, [](const Tensors& in) { return dropout(in[0], 0.3, 7, 1); }},
  };
}

Cases shapes() {
  return {
      {"reshape",
       {{4, 6}},
       [](const Tensors& in) {
         return reshape(in[0], {3, -1});
       }},
      {"expand",
       {{3, 1, 2}},
       [](const Tensors& in) {
         return expand(in[0], {2, 3, 4, 2});
       }},
      {"sum", {{5, 7}}, [](const Tensors& in) { return sum(in[0]); }},
      {"sum first axis", {{5, 7}}, [](const Tensors& in) { return sum(in[0], {0}); }},
      {"sum last axis", {{5, 7, 3}}, [](const Tensors& in) { return sum(in[0], {-1}, true); }},
      {"sum outer axes",
       {{3, 5, 2, 4}},
       [](const Tensors& in) {
         return sum(in[0], {0, 2});
       }},
      {"mean", {{31}}, [](const Tensors& in) { return mean(in[0]); }},
      {"mean axes",
       {{2, 3, 4, 5}},
       [](const Tensors& in) {
         return mean(in[0], {0, 1, 2});
       }},
      {"concat channels", {{2, 3, 3, 4}, {2, 3, 3, 1}, {2, 3, 3, 5}}, [](const Tensors& in) { return concat(in, -1); }},
      {"concat rows", {{2, 3}, {4, 3}}, [](const Tensors& in) { return concat(in, 0); }},
      {"concat with itself",
       {{2, 3}},
       [](const Tensors& in) {
         return concat({in[0], in[0]}, 1);
       }},
      {"slice", {{4, 6, 3}}, [](const Tensors& in) { return slice(in[0], 1, 2, 5); }},
      {"embed", {{4, 2, 3}}, [](const Tensors& in) { return embed(in[0], 1, 3, 7); }},
      {"gather",
       {{5, 3}},
       [](const Tensors& in) {
         return gather(in[0], indices(in[0], {2, 3}, {0, 14, 7, 7, 2, 1}));
       }},
      {"scatter",
       {{6}},
       [](const Tensors& in) {
         return scatter(in[0], indices(in[0], {6}, {0, 4, 4, 2, 8, 0}), {3, 3});
       }},
  };
}

Cases contractions() {
  Cases cases;
  for (const bool a : {false, true})
    for (const bool b : {false, true})
      cases.push_back({std::string("matmul ") + (a ? "T" : "N") + (b ? "T" : "N"),
                       {a ? Shape{5, 7} : Shape{7, 5}, b ? Shape{4, 5} : Shape{5, 4}},
                       [a, b](const Tensors& in) { return matmul(in[0], in[1], a, b); }});
  cases.push_back({"linear", {{3, 5}, {4, 5}, {4}}, [](const Tensors& in) { return linear(in[0], in[1], in[2]); }});
  cases.push_back({"linear without bias", {{1, 33}, {1, 33}}, [](const Tensors& in) { return linear(in[0], in[1]); }});
  struct Form {
    std::string name;
    Shape x, weight;
    Conv2d options;
  };
  const std::vector<Form> forms{
      {"3x3", {2, 5, 5, 3}, {4, 3, 3, 3}, {.stride = 1, .padding = 1}},
      {"3x3 stride 2", {2, 6, 6, 2}, {3, 3, 3, 2}, {.stride = 2, .padding = 1}},
      {"3x3 stride 2 odd", {1, 7, 5, 2}, {3, 3, 3, 2}, {.stride = 2, .padding = 1}},
      {"1x1 stride 2", {2, 6, 6, 3}, {4, 1, 1, 3}, {.stride = 2}},
      {"1x1 stride 2 odd", {2, 5, 5, 3}, {4, 1, 1, 3}, {.stride = 2}},
      {"groups", {2, 4, 4, 6}, {4, 3, 3, 3}, {.stride = 1, .padding = 1, .groups = 2}},
      {"full extent", {2, 4, 4, 3}, {5, 4, 4, 3}, {}},
      {"resnet20 stage 3", {1, 8, 8, 64}, {64, 3, 3, 64}, {.stride = 1, .padding = 1}},
  };
  for (const Form& form : forms) {
    const Conv2d o = form.options;
    const Shape x = form.x, weight = form.weight, y = conv2d_shape(x, weight, o);
    cases.push_back({"conv2d " + form.name, {x, weight}, [o](const Tensors& in) { return conv2d(in[0], in[1], o); }});
    cases.push_back({"conv2d_input_gradient " + form.name, {y, weight}, [o, x](const Tensors& in) {
                       return conv2d_input_gradient(in[0], in[1], x, o);
                     }});
    cases.push_back({"conv2d_weight_gradient " + form.name, {x, y}, [o, weight](const Tensors& in) {
                       return conv2d_weight_gradient(in[0], in[1], weight, o);
                     }});
  }
  return cases;
}

Cases pooling() {
  const Pool2d overlapping{.kernel = 3, .stride = 2, .padding = 1};
  return {
      {"max_pool2d", {{2, 4, 4, 3}}, [](const Tensors& in) { return max_pool2d(in[0], {}); }},
      {"max_pool2d overlapping", {{2, 7, 5, 2}}, [=](const Tensors& in) { return max_pool2d(in[0], overlapping); }},
      {"average_pool2d",
       {{2, 8, 8, 5}},
       [](const Tensors& in) { return average_pool2d(in[0], {.kernel = 8, .stride = 8}); }},
      {"average_pool2d overlapping",
       {{2, 7, 5, 2}},
       [=](const Tensors& in) { return average_pool2d(in[0], overlapping); }},
      {"average_pool2d_gradient",
       {{2, 4, 3, 2}},
       [=](const Tensors& in) {
         return average_pool2d_gradient(in[0], {2, 7, 5, 2}, overlapping);
       }},
  };
}

Cases normalization() {
  const Shape x{3, 2, 2, 5}, c{5};
  // A variance has to be positive: squared and shifted.
  const auto variance = [](const Tensor& v) { return v * v + 0.5; };
  return {
      {"channel_affine", {x, c, c}, [](const Tensors& in) { return channel_affine(in[0], in[1], in[2]); }},
      {"channel_affine residual relu",
       {x, c, c, x},
       [](const Tensors& in) { return channel_affine(in[0], in[1], in[2], in[3], {.relu = true}); }},
      {"batch_norm_training", {x, c, c}, [](const Tensors& in) { return batch_norm_training(in[0], in[1], in[2]).y; }},
      {"batch_norm_training rows",
       {{17, 3}, {3}, {3}},
       [](const Tensors& in) { return batch_norm_training(in[0], in[1], in[2]).y; }},
      {"batch_norm_training relu",
       {x, c, c},
       [](const Tensors& in) { return batch_norm_training(in[0], in[1], in[2], {}, {.relu = true}).y; }},
      {"batch_norm_training residual relu",
       {{3, 2, 2, 16}, {16}, {16}, {3, 2, 2, 16}},
       [](const Tensors& in) { return batch_norm_training(in[0], in[1], in[2], in[3], {.relu = true}).y; }},
      {"batch_norm_inference",
       {x, c, c, c, c},
       [=](const Tensors& in) { return batch_norm_inference(in[0], in[1], in[2], in[3], variance(in[4])); }},
      {"batch_norm_inference residual relu",
       {x, c, c, c, c, x},
       [=](const Tensors& in) {
         return batch_norm_inference(in[0], in[1], in[2], in[3], variance(in[4]), in[5], {.relu = true});
       }},
  };
}

Cases losses() {
  const Shape logits{7, 10};
  return {
      {"log_softmax", {logits}, [](const Tensors& in) { return log_softmax(in[0]); }},
      {"softmax", {{3, 33}}, [](const Tensors& in) { return softmax(in[0]); }},
      {"softmax_cross_entropy",
       {logits},
       [](const Tensors& in) { return softmax_cross_entropy(in[0], labels(in[0])); }},
      {"softmax_cross_entropy smoothed",
       {logits},
       [](const Tensors& in) { return softmax_cross_entropy(in[0], labels(in[0]), 0.1); }},
      {"softmax_cross_entropy two classes",
       {{3, 2}},
       [](const Tensors& in) { return softmax_cross_entropy(in[0], labels(in[0])); }},
      {"softmax_squared_error",
       {logits},
       [](const Tensors& in) { return softmax_squared_error(in[0], labels(in[0])); }},
  };
}

}  // namespace

const std::vector<OperationCase>& operation_table() {
  static const Cases table = [] {
    Cases all;
    for (const Cases& part : {elementwise(), shapes(), contractions(), pooling(), normalization(), losses()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

}  // namespace basin
