// Some of a network's parameters as one vector: what Lanczos, sharpness and curves move in.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "landscape/direction.h"
#include "models/state.h"

namespace basin {

// Which parameters move: "all"; "matrices", those of two dimensions or more (the paper's Hessian); or a list of name
// prefixes, "layer1,linear", each ending at a dot or at the name's end. Batch-norm statistics never do.
struct ParameterSubset {
  std::string text = "all";
};

// The place of each moving parameter in a flat vector of `size()` elements, in the state's order. A point is such a
// vector, shape (size()), on some back end, f32 or f64.
class ParameterSpace {
 public:
  // Error, naming `what` and the nearest name, if a prefix fits no parameter, or if nothing moves.
  ParameterSpace(const State& state, const ParameterSubset& subset, std::string_view what = "--parameters");

  std::int64_t size() const { return size_; }
  const std::string& text() const { return text_; }

  // The state's own values.
  Tensor flatten(const State& state, DType type, Backend& backend) const;
  // Of tensors that correspond to the entries of a state, undefined ones being zero: a Direction's.
  Tensor flatten(const std::vector<Tensor>& tensors, DType type, Backend& backend) const;
  // Joins tensors of the moving parameters, in order, as views() gives them.
  Tensor join(const Tensors& parts) const;
  // The moving parameters inside a vector: they share its storage.
  Tensors views(const Tensor& vector) const;
  // The state with views of the vector in the place of the moving parameters; the others, cast to its type and moved to
  // its back end where needed, as they are in `state`.
  State at(const State& state, const Tensor& vector) const;
  // The values of the moving parameters, in order.
  Tensors parameters(const State& state) const;
  // The vector as a direction from `state`: its type and back end; what does not move is undefined.
  Direction direction(const State& state, const Tensor& vector) const;

 private:
  struct Part {
    std::size_t entry;
    std::int64_t begin;
    Shape shape;
  };
  std::string text_;
  std::size_t entries_ = 0;
  std::vector<Part> parts_;
  std::int64_t size_ = 0;
};

// ---- vectors (n) of f32 or f64, on any back end; sums in the order of the back end's reductions
double inner_product(const Tensor& a, const Tensor& b);
double length(const Tensor& a);
Tensor scaled(const Tensor& a, double factor);
Tensor sum_of(const Tensor& a, double factor, const Tensor& b);  // a + factor * b

}  // namespace basin
