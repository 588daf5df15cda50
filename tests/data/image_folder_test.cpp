#include "data/image_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "data/image_file.h"
#include "tests/data/png_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels constant(int pixels, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Pixels values;
  for (int i = 0; i < pixels; ++i)
    for (const std::uint8_t value : {red, green, blue}) values.push_back(value);
  return values;
}

// `count` images of one colour, whose red value is the image's number.
void write_class(const std::filesystem::path& folder, int count, std::uint8_t blue) {
  for (int i = 0; i < count; ++i)
    write_png(folder / ("image" + std::to_string(i) + ".png"), 8, 8, 3,
              constant(64, static_cast<std::uint8_t>(i), 0, blue));
}

TEST(ReadImage, AnImageOfTheRightSizeIsUntouched) {
  const TemporaryFolder folder;
  Pixels pixels;
  for (int i = 0; i < 8 * 8 * 3; ++i) pixels.push_back(static_cast<std::uint8_t>(i * 5));
  write_png(folder / "a.png", 8, 8, 3, pixels);
  EXPECT_EQ(read_image(folder / "a.png", 8), pixels);
}

TEST(ReadImage, CutsTheCentre) {
  const TemporaryFolder folder;
  Pixels wide, tall;
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 14; ++column) wide.insert(wide.end(), {static_cast<std::uint8_t>(column), 1, 2});
  for (int row = 0; row < 14; ++row)
    for (int column = 0; column < 8; ++column) tall.insert(tall.end(), {static_cast<std::uint8_t>(row), 1, 2});
  write_png(folder / "wide.png", 14, 8, 3, wide);
  write_png(folder / "tall.png", 8, 14, 3, tall);
  const Pixels from_wide = read_image(folder / "wide.png", 8), from_tall = read_image(folder / "tall.png", 8);
  for (std::size_t row = 0; row < 8; ++row)
    for (std::size_t column = 0; column < 8; ++column) {
      EXPECT_EQ(from_wide[(row * 8 + column) * 3], column + 3);
      EXPECT_EQ(from_tall[(row * 8 + column) * 3], row + 3);
    }
}

TEST(ReadImage, ScalesTheShorterSide) {
  const TemporaryFolder folder;
  // 64 x 32, left quarter and right quarter white, the square between them half red, half blue.
  Pixels pixels;
  for (int row = 0; row < 32; ++row)
    for (int column = 0; column < 64; ++column) {
      const Pixels colour = column < 16 || column >= 48 ? constant(1, 255, 255, 255)
                            : column < 32               ? constant(1, 200, 0, 0)
                                                        : constant(1, 0, 0, 200);
      pixels.insert(pixels.end(), colour.begin(), colour.end());
    }
  write_png(folder / "a.png", 64, 32, 3, pixels);
  for (const std::int64_t extent : {8, 64}) {
    const Pixels scaled = read_image(folder / "a.png", extent);
    ASSERT_EQ(scaled.size(), static_cast<std::size_t>(extent * extent * 3));
    const auto pixel = [&](std::int64_t row, std::int64_t column) {
      const auto at = scaled.begin() + (row * extent + column) * 3;
      return Pixels(at, at + 3);
    };
    EXPECT_EQ(pixel(extent / 2, 0), constant(1, 200, 0, 0));
    EXPECT_EQ(pixel(0, extent - 1), constant(1, 0, 0, 200));
  }
}

TEST(ReadImage, GreyAndTransparentImagesBecomeColour) {
  const TemporaryFolder folder;
  write_png(folder / "grey.png", 2, 2, 1, {10, 20, 30, 40});
  write_png(folder / "alpha.png", 1, 1, 4, {1, 2, 3, 0});
  EXPECT_EQ(read_image(folder / "grey.png", 2), (Pixels{10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40}));
  EXPECT_EQ(read_image(folder / "alpha.png", 1), (Pixels{1, 2, 3}));
}

TEST(ReadImage, RejectsWhatIsNoImage) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", 32, 32, 3, constant(1024, 1, 2, 3));
  const std::string whole = read_file(folder / "a.png");
  write_file(folder / "cut.png", whole.substr(0, whole.size() / 2));
  write_file(folder / "text.jpg", "not an image");
  write_file(folder / "empty.png", "");
  std::string huge = whole;  // the header's width and height become 2^14
  huge.replace(16, 8, std::string("\0\0@\0\0\0@\0", 8));
  write_file(folder / "huge.png", huge);
  expect_error([&] { read_image(folder / "cut.png", 8); }, {"cut.png", "expected a PNG or JPEG"});
  expect_error([&] { read_image(folder / "text.jpg", 8); }, {"text.jpg", "expected a PNG or JPEG"});
  expect_error([&] { read_image(folder / "empty.png", 8); }, {"empty.png", "expected a PNG or JPEG"});
  expect_error([&] { read_image(folder / "huge.png", 8); }, {"huge.png", "16384 x 16384"});
}

