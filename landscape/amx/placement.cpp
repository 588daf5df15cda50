#include "landscape/amx/placement.h"

#include <algorithm>
#include <numeric>

namespace basin::amx {
namespace {

constexpr std::int64_t kTile = 16;  // positions

// Multiply-adds on tiles in the time in which a plain stage reads or writes one value, changes of layout included: a
// few nanoseconds' worth. It keeps DenseNets away, whose batch norms and concatenations outweigh their convolutions.
constexpr double kValueCost = 30;

// Weight (K, R, S, C) of a stage.
const Shape& weight_shape(const State& state, const Stage& stage) {
  return state.entries()[static_cast<std::size_t>(stage.weight)].value.shape();
}

bool is_square_convolution(const Shape& weight, const Stage& stage, std::int64_t kernel) {
  return weight[1] == kernel && weight[2] == kernel && stage.conv.padding == kernel / 2 && stage.conv.groups == 1;
}

// Images to interleave so that positions in a row of `width` outputs fill tiles.
std::int64_t interleaved(std::int64_t width) { return kTile / std::gcd(kTile, width); }

class Placer {
 public:
  Placer(const Plan& plan, const State& state, std::int64_t parts) : plan_(plan), state_(state), parts_(parts) {}
  Placement place();

 private:
  const Shape& shape(int buffer) const { return plan_.buffers[static_cast<std::size_t>(buffer)]; }
  std::int64_t output_width(const Stage& stage) const { return shape(stage.output)[1]; }
  Kernel kernel_of(const Stage& stage) const;
  bool agree(const Stage& a, const Stage& b) const;
  void settle_images();
  void settle_readers(int buffer);
  Layout layout_of(int buffer) const;
  bool needs_layout(int buffer) const;
  bool narrow(int buffer) const;
  void narrow_all();

  const Plan& plan_;
  const State& state_;
  std::int64_t parts_;
  Placement placement_;
};

Kernel Placer::kernel_of(const Stage& stage) const {
  if (stage.kind == Stage::Kind::linear) return Kernel::plain;
  const Shape& x = shape(stage.inputs[0]);
  if (x.size() != 3) return Kernel::plain;
  const bool even = x[0] % 2 == 0 && x[1] % 2 == 0;
  const Pool2d& pool = stage.pool;
  switch (stage.kind) {
    case Stage::Kind::convolution: {
      const Shape& weight = weight_shape(state_, stage);
      const bool three = is_square_convolution(weight, stage, 3);
      if (stage.inputs[0] == 0) {
        const bool fits = x[0] % 4 == 0 && x[1] % kTile == 0 && weight[3] <= 4;
        return three && stage.conv.stride == 1 && stage.residual < 0 && fits ? Kernel::stem : Kernel::plain;
      }
      if (!three && !is_square_convolution(weight, stage, 1)) return Kernel::plain;
      return stage.conv.stride == 1 || (stage.conv.stride == 2 && even) ? Kernel::tiles : Kernel::plain;
    }
    case Stage::Kind::max_pool:
      return pool.kernel == 2 && pool.stride == 2 && pool.padding == 0 && even && stage.inputs[0] != 0
                 ? Kernel::max_pool
                 : Kernel::plain;
    case Stage::Kind::average_pool:
      return pool.kernel == x[0] && pool.kernel == x[1] && pool.padding == 0 && stage.inputs[0] != 0
                 ? Kernel::average_pool
                 : Kernel::plain;
    default:
      return Kernel::plain;
  }
}

// Whether two convolutions can read one layout.
bool Placer::agree(const Stage& a, const Stage& b) const {
  const std::int64_t images = interleaved(output_width(a));
  return images == interleaved(output_width(b)) && (images == 1 || a.conv.stride == b.conv.stride);
}

// Convolutions that need another layout of their input than the costliest one run plain.
void Placer::settle_readers(int buffer) {
  const Stage* first = nullptr;
  const auto cost = [&](const Stage& stage) {
    return weight_shape(state_, stage).count() * shape(stage.output)[0] * output_width(stage);
  };
  const auto reads = [&](std::size_t s) {
    return placement_.kernels[s] == Kernel::tiles && plan_.stages[s].inputs[0] == buffer;
  };
  for (std::size_t s = 0; s < plan_.stages.size(); ++s)
    if (reads(s) && (first == nullptr || cost(plan_.stages[s]) > cost(*first))) first = &plan_.stages[s];
  for (std::size_t s = 0; s < plan_.stages.size(); ++s)
    if (reads(s) && !agree(*first, plan_.stages[s])) placement_.kernels[s] = Kernel::plain;
}

// The images come in one form: that of the stem only if nothing else reads them.
void Placer::settle_images() {
  bool plain = false;
  for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
    const Stage& stage = plan_.stages[s];
    const bool reads = std::find(stage.inputs.begin(), stage.inputs.end(), 0) != stage.inputs.end();
    plain = plain || stage.residual == 0 || (reads && placement_.kernels[s] != Kernel::stem);
  }
  for (std::size_t s = 0; plain && s < plan_.stages.size(); ++s)
    if (placement_.kernels[s] == Kernel::stem) placement_.kernels[s] = Kernel::plain;
}

bool Placer::needs_layout(int buffer) const {
  for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
    const Stage& stage = plan_.stages[s];
    const bool reads = stage.inputs[0] == buffer, writes = stage.output == buffer;
    switch (placement_.kernels[s]) {
      case Kernel::stem:
        if (writes) return true;
        break;
      case Kernel::tiles:
        if (reads || writes || stage.residual == buffer) return true;
        break;
      case Kernel::max_pool:
        if (reads || writes) return true;
        break;
      case Kernel::average_pool:
        if (reads) return true;
        break;
      case Kernel::plain:
        break;
    }
  }
  return false;
}

