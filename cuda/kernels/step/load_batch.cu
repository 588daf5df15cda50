#include "cuda/kernels/step/load_batch.h"

#include <string_view>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/philox.cuh"
#include "cuda/kernels/step/step_counters.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kMaxChannels = 4, kPixelLevels = 256, kDraws = 3;

// Elements of a thread at a time: 16 bytes.
template <class T>
constexpr int kWidth = 16 / static_cast<int>(sizeof(T));

struct BatchSource {
  Global<const std::uint8_t> images;  // (N, height, width, channels)
  Global<const std::int32_t> labels;  // (N)
  Global<const std::int32_t> order;   // null: as they are
  Global<const float> table;          // (channels, kPixelLevels)
  int height, width, channels, padding;
  bool augment;
  std::uint64_t seed, stream_name;

  __host__ __device__ int image_size() const { return height * width * channels; }
};

// random_stream of core/random.h in two halves: the host's, of the name, and the device's, of the index.
constexpr std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}
__device__ std::uint64_t random_stream(std::uint64_t hash, std::uint64_t index) {
  hash += index * 0x9E3779B97F4A7C15;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
  return hash ^ (hash >> 31);
}

// Draw 0, 1 or 2 of an image: the crop's offsets down and to the right, 1 if it is mirrored.
__device__ int draw(const BatchSource& source, std::uint64_t epoch, std::int64_t image, int which) {
  if (!source.augment) return 0;
  const DeviceRandom random(source.seed, random_stream(source.stream_name, epoch));
  const std::uint64_t index = static_cast<std::uint64_t>(image) * kDraws + static_cast<std::uint64_t>(which);
  if (which == 2) return static_cast<int>(random.below(2, index));
  return static_cast<int>(random.below(static_cast<std::uint64_t>(2 * source.padding + 1), index)) - source.padding;
}

struct BatchShared {
  SharedArray<float, kMaxChannels * kPixelLevels> table;
  SharedArray<int, kDraws> draws;
};

// The elements of one image in their order: where each comes from.
struct Cursor {
  __device__ Cursor(const BatchSource& source, int element)
      : row(element / (source.width * source.channels)),
        column(element / source.channels % source.width),
        channel(element % source.channels) {}
  __device__ void advance(const BatchSource& source) {
    if (++channel < source.channels) return;
    channel = 0;
    if (++column < source.width) return;
    column = 0;
    ++row;
  }
  int row, column, channel;
};

struct Crop {
  int top, left;
  bool mirrored;
};

__device__ float pixel(const BatchSource& source, const Global<const std::uint8_t>& image, const Crop& crop,
                       const Cursor& at, BatchShared& shared) {
  const int row = at.row + crop.top, column = (crop.mirrored ? source.width - 1 - at.column : at.column) + crop.left;
  if (row < 0 || row >= source.height || column < 0 || column >= source.width) return 0;
  const std::uint8_t level = image[(row * source.width + column) * source.channels + at.channel];
  return shared.table[at.channel * kPixelLevels + level];
}

// x[n] (H, W, C) = table[c, image order[begin + n]], cropped at a random offset and mirrored; zero outside
//
// x (n, H, W, C), labels (n); begin and epoch are the step's. vectors: x is 16-byte aligned, and so is each image.
// Map:   a block owns an image; three threads draw its place; a thread writes kWidth neighbouring elements at a time.
// Cost:  reads each byte that is seen once, 1 KB of table a channel and image; writes x once; 30 Philox rounds an
//        image.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads) load_batch_kernel(BatchSource source, StepCounters counters, bool vectors,
                                                              Global<T> x, Global<std::int32_t> labels) {
  BatchShared& shared = shared_memory<BatchShared>();
  const int thread = static_cast<int>(threadIdx.x), size = source.image_size();
  const std::int64_t place = counters[StepCounter::begin] + blockIdx.x;
  std::int64_t image = place;
  if (source.order) image = source.order[place];
  if (thread < kDraws) {
    const auto epoch = static_cast<std::uint64_t>(counters[StepCounter::epoch]);
    shared.draws[thread] = draw(source, epoch, image, thread);
  }
  if (thread == kDraws) labels[blockIdx.x] = static_cast<std::int32_t>(source.labels[image]);
  for (int i = thread; i < source.channels * kPixelLevels; i += kThreads)
    shared.table[i] = static_cast<float>(source.table[i]);
  __syncthreads();

  const Crop crop{shared.draws[0], shared.draws[1], shared.draws[2] != 0};
  const Global<const std::uint8_t> pixels = source.images.slice(image * size, size);
  const Global<T> y = x.slice(std::int64_t{blockIdx.x} * size, size);
  constexpr int kCount = kWidth<T>;
  for (int first = thread * kCount; first < size; first += kThreads * kCount) {
    Cursor at(source, first);
    Vector<T, kCount> out{};
    for (int k = 0; k < kCount && first + k < size; ++k, at.advance(source))
      out[k] = narrow<T>(pixel(source, pixels, crop, at, shared));
    if (vectors)
      y.template store_vector<kCount>(first, out);
    else
      for (int k = 0; k < kCount && first + k < size; ++k) y[first + k] = out[k];
  }
}

BatchSource batch_source(const ImageSource& source) {
  const Shape& shape = source.images.shape;
  check(shape[3] <= kMaxChannels, "load_batch: images ", shape, " have more than ", kMaxChannels, " channels");
  check(shape[1] * shape[2] * shape[3] <= INT32_MAX / 2 && source.padding <= INT32_MAX / 4, "load_batch: images ",
        shape, " with a padding of ", source.padding, " are too large");
  const ConstView* order = source.order.data ? &source.order : nullptr;
  return {.images = global<std::uint8_t>(source.images),
          .labels = global<std::int32_t>(source.labels),
          .order = global<std::int32_t>(order),
          .table = global<float>(source.table),
          .height = static_cast<int>(shape[1]),
          .width = static_cast<int>(shape[2]),
          .channels = static_cast<int>(shape[3]),
          .padding = static_cast<int>(source.padding),
          .augment = source.augment,
          .seed = source.seed,
          .stream_name = hash_of("augmentation")};
}

}  // namespace

void load_batch(Stream stream, const ImageSource& source, const StepState& state, const View& x, const View& labels) {
  check_batch(source, x, labels);
  const BatchSource from = batch_source(source);
  dispatch_float(x.dtype, "load_batch", [&]<class T>(T) {
    const bool vectors = aligned_to_vectors(x.data) && from.image_size() % kWidth<T> == 0;
    launch(stream, {blocks_for(labels.size(), 1), kThreads, sizeof(BatchShared)}, load_batch_kernel<T>, from,
           StepCounters(state), vectors, global<T>(x), global<std::int32_t>(labels));
  });
}

}  // namespace basin::cuda
