#include "landscape/amx/contraction_step.h"

#include <algorithm>

#include "landscape/amx/convert.h"
#include "landscape/amx/tiles.h"

namespace basin::amx {
namespace {

constexpr std::int64_t kPixel = 4;  // values: the channels of an image and zeros

bool reads_images(const Convolution& convolution) { return convolution.x.layout == nullptr; }

std::int64_t kernel_of(const Shape& weight) { return weight[1]; }

Output target(const Activation& activation, const TileMap& map, const Offsets& tiles, const Offsets& rows) {
  const Layout& layout = *activation.layout;
  return {.base = activation.data,
          .low = layout.part(),
          .group = map.span / layout.images * layout.group(),
          .tiles = tiles.data(),
          .rows = rows.data()};
}

}  // namespace

ContractionStep::ContractionStep(const Plane& plane, const Convolution& convolution, const Convolution& shortcut,
                                 Activation residual, Activation output)
    : folder_(plane), parts_(output.layout->parts) {
  const Layout& y = *output.layout;
  if (y.channels == kNarrow) form_ = reads_images(convolution) ? Form::narrow : Form::narrow_rows;
  const std::int64_t residual_images = residual.layout != nullptr ? residual.layout->images : 1;
  map_ = map_tiles(y.height, y.width, reads_images(convolution) ? 1 : convolution.x.layout->images,
                   std::max(y.images, residual_images), form_ == Form::wide ? 2 : 4);

  sources_.reserve(2);  // inputs_ points into them
  add(plane, convolution);
  if (shortcut.stage != nullptr) add(plane, shortcut);
  output_tiles_ = output_tiles(map_, y);
  output_rows_ = output_rows(map_, y);
  if (residual.layout != nullptr) {
    residual_tiles_ = output_tiles(map_, *residual.layout);
    residual_rows_ = output_rows(map_, *residual.layout);
    residual_ = target(residual, map_, residual_tiles_, residual_rows_);
    contraction_.residual = &residual_;
  }
  const std::int64_t stored = reads_images(convolution) ? 1 : parts_;
  weights_.resize(static_cast<std::size_t>(y.channels / kTileColumns * steps_ * stored * kTileRows));
  shift_.resize(static_cast<std::size_t>(y.channels));

  contraction_.inputs = inputs_;
  contraction_.weights = weights_.front().bytes;
  contraction_.shift = shift_.data();
  contraction_.output = target(output, map_, output_tiles_, output_rows_);
  contraction_.relu = convolution.stage->relu;
  contraction_.tiles = static_cast<std::int64_t>(map_.tiles.size());
  contraction_.channels = y.channels;
}

void ContractionStep::add(const Plane& plane, const Convolution& convolution) {
  const auto weight = static_cast<std::size_t>(convolution.stage->weight);
  Source& source = sources_.emplace_back();
  source.convolution = convolution;
  source.weight = plane.center->entries()[weight].value.shape();
  inputs_.push_back(reads_images(convolution) ? read_images(source) : read_activation(source));
  inputs_.back().tiles = source.tiles.data();
  inputs_.back().steps = source.steps;
  steps_ += static_cast<std::int64_t>(source.slices.size());
}

// A row of a tile is four or eight pixels, of which a kernel row meets three. With two parts a pixel holds its rests
// too: one product multiplies both by the weights' values, a second one both by their rests.
Input ContractionStep::read_images(Source& source) const {
  const Shape& image = source.convolution.image;
  const auto line = static_cast<std::int32_t>(image_line(image[1], parts_));
  const std::int64_t bytes = image_bytes(image[0], image[1], parts_), pixel = 2 * kPixel * parts_;
  for (const TileCorner& tile : map_.tiles)
    source.tiles.push_back(static_cast<std::int32_t>(tile.image * bytes + tile.y * line + tile.x * pixel));
  for (std::int32_t row = 0; row < 3; ++row)
    for (std::int64_t part = 0; part < parts_; ++part) {
      source.steps.push_back(row * line);
      source.slices.push_back({static_cast<std::int32_t>(row * kTileDepth), static_cast<std::int32_t>(kTileDepth)});
    }
  return {.group = map_.span * bytes, .line = line, .row = pixel};
}

Input ContractionStep::read_activation(Source& source) const {
  const Layout& x = *source.convolution.x.layout;
  const std::int64_t stride = source.convolution.stage->conv.stride, kernel = kernel_of(source.weight);
  const auto step = [&](std::int64_t row, std::int64_t column) {
    return static_cast<std::int32_t>(x.at(0, row - kernel / 2, column - kernel / 2) -
                                     x.at(0, -(kernel / 2), -(kernel / 2)));
  };
  const std::int64_t channels = source.weight[3];
  const std::int64_t together = x.channels == kNarrow ? 2 : 1;  // columns of the kernel in one product
  const std::int64_t depth = kTileDepth / together;             // of each
  for (std::int64_t row = 0; row < kernel; ++row)
    for (std::int64_t column = 0; column < kernel; column += together)
      for (std::int64_t c = 0; c < channels; c += depth) {
        const std::int64_t columns = std::min(together, kernel - column);
        source.slices.push_back({static_cast<std::int32_t>((row * kernel + column) * channels + c),
                                 static_cast<std::int32_t>(columns * std::min(depth, channels - c))});
        if (form_ != Form::narrow_rows || row == 0)
          source.steps.push_back(step(row, column) + static_cast<std::int32_t>(2 * c));
      }
  source.tiles = input_tiles(map_, x, stride, kernel);
  return {.base = source.convolution.x.data,
          .low = x.part(),
          .group = map_.span / x.images * x.group(),
          .line = x.line(),
          .row = x.position() * (x.split ? 1 : stride)};
}

// w (K, 3, 3, C) -> (K, 3, 32), in the order of the images' pixels.
void ContractionStep::rearrange(Source& source) const {
  const std::int64_t filters = source.weight[0], channels = source.weight[3];
  source.rearranged.assign(static_cast<std::size_t>(filters * 3 * kTileDepth), 0.0F);
  const float* w = source.folded.weight.data();
  for (std::int64_t line = 0; line < filters * 3; ++line)
    for (std::int64_t column = 0; column < 3; ++column)
      for (std::int64_t c = 0; c < channels; ++c, ++w)
        for (std::int64_t part = 0; part < parts_; ++part)
          source.rearranged[static_cast<std::size_t>(line * kTileDepth + (column * parts_ + part) * kPixel + c)] = *w;
}

void ContractionStep::set_point(const Point& point) {
  std::fill(shift_.begin(), shift_.end(), 0.0F);
  std::int64_t first_step = 0;
  for (Source& source : sources_) {
    folder_.fold(*source.convolution.stage, point, source.folded);
    for (std::size_t k = 0; k < source.folded.shift.size(); ++k) shift_[k] += source.folded.shift[k];
    diffuse_rounding(source.folded.weight.data(), source.weight[0], source.weight[1] * source.weight[2],
                     source.weight[3], parts_ == 2 ? Parts::two : Parts::one);
    if (reads_images(source.convolution)) rearrange(source);
    pack(source, first_step);
    first_step += static_cast<std::int64_t>(source.slices.size());
  }
}

// In the order that the kernels state.
void ContractionStep::pack(const Source& source, std::int64_t first_step) {
  const bool stem = reads_images(source.convolution);
  const std::int64_t filters = source.weight[0];
  const std::int64_t filter = stem ? 3 * kTileDepth : source.weight[1] * source.weight[2] * source.weight[3];
  const float* weights = stem ? source.rearranged.data() : source.folded.weight.data();
  std::byte* tiles = weights_.front().bytes;
  const auto steps = static_cast<std::int64_t>(source.slices.size());
  const std::int64_t at_once = form_ == Form::wide ? 2 : 1, stored = stem ? 1 : parts_;
  for (std::int64_t k = 0; k < contraction_.channels; k += kTileColumns)
    for (std::int64_t s = 0; s < steps; s += stem ? parts_ : 1) {
      std::int64_t tile = 0, rest = at_once;
      if (form_ == Form::narrow_rows) {
        const std::int64_t columns = steps / 3, row = s / columns, column = s % columns;
        tile = column * stored * 3 + row;
        rest = 3;
      } else {
        const std::int64_t pair = k / kTileColumns / at_once, second = k / kTileColumns % at_once;
        tile = (pair * steps_ + first_step + s) * stored * at_once + second;
      }
      pack_tile(weights + k * filter, filters - k, filter, source.slices[static_cast<std::size_t>(s)],
                parts_ == 2 ? Parts::two : Parts::one, tiles + tile * kTileBytes, rest * kTileBytes);
    }
}

double ContractionStep::bound(std::span<const double> buffers) const {
  double bound = 0;
  for (const Source& source : sources_)
    bound += source.folded.gain * buffers[static_cast<std::size_t>(source.convolution.stage->inputs[0])] +
             source.folded.offset;
  if (contraction_.residual != nullptr)
    bound += buffers[static_cast<std::size_t>(sources_.front().convolution.stage->residual)];
  return bound;
}

void ContractionStep::run(const std::byte* images, std::int64_t count) {
  contraction_.groups = (count + map_.span - 1) / map_.span;
  const Parts parts = parts_ == 2 ? Parts::two : Parts::one;
  const bool stem = reads_images(sources_.front().convolution);
  if (stem) inputs_.front().base = images;
  switch (form_) {
    case Form::wide:
      return contract_32(contraction_, stem ? Parts::one : parts, parts);
    case Form::narrow:
      return contract_16(contraction_, parts);
    case Form::narrow_rows:
      return contract_16_rows(contraction_, parts);
  }
}

}  // namespace basin::amx