Layout Placer::layout_of(int buffer) const {
  const Shape& x = shape(buffer);
  Layout layout{.height = x[0], .width = x[1], .channels = x[2], .images = interleaved(x[1]), .parts = parts_};
  for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
    const Stage& stage = plan_.stages[s];
    if (placement_.kernels[s] != Kernel::tiles || stage.inputs[0] != buffer) continue;
    layout.images = interleaved(output_width(stage));
    layout.split = stage.conv.stride == 2 && layout.images > 1;
  }
  if (layout.channels != kTile || layout.images > 1 || layout.height % 4 != 0)
    layout.channels = (layout.channels + 31) / 32 * 32;
  return layout;
}

bool Placer::narrow(int buffer) const {
  const auto& layout = placement_.layouts[static_cast<std::size_t>(buffer)];
  return layout && layout->channels == kTile;
}

// Sixteen channels stay sixteen only between the kernels made for them: the stem and 3x3 of stride 1; elsewhere they
// are padded to 32.
void Placer::narrow_all() {
  for (bool changed = true; changed;) {
    changed = false;
    const auto widen = [&](int buffer) {
      if (buffer < 0 || !narrow(buffer)) return;
      placement_.layouts[static_cast<std::size_t>(buffer)]->channels = 32;
      changed = true;
    };
    for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
      const Stage& stage = plan_.stages[s];
      const Kernel kernel = placement_.kernels[s];
      if (kernel == Kernel::max_pool) {
        widen(stage.inputs[0]);
        widen(stage.output);
      }
      if (kernel != Kernel::tiles) continue;
      const bool three = weight_shape(state_, stage)[1] == 3 && stage.conv.stride == 1;
      if (!three || !narrow(stage.inputs[0]) || (stage.residual >= 0 && !narrow(stage.residual))) widen(stage.output);
      if (!narrow(stage.output)) widen(stage.residual);
    }
  }
}

Placement Placer::place() {
  for (const Stage& stage : plan_.stages) placement_.kernels.push_back(kernel_of(stage));
  settle_images();
  const auto buffers = static_cast<int>(plan_.buffers.size());
  for (int b = 0; b < buffers; ++b) settle_readers(b);
  for (int b = 0; b < buffers; ++b)
    placement_.layouts.push_back(needs_layout(b) ? std::optional(layout_of(b)) : std::nullopt);
  narrow_all();
  for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
    const auto& input = placement_.layouts[static_cast<std::size_t>(plan_.stages[s].inputs[0])];
    const bool pools = placement_.kernels[s] == Kernel::max_pool || placement_.kernels[s] == Kernel::average_pool;
    if (pools && input->split) placement_.kernels[s] = Kernel::plain;
  }
  return placement_;
}

}  // namespace

Placement place(const Plan& plan, const State& state, std::int64_t parts) { return Placer(plan, state, parts).place(); }

double share_on_tiles(const Plan& plan, const State& state) {
  const Placement placement = place(plan, state, 1);
  const auto count = [&](int buffer) {
    return static_cast<double>(plan.buffers[static_cast<std::size_t>(buffer)].count());
  };
  double on_tiles = 0, all = 0;
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    const bool plain = placement.kernels[s] == Kernel::plain;
    if (plain) {
      all += kValueCost * count(stage.output);
      for (const int input : stage.inputs) all += kValueCost * count(input);
    }
    if (stage.kind != Stage::Kind::convolution && stage.kind != Stage::Kind::linear) continue;
    const Shape& y = plan.buffers[static_cast<std::size_t>(stage.output)];
    const double cost =
        static_cast<double>(weight_shape(state, stage).count()) * static_cast<double>(y.size() == 3 ? y[0] * y[1] : 1);
    all += cost;
    if (!plain) on_tiles += cost;
  }
  return all > 0 ? on_tiles / all : 0;
}

}  // namespace basin::amx
