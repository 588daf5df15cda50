#include "data/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "data/synthetic_shapes.h"

namespace basin {
namespace {

constexpr std::int64_t kExtent = 32, kPixels = kExtent * kExtent;
constexpr std::int64_t kMostImages = 10'000'000;
using Colour = std::array<double, 3>;  // 0 to 255

// The random numbers of one image, one after the other.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t stream) : random_(seed, stream) {}
  double between(double low, double high) { return low + (high - low) * random_.uniform(next_++); }
  bool chance(double probability) { return random_.uniform(next_++) < probability; }
  std::uint64_t bits() { return random_.bits(next_++); }

 private:
  Random random_;
  std::uint64_t next_ = 0;
};

// Values on a lattice with cells of 8 pixels, joined smoothly: a soft texture in [-1, 1].
class Texture {
 public:
  explicit Texture(Draws& draws) {
    for (auto& row : lattice_)
      for (double& value : row) value = draws.between(-1, 1);
  }
  double at(std::int64_t x, std::int64_t y) const {
    const double u = ease(x), v = ease(y);
    const auto& above = lattice_[y / kCell];
    const auto& below = lattice_[y / kCell + 1];
    const std::int64_t i = x / kCell;
    return (1 - v) * ((1 - u) * above[i] + u * above[i + 1]) + v * ((1 - u) * below[i] + u * below[i + 1]);
  }

 private:
  static constexpr std::int64_t kCell = 8, kNodes = kExtent / kCell + 1;
  static double ease(std::int64_t x) {
    const double t = (static_cast<double>(x % kCell) + 0.5) / kCell;
    return t * t * (3 - 2 * t);
  }
  std::array<std::array<double, kNodes>, kNodes> lattice_;
};

// A point of the unit circle, uniform, without sine and cosine: a point of the disc, drawn by rejection, scaled.
std::array<double, 2> direction(Draws& draws) {
  for (;;) {
    const double x = draws.between(-1, 1), y = draws.between(-1, 1), square = x * x + y * y;
    if (!(square <= 1 && square >= 0.01)) continue;
    const double length = std::sqrt(square);
    return {x / length, y / length};
  }
}

// Where the form lies: pixel to form coordinates.
struct Pose {
  double x, y, size;               // centre and radius in pixels
  std::array<double, 2> rotation;  // cosine and sine
  explicit Pose(Draws& draws)
      : x(16 + draws.between(-4, 4)),
        y(16 + draws.between(-4, 4)),
        size(draws.between(9.5, 13)),
        rotation(direction(draws)) {}
  // Share of the pixel that the form covers.
  double coverage(std::size_t shape, std::int64_t column, std::int64_t row) const {
    const double dx = (static_cast<double>(column) + 0.5 - x) / size, dy = (static_cast<double>(row) + 0.5 - y) / size;
    const double u = rotation[0] * dx + rotation[1] * dy, v = rotation[0] * dy - rotation[1] * dx;
    return std::clamp(0.5 - shape_distance(shape, u, v) * size, 0.0, 1.0);
  }
};

Colour colour(Draws& draws, double brightness) {
  Colour result;
  for (double& channel : result) channel = brightness + draws.between(-45, 45);
  return result;
}

// A colour with a soft texture on it.
struct Paint {
  Colour base, amplitude;
  Texture texture;
  Paint(Draws& draws, double brightness, double strength)
      : base(colour(draws, brightness)), amplitude{}, texture(draws) {
    for (double& channel : amplitude) channel = strength * draws.between(0.3, 1);
  }
  Colour at(std::int64_t x, std::int64_t y) const {
    const double value = texture.at(x, y);
    return {base[0] + amplitude[0] * value, base[1] + amplitude[1] * value, base[2] + amplitude[2] * value};
  }
};

// A rectangle of one colour that covers part of the image.
struct Patch {
  double left, top, width, height;
  Colour paint;
  explicit Patch(Draws& draws)
      : left(draws.between(0, 26)),
        top(draws.between(0, 26)),
        width(draws.between(3, 7)),
        height(draws.between(3, 7)),
        paint(colour(draws, draws.between(60, 190))) {}
  bool covers(std::int64_t x, std::int64_t y) const {
    const double dx = static_cast<double>(x) - left, dy = static_cast<double>(y) - top;
    return dx >= 0 && dx < width && dy >= 0 && dy < height;
  }
};

// Sums of four random bytes, near normal with mean 0 and deviation 1; two a word.
std::array<double, 2> noise_pair(std::uint64_t word) {
  constexpr double kMean = 4 * 127.5, kDeviation = 147.80054;  // sqrt(4 (256^2 - 1) / 12)
  std::array<double, 2> values{};
  for (double& value : values) {
    int sum = 0;
    for (int i = 0; i < 4; ++i, word >>= 8) sum += static_cast<int>(word & 255);
    value = (sum - kMean) / kDeviation;
  }
  return values;
}

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

// The image without noise, (H, W, C).
using Canvas = std::array<double, 3 * kPixels>;

void draw(std::size_t shape, Draws& draws, Canvas& canvas) {
  const Pose pose(draws);
  const double middle = draws.between(95, 150), contrast = draws.between(35, 75);
  const Paint form(draws, middle + contrast, 25), ground(draws, middle - contrast, 45);
  const Patch patch(draws);
  const bool covered = draws.chance(0.5);
  double* pixel = canvas.data();
  for (std::int64_t y = 0; y < kExtent; ++y)
    for (std::int64_t x = 0; x < kExtent; ++x, pixel += 3) {
      const double share = pose.coverage(shape, x, y);
      const Colour front = form.at(x, y), back = ground.at(x, y);
      for (std::size_t c = 0; c < 3; ++c)
        pixel[c] = covered && patch.covers(x, y) ? patch.paint[c] : back[c] + share * (front[c] - back[c]);
    }
}

void render(std::size_t shape, Draws draws, std::uint8_t* image) {
  Canvas canvas;
  draw(shape, draws, canvas);
  const double deviation = draws.between(4, 12);
  for (std::size_t i = 0; i < canvas.size(); i += 2) {
    const auto noise = noise_pair(draws.bits());
    image[i] = to_byte(canvas[i] + deviation * noise[0]);
    image[i + 1] = to_byte(canvas[i + 1] + deviation * noise[1]);
  }
}

Images make_split(std::uint64_t seed, const char* stream, std::int64_t count) {
  check(count >= 1 && count <= kMostImages, "synthetic set: expected 1 to ", kMostImages,
        " images of each split, found ", count);
  Images images{.count = count, .pixels = {}, .labels = {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_size()));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::size_t shape = static_cast<std::size_t>(i) % kShapeNames.size();
    render(shape, Draws(seed, random_stream(stream, static_cast<std::uint64_t>(i))),
           images.pixels.data() + i * images.image_size());
    images.labels.push_back(static_cast<std::int32_t>(shape));
  }
  return images;
}

}  // namespace

Dataset make_synthetic(std::uint64_t seed, std::int64_t train_count, std::int64_t test_count) {
  return {.name = "synthetic",
          .class_names = {kShapeNames.begin(), kShapeNames.end()},
          .train = make_split(seed, "synthetic train", train_count),
          .test = make_split(seed, "synthetic test", test_count)};
}

}  // namespace basin
