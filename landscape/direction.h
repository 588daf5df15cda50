// Directions in parameter space, normalised as the reference tool names it (its net_plotter.py; Li et al. 2018,
// section 4). A "filter" is one slice of a tensor along its first dimension: a convolution's output filter, a linear
// layer's row.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/state.h"

namespace basin {

enum class Norm : std::uint8_t {
  filter,   // d * |w| / (|d| + 1e-10), filter by filter
  layer,    // d * |w| / |d|, tensor by tensor
  weight,   // d * w, element by element
  dfilter,  // d / (|d| + 1e-10), filter by filter
  dlayer,   // d / |d|, tensor by tensor
  none,     // d
};
enum class Ignore : std::uint8_t { none, biasbn };            // biasbn: tensors of one dimension do not move
enum class DirectionKind : std::uint8_t { weights, states };  // parameters alone, or batch-norm statistics too

// Names as on the command line; the second form throws Error with the nearest name, calling the value `what`.
std::string_view name_of(Norm norm);
std::string_view name_of(Ignore ignore);
std::string_view name_of(DirectionKind kind);
Norm parse_norm(std::string_view name, std::string_view what);
Ignore parse_ignore(std::string_view name, std::string_view what);
DirectionKind parse_direction_kind(std::string_view name, std::string_view what);

struct DirectionOptions {
  DirectionKind kind = DirectionKind::weights;
  Norm norm = Norm::filter;
  Ignore ignore = Ignore::biasbn;
};

// One tensor per entry of the state, in the state's order, layout and dtype (f32 or f64); undefined where the entry
// does not move. The count of batches that PyTorch keeps beside the statistics never moves.
struct Direction {
  DirectionKind kind = DirectionKind::weights;
  std::vector<Tensor> tensors;
};

// Standard normal entries from Random(seed, random_stream("direction " + entry name, index)), then normalised in double
// and rounded once; two networks that share a tensor name share its raw direction. Tensors of one dimension follow
// Ignore: they stay, or d = w as the reference tool has it. Error if a tensor that the norm reads is not finite.
Direction random_direction(const State& center, const DirectionOptions& options, std::uint64_t seed,
                           std::uint64_t index);

// to - from, matched by name; `norm` is applied as for random directions with w of `from` (Norm::none: the plain
// difference), tensors of one dimension are the plain difference or, with Ignore::biasbn, stay. Error if a name or
// shape differs.
Direction difference_direction(const State& from, const State& to, const DirectionOptions& options);

// The same direction, which does not move batch norm's running statistics.
Direction without_statistics(const Direction& direction, const State& center);
// Does it move any of them?
bool moves_statistics(const Direction& direction, const State& center);

// Over all tensors as one vector, in double; NaN where a direction is zero.
double cosine(const Direction& a, const Direction& b);
double norm(const Direction& direction);

}  // namespace basin
