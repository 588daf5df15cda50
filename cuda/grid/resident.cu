#include "cuda/grid/resident.h"

#include <cmath>

#include "cuda/grid/dispatch_half.cuh"
#include "cuda/grid/resident_network.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kFragmentThreads = 128;

// fragments[n, tile, k, lane, i] = the value of image n that the stem's filters see at tap column(k, lane, i) of pixel
// row(lane, i) of the tile; 0 outside of the image and from column 27 on
//
// images (N, 32, 32, 3); fragments (N, 64, 2, 32, 8): two tiles a row of pixels.
// Map:   a thread owns the 16 bytes of a lane.
// Cost:  27 floats read a pixel (cached: 12 bytes), 64 bytes written.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kFragmentThreads)
    image_fragments_kernel(Global<const float> images, std::int64_t count, Global<T> fragments) {
  const std::int64_t thread = std::int64_t{blockIdx.x} * kFragmentThreads + threadIdx.x;
  if (thread >= count) return;
  const int part = static_cast<int>(thread % 4096), lane = part % 32, k = part / 32 % 2, tile = part / 64;
  const std::int64_t image = thread / 4096;
  Vector<T, 8> values;
  for (int i = 0; i < 8; ++i) {
    const int column = 16 * k + lane % 4 * 2 + i / 4 * 8 + i % 2, row = lane / 4 + i / 2 % 2 * 8;
    const int y = tile / 2 + column / 9 - 1, x = tile % 2 * 16 + row + column / 3 % 3 - 1;
    float value = 0;
    if (column < 27 && y >= 0 && y < 32 && x >= 0 && x < 32)
      value = images[((image * 32 + y) * 32 + x) * 3 + column % 3];
    values[i] = narrow<T>(value);
  }
  fragments.template store_vector<8>(8 * thread, values);
}

// loss[k, i] and outcome[k, i] of image i at point k by all layers of the network (He et al. 2016, section 4.2)
//
// Operands as resident_losses says.
// Map:   4 warps own an image at a point, a block `images` of them, the grid strides over (point, image), points
//        outermost: blocks that run together read the same weights. A warp owns 16 channels of 64 or 128 pixels of a
//        layer. Activations stay in shared memory; weights go to registers, once an image.
// Cost:  resident_mma() an image; reads its 64 KB and the blob, writes 5 bytes.
// Order: within a sum over taps and channels that of the loops, then the tensor core's; the same for every image,
//        point, grid and number of images a block.
//
// Registers 168 of 168, as three images a multiprocessor allow; of them some are spilled (cuda/grid/resources.csv).
// Shared memory 76,016 bytes for one image, 228,048 for three.
template <class T, int images, bool shortcut>
__global__ void __launch_bounds__(images* kImageThreads, images == 1 ? 3 : 1) resident_kernel(ResidentOperands in) {
  ResidentImage<T, images> image(in, shared_memory<ResidentShared<images>>());
  BASIN_KEEP_LOOP
  for (int item = blockIdx.x * images + image.slot(); item < in.points * in.images; item += gridDim.x * images) {
    image.start(item);
    image.template identity_blocks<Stage1, shortcut>(in.blocks, kA1, kB1);
    image.template narrowing_block<Stage1, Stage2, shortcut>(kA1, kA2, kB2);
    image.template identity_blocks<Stage2, shortcut>(in.blocks - 1, kA2, kB2);
    image.template narrowing_block<Stage2, Stage3, shortcut>(kA2, kA3, kB3);
    image.template identity_blocks<Stage3, shortcut>(in.blocks - 1, kA3, kB3);
    image.pool(kA3);
    image.finish_item(item);
  }
}

template <class T, int images>
void launch_resident(Stream stream, int blocks, bool shortcut, const ResidentOperands& in) {
  const LaunchShape shape(static_cast<unsigned>(blocks), images * kImageThreads, sizeof(ResidentShared<images>));
  launch(stream, shape, shortcut ? resident_kernel<T, images, true> : resident_kernel<T, images, false>, in);
}

}  // namespace

std::size_t resident_shared_bytes(int images) {
  check(images == 1 || images == 3, "resident engine: blocks of ", images, " images, 1 or 3 are possible");
  return images == 1 ? sizeof(ResidentShared<1>) : sizeof(ResidentShared<3>);
}

