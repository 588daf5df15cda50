// A convolution of a plan on tiles.
#pragma once
#include <vector>

#include "landscape/amx/contraction.h"
#include "landscape/amx/layout.h"
#include "landscape/amx/step.h"
#include "landscape/amx/tile_map.h"
#include "landscape/amx/weights.h"
#include "landscape/prepared_images.h"

namespace basin::amx {

struct Activation {
  const Layout* layout = nullptr;  // outlives the step
  std::byte* data = nullptr;
};

// A convolution and what it reads: an activation, or the images, which come with each run.
struct Convolution {
  const Stage* stage = nullptr;
  Activation x = {};
  Shape image = {};  // (H, W, C) where x is the images
};

class ContractionStep final : public Step {
 public:
  // `shortcut`, if it has a stage, is a 1x1 convolution to the same output that joins before the relu; otherwise there
  // may be a residual.
  ContractionStep(const Plane& plane, const Convolution& convolution, const Convolution& shortcut, Activation residual,
                  Activation output);

  void set_point(const Point& point) override;
  double bound(std::span<const double> buffers) const override;
  void run(const std::byte* images, std::int64_t count) override;

  std::int64_t span() const { return map_.span; }  // images that it computes at once

 private:
  enum class Form : std::uint8_t { wide, narrow, narrow_rows };  // contract_32, contract_16, contract_16_rows

  struct Source {
    Convolution convolution;
    Shape weight;  // (K, R, S, C)
    Offsets tiles, steps;
    std::vector<DepthSlice> slices;  // of the weights that meet what the steps read
    Folded folded;
    std::vector<float> rearranged;  // the weights of the stem, as the images lie
  };

  void add(const Plane& plane, const Convolution& convolution);
  Input read_images(Source& source) const;
  Input read_activation(Source& source) const;
  void rearrange(Source& source) const;
  void pack(const Source& source, std::int64_t first_step);

  Folder folder_;
  Form form_ = Form::wide;
  std::int64_t parts_;
  TileMap map_;
  std::vector<Source> sources_;
  std::int64_t steps_ = 0;  // of all sources
  Offsets output_tiles_, output_rows_, residual_tiles_, residual_rows_;
  std::vector<CacheLine> weights_;
  std::vector<float> shift_;
  // What the kernel is given.
  std::vector<Input> inputs_;
  Output residual_;
  Contraction contraction_;
};

}  // namespace basin::amx