TEST(ImageFolder, EveryFifthImageByNameIsATestImage) {
  const TemporaryFolder folder;
  write_class(folder / "cat", 10, 100);
  write_class(folder / "dog", 6, 200);
  write_file(folder / "cat/notes.txt", "skipped");
  write_class(folder / ".hidden", 1, 0);
  const Dataset dataset = load_dataset(folder.path(), {.image_extent = 8});
  EXPECT_EQ(dataset.name, "folder:" + folder.path().filename().string());
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.count, 13);
  EXPECT_EQ(dataset.test.count, 3);
  std::vector<int> test;  // number + 100 x class
  for (std::int64_t i = 0; i < 3; ++i) test.push_back(dataset.test.pixels[i * 192] + 100 * dataset.test.labels[i]);
  std::sort(test.begin(), test.end());
  EXPECT_EQ(test, (std::vector<int>{4, 9, 104}));
  for (std::int64_t i = 0; i < 13; ++i)
    EXPECT_EQ(dataset.train.pixels[i * 192 + 2], 100 * (1 + dataset.train.labels[i]));
}

TEST(ImageFolder, TheFirstImagesAreMixed) {
  const TemporaryFolder folder;
  write_class(folder / "cat", 50, 100);
  write_class(folder / "dog", 50, 200);
  const Images train = load_dataset(folder.path(), {.image_extent = 8}).train;
  const auto cats = std::count(train.labels.begin(), train.labels.begin() + 40, 0);
  EXPECT_GT(cats, 10);
  EXPECT_LT(cats, 30);
}

TEST(ImageFolder, TrainAndTestFolders) {
  const TemporaryFolder folder;
  for (const char* name : {"cat", "dog"}) {
    write_class(folder / "train" / name, 3, 100);
    write_class(folder / "test" / name, 1, 100);
  }
  const Dataset dataset = load_dataset(folder.path(), {.image_extent = 4});
  EXPECT_EQ(dataset.train.count, 6);
  EXPECT_EQ(dataset.test.count, 2);
  EXPECT_EQ(dataset.test.height, 4);
  std::filesystem::rename(folder / "test/dog", folder / "test/fox");
  expect_error([&] { load_dataset(folder.path()); }, {"test", "class 'dog' is missing"});
  write_class(folder / "test/dog", 1, 100);
  expect_error([&] { load_dataset(folder.path()); }, {"test", "'fox' is not one of the training classes"});
}

TEST(ImageFolder, RejectsWhatIsMalformed) {
  const TemporaryFolder folder;
  const auto load = [&] { load_dataset(folder.path(), {.image_extent = 8}); };
  write_class(folder / "cat", 5, 100);
  expect_error(load, {"at least two folders of images", "found 1 folder"});
  std::filesystem::create_directory(folder / "dog");
  expect_error(load, {"dog", "expected .png or .jpg images", "found none"});
  write_class(folder / "dog", 4, 100);
  expect_error(load, {"dog", "at least 5 images", "found 4"});
  write_file(folder / "dog/image4.JPG", "no image");
  expect_error(load, {"image4.JPG", "expected a PNG or JPEG"});
  write_class(folder / "dog", 5, 100);
  expect_error([&] { load_dataset(folder.path(), {.image_extent = 0}); }, {"image extent", "found 0"});
}

// The superuser reads everything: give the rights up for a moment.
class Unprivileged {
 public:
  Unprivileged() : privileged_(::geteuid() == 0) {
    if (privileged_ && ::seteuid(65534) != 0) throw std::runtime_error("cannot give up the superuser's rights");
  }
  ~Unprivileged() {
    if (privileged_ && ::seteuid(0) != 0) std::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool privileged_;
};

TEST(ImageFolder, RejectsUnreadableFoldersAndFiles) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  write_class(folder / "cat", 5, 100);
  write_class(folder / "dog", 5, 100);
  fs::permissions(folder.path(), fs::perms{0755});
  fs::permissions(folder / "dog/image3.png", fs::perms::none);
  {
    const Unprivileged user;
    expect_error([&] { load_dataset(folder.path()); }, {"image3.png", "Permission denied"});
  }
  fs::permissions(folder / "dog", fs::perms::none);
  {
    const Unprivileged user;
    expect_error([&] { load_dataset(folder.path()); }, {"dog", "Permission denied"});
  }
  fs::permissions(folder / "dog", fs::perms::owner_all);
}

}  // namespace
}  // namespace basin