ResidentConfig resident_config(const DeviceInfo& device) {
  check(device.major >= 8, "resident engine: ", device.name, " has compute capability ", device.major, ".",
        device.minor, ", 8.0 is needed");
  const bool large = device.major == 9 || device.major == 10;                         // 227 KB a block
  const bool medium = device.major == 8 && (device.minor == 0 || device.minor == 7);  // 163 KB: two blocks
  return {large ? 3 : 1, device.multiprocessors * (medium ? 2 : 1)};
}

void image_fragments(Stream stream, const ConstView& images, const View& fragments) {
  check(images.shape.size() == 4 && images.shape == Shape({images.shape[0], 32, 32, 3}) &&
            fragments.shape == Shape({images.shape[0], 2 * kImageFragmentWords}),
        "image_fragments: images ", images.shape, " do not fit ", fragments.shape);
  const std::int64_t count = fragments.size() / 8;
  dispatch_half(fragments.dtype, "image_fragments", [&]<class T>(T) {
    launch(stream, {blocks_for(count, kFragmentThreads), kFragmentThreads}, image_fragments_kernel<T>,
           global<float>(images), count, global<T>(fragments));
  });
}

void resident_losses(Stream stream, const ResidentConfig& config, const ResidentLayout& layout, const ConstView& blobs,
                     const ConstView& fragments, const ConstView& labels, Objective objective, const View& loss,
                     const View& outcome, const View* logits) {
  const std::int64_t images = labels.size(), classes = layout.net.classes, words = layout.words();
  const std::int64_t points = images > 0 ? loss.size() / images : 0;
  check(blobs.shape == Shape({points, words}) && blobs.dtype == DType::i32, "resident: weights ", blobs.shape, " of ",
        blobs.dtype, ", expected ", Shape({points, words}), " of ", DType::i32);
  check(fragments.shape == Shape({images, 2 * kImageFragmentWords}), "resident: fragments ", fragments.shape, " of ",
        images, " images");
  check(loss.shape == Shape({points, images}) && outcome.shape == loss.shape, "resident: losses ", loss.shape,
        " and outcomes ", outcome.shape, " of ", points, " points and ", images, " images");
  check(!logits || logits->shape == Shape({points, images, classes}), "resident: logits of another shape");
  constexpr std::int64_t kMost = 1 << 30;
  check(points * images <= kMost, "resident: ", points, " points of ", images, " images, at most ", kMost, " losses");
  check(config.blocks >= 1 && config.blocks <= 1 << 20, "resident: ", config.blocks, " blocks");
  resident_shared_bytes(config.images);
  if (points == 0) return;
  const ResidentOperands in{
      .blobs = {blobs.as<std::uint32_t>(), points * words},
      .fragments = {fragments.as<std::uint32_t>(), images * kImageFragmentWords},
      .labels = global<std::int32_t>(labels),
      .words = static_cast<int>(words),
      .classifier_word = static_cast<int>(layout.classifier_word()),
      .shift_word = static_cast<int>(layout.shift_word()),
      .points = static_cast<int>(points),
      .images = static_cast<int>(images),
      .blocks = static_cast<int>(layout.net.blocks),
      .classes = static_cast<int>(classes),
      .squared_error = objective == Objective::squared_error,
      .loss = global<float>(loss),
      .logits = global<float>(logits),
      .outcome = global<std::uint8_t>(outcome),
  };
  dispatch_half(fragments.dtype, "resident", [&]<class T>(T) {
    if (config.images == 3)
      launch_resident<T, 3>(stream, config.blocks, layout.net.shortcut, in);
    else
      launch_resident<T, 1>(stream, config.blocks, layout.net.shortcut, in);
  });
}

std::int64_t resident_mma(const ResidentNet& net) {
  constexpr std::int64_t kOperation = 16 * 8 * 16;
  const auto convolution = [](std::int64_t inputs, std::int64_t outputs, std::int64_t extent, std::int64_t taps) {
    return inputs * outputs * taps * extent * extent / kOperation;
  };
  std::int64_t count = convolution(32, 16, 32, 1);  // the stem, 27 values padded to 32
  const std::int64_t layers = 2 * net.blocks;
  count +=
      layers * convolution(16, 16, 32, 9) + (layers - 1) * (convolution(32, 32, 16, 9) + convolution(64, 64, 8, 9));
  count += convolution(16, 32, 16, 9) + convolution(32, 64, 8, 9);
  if (net.shortcut) count += convolution(16, 32, 16, 1) + convolution(32, 64, 8, 1);
  return count;
}

}  // namespace basin::cuda
