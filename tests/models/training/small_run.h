// A data set and options small enough to train in a moment, and the comparison of what runs leave behind.
#pragma once
#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "core/random.h"
#include "models/training/trainer.h"
#include "tests/temporary_folder.h"

namespace basin {

inline Images noise_images(std::int64_t count, std::uint64_t stream, std::int64_t extent = 32) {
  Images images{.count = count, .height = extent, .width = extent, .channels = 3, .pixels = {}, .labels = {}};
  const Random random(7, stream);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(i % 3);
    images.labels.push_back(label);
    for (std::int64_t k = 0; k < images.image_size(); ++k) {
      const auto index = static_cast<std::uint64_t>(i * images.image_size() + k);
      images.pixels.push_back(static_cast<std::uint8_t>(60 * label + static_cast<int>(random.below(100, index))));
    }
  }
  return images;
}

// 22 training images in batches of 8: the third batch is the smaller one.
inline Dataset small_dataset(std::int64_t extent = 32) {
  Dataset dataset;
  dataset.name = "small";
  dataset.class_names = {"dark", "grey", "light"};
  dataset.train = noise_images(22, 0, extent);
  dataset.test = noise_images(9, 1, extent);
  return dataset;
}

inline TrainingOptions small_options(const std::filesystem::path& out) {
  TrainingOptions options;
  options.model = "resnet8";
  options.epochs = 2;
  options.batch = 8;
  options.save_every = 1;
  options.seed = 3;
  options.out = out;
  return options;
}

// Stops the run once `steps` steps are done in this process.
inline TrainingObserver stop_after(int steps) {
  const auto done = std::make_shared<int>(0);
  TrainingObserver observer;
  observer.step = [done](const StepReport&) { ++*done; };
  observer.stop = [done, steps] { return *done >= steps; };
  return observer;
}

inline void expect_equal_checkpoints(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::size_t compared = 0;
  for (const auto& file : std::filesystem::directory_iterator(a / "checkpoints")) {
    const auto other = b / "checkpoints" / file.path().filename();
    ASSERT_TRUE(std::filesystem::exists(other)) << other;
    EXPECT_TRUE(read_file(file.path()) == read_file(other)) << file.path().filename() << " differs";
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(b / "checkpoints"),
                                                             std::filesystem::directory_iterator())));
  EXPECT_GE(compared, 4u);
}

}  // namespace basin
