#include "landscape/surface_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "core/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/python.h"
#include "tests/temporary_folder.h"

// The HDF5 library itself loses a little memory whenever it refuses a damaged file.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace basin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Surface example(std::size_t columns, std::size_t rows, bool two_dimensional) {
  Surface surface;
  for (std::size_t i = 0; i < columns; ++i) surface.x.push_back(-1 + 0.5 * static_cast<double>(i));
  if (two_dimensional) surface.y.emplace();
  for (std::size_t i = 0; two_dimensional && i < rows; ++i) surface.y->push_back(2 - 0.25 * static_cast<double>(i));
  surface.train.emplace(surface.size());
  surface.test.emplace(surface.size());
  for (std::size_t i = 0; i < surface.size(); ++i) {
    if (i == 1) continue;  // not computed
    const auto v = static_cast<double>(i);
    surface.train->set(i, {v / 3, 0.01, 100 - v, 0.5, static_cast<std::int64_t>(i)});
    surface.test->set(i, {i == 0 ? std::nan("") : i == 2 ? kInfinity : v, std::nan(""), v, 0.25, 0});
  }
  surface.direction_file = "directions größe.h5";
  surface.attributes = {{"configuration", R"({"images":1000})"}, {"model", "resnet20"}, {"empty", ""}};
  for (int i = 0; i < 12; ++i) surface.attributes["extra" + std::to_string(i)] = std::string(100, 'x');
  return surface;
}

template <class T>
void expect_same_bits(const std::vector<T>& a, const std::vector<T>& b, const char* what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0) << what;
}

void expect_same(const SurfaceValues& a, const SurfaceValues& b) {
  expect_same_bits(a.loss, b.loss, "loss");
  expect_same_bits(a.accuracy, b.accuracy, "accuracy");
  expect_same_bits(a.loss_error, b.loss_error, "loss_error");
  expect_same_bits(a.accuracy_error, b.accuracy_error, "accuracy_error");
  expect_same_bits(a.non_finite, b.non_finite, "non_finite");
  expect_same_bits(a.valid, b.valid, "valid");
}

void expect_same(const Surface& a, const Surface& b) {
  expect_same_bits(a.x, b.x, "x");
  ASSERT_EQ(a.y.has_value(), b.y.has_value());
  if (a.y) expect_same_bits(*a.y, *b.y, "y");
  ASSERT_EQ(a.train.has_value(), b.train.has_value());
  ASSERT_EQ(a.test.has_value(), b.test.has_value());
  if (a.train) expect_same(*a.train, *b.train);
  if (a.test) expect_same(*a.test, *b.test);
  EXPECT_EQ(a.direction_file, b.direction_file);
  EXPECT_EQ(a.attributes, b.attributes);
}

TEST(SurfaceFile, EveryShapeSurvivesBitForBit) {
  const TemporaryFolder folder;
  for (const Surface& surface : {example(5, 3, true), example(3, 5, true), example(4, 4, true), example(1, 1, true),
                                 example(7, 1, false), example(1, 1, false), example(1, 6, true)}) {
    write_surface(folder / "s.h5", surface);
    expect_same(read_surface(folder / "s.h5"), surface);
  }
  Surface train_only = example(3, 2, true);
  train_only.test.reset();
  train_only.attributes.clear();
  train_only.direction_file.clear();
  write_surface(folder / "s.h5", train_only);
  expect_same(read_surface(folder / "s.h5"), train_only);
}

TEST(SurfaceFile, EqualSurfacesGiveEqualBytes) {
  const TemporaryFolder folder;
  write_surface(folder / "first.h5", example(51, 51, true));
  write_surface(folder / "a longer name.h5", example(51, 51, true));
  EXPECT_EQ(read_file(folder / "first.h5"), read_file(folder / "a longer name.h5"));
}

TEST(SurfaceFile, UncomputedPointsAreMarkedWhateverTheyHold) {
  const TemporaryFolder folder;
  Surface surface = example(3, 2, true);
  surface.train->loss[1] = 123;
  write_surface(folder / "s.h5", surface);
  const Surface read = read_surface(folder / "s.h5");
  EXPECT_EQ(read.train->loss[1], -1);
  EXPECT_EQ(read.train->valid[1], 0);
}

TEST(SurfaceFile, AFullDiskKeepsTheOldFile) {
  const TemporaryFolder folder;
  write_surface(folder / "s.h5", example(3, 2, true));
  const std::string old = read_file(folder / "s.h5");
  {
    const FailingDisk disk(2000);
    expect_error([&] { write_surface(folder / "s.h5", example(51, 51, true)); }, {"cannot write", "s.h5", "too large"});
  }
  EXPECT_EQ(read_file(folder / "s.h5"), old);
  EXPECT_EQ(folder.entries(), 1u);
  expect_error([&] { write_surface(folder / "absent/s.h5", example(3, 2, true)); }, {"cannot write", "absent/s.h5"});
}

TEST(SurfaceFile, WrongSizesAreErrors) {
  const TemporaryFolder folder;
  Surface surface = example(3, 2, true);
  surface.train->accuracy.pop_back();
  expect_error([&] { write_surface(folder / "s.h5", surface); }, {"train_acc", "expected 6", "found 5"});
  surface = example(3, 2, true);
  surface.x.pop_back();
  expect_error([&] { write_surface(folder / "s.h5", surface); }, {"train_valid", "expected 4", "found 6"});
  EXPECT_EQ(folder.entries(), 0u);
}

// Every part of our own files carries a checksum: damage is either found, or lies where nothing is stored.
TEST(SurfaceFile, DamageIsFoundOrHarmless) {
  const TemporaryFolder folder;
  const Surface surface = example(5, 3, true);
  write_surface(folder / "s.h5", surface);
  const std::string whole = read_file(folder / "s.h5");
  std::size_t found = 0, tried = 0;
  for (std::size_t byte = 0; byte < whole.size(); byte += 7, ++tried) {
    std::string damaged = whole;
    damaged[byte] ^= static_cast<char>(1 << (byte % 8));
    std::ofstream(folder / "damaged.h5", std::ios::binary) << damaged;
    SCOPED_TRACE("byte " + std::to_string(byte));
    try {
      expect_same(read_surface(folder / "damaged.h5"), surface);
    } catch (const Error& error) {
      ++found;
      EXPECT_NE(std::string(error.what()).find("damaged.h5"), std::string::npos);
    }
  }
  EXPECT_GT(found, tried / 10);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    std::ofstream(folder / "cut.h5", std::ios::binary) << whole.substr(0, size);
    expect_error([&] { read_surface(folder / "cut.h5"); }, {"cut.h5"});
  }
  write_file(folder / "text.h5", "this is no HDF5 file");
  expect_error([&] { read_surface(folder / "text.h5"); }, {"text.h5", "not an HDF5 file"});
  expect_error([&] { read_surface(folder / "absent.h5"); }, {"cannot read", "absent.h5", "No such file"});
}

// ---- other implementations

constexpr const char* kReadOurs = R"(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'r') as f:   # as the reference tool's plot_2D.py and plot_1D.py read
    x, y = f['xcoordinates'][:], f['ycoordinates'][:]
    X, Y = np.meshgrid(x, y)
    for name in ('train_loss', 'train_acc', 'test_loss', 'test_acc'):
        Z = np.array(f[name][:])
        assert Z.shape == X.shape == (3, 5) and Z.dtype == np.float64, (name, Z.shape, Z.dtype)
        assert (Z.ravel()[1]) == -1
    assert np.array_equal(x, -1 + 0.5 * np.arange(5)) and np.array_equal(y, 2 - 0.25 * np.arange(3))
    loss = f['train_loss'][:].ravel()
    assert all(loss[i] == i / 3 for i in range(15) if i != 1)
    assert np.isnan(f['test_loss'][0, 0]) and np.isinf(f['test_loss'][0, 2])
    assert f['train_valid'].dtype == np.uint8 and f['train_valid'][:].sum() == 14
    assert f['train_nonfinite'].dtype == np.int64
    assert f['dir_file'][()].decode() == 'directions größe.h5'
    assert f.attrs['model'].decode() == 'resnet20'
    assert f.attrs['format'].decode() == 'basin surface 1'
)";

TEST(SurfaceFile, ThePythonToolsReadOurs) {
  if (!python_has("h5py, numpy")) GTEST_SKIP() << "python3-h5py is not installed";
  const TemporaryFolder folder;
  write_surface(folder / "s.h5", example(5, 3, true));
  const auto result = run_python(kReadOurs, (folder / "s.h5").string());
  EXPECT_EQ(result.status, 0) << result.output;
}

// As the reference tool's plot_surface.py writes: setup_surface_file(), then crunch() through the flattened arrays.
constexpr const char* kWriteTheirs = R"(
import sys, h5py, numpy as np
path, nx, ny, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with h5py.File(path, 'w') as f:
    f['dir_file'] = 'net_weights_seed=1.h5'
    x = np.linspace(-1, 1, nx)
    f['xcoordinates'] = x
    shape = (nx,)
    y = np.zeros(1)
    if ny:
        y = np.linspace(0, 3, ny)
        f['ycoordinates'] = y
        shape = (nx, ny)
    losses, accuracies = -np.ones(shape), -np.ones(shape)
    X, Y = np.meshgrid(x, y)
    inds = [i for i in range(losses.size) if kind != 'partial' or i != 2]
    losses.ravel()[inds] = (X + 10 * Y + 2).ravel()[inds]
    accuracies.ravel()[inds] = 50
    if kind != 'no loss':
        f['train_loss'] = losses.astype(np.int8) if kind == 'integers' else losses
    if kind != 'no accuracy': f['train_acc'] = accuracies
    if kind == 'empty test': f['test_loss'] = f['test_acc'] = -np.ones(shape)
    if kind == 'rank': del f['train_loss']; f['train_loss'] = losses.ravel()[:-1]
    if kind == 'text': del f['train_loss']; f['train_loss'] = 'text'
    if kind == 'fixed text': del f['dir_file']; f['dir_file'] = np.bytes_('fixed.h5')
    if kind == 'no x': del f['xcoordinates']
    if kind == 'empty x': del f['xcoordinates']; f['xcoordinates'] = np.zeros(0)
    if kind == 'nan x': f['xcoordinates'][1] = np.nan
    if kind == 'x group': del f['xcoordinates']; f.create_group('xcoordinates')
    if kind == 'wide x': del f['xcoordinates']; f.create_dataset('xcoordinates', shape=(1 << 40,), dtype='f8')
    if kind == 'other format': f.attrs['format'] = np.bytes_('basin surface 9')
    if kind == 'no mask': f.attrs['format'] = np.bytes_('basin surface 1')
)";

class ReferenceSurface : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!python_has("h5py, numpy")) GTEST_SKIP() << "python3-h5py is not installed";
  }
  std::filesystem::path make(int columns, int rows, const std::string& kind) {
    const auto result = run_python(kWriteTheirs, (folder / "r.h5").string() + " " + std::to_string(columns) + " " +
                                                     std::to_string(rows) + " '" + kind + "'");
    EXPECT_EQ(result.status, 0) << result.output;
    return folder / "r.h5";
  }
  TemporaryFolder folder;
};

TEST_F(ReferenceSurface, EveryShapeIsRead) {
  for (const auto& [columns, rows] : {std::pair(5, 5), std::pair(5, 3), std::pair(3, 5), std::pair(7, 0)}) {
    const Surface surface = read_surface(make(columns, rows, "plain"));
    EXPECT_EQ(surface.direction_file, "");  // a text of variable length
    EXPECT_EQ(surface.y.has_value(), rows > 0);
    EXPECT_FALSE(surface.test.has_value());
    ASSERT_TRUE(surface.train.has_value());
    ASSERT_EQ(surface.train->loss.size(), surface.size());
    for (std::size_t i = 0; i < surface.size(); ++i) {
      const double y = surface.y ? (*surface.y)[i / surface.columns()] : 0;
      EXPECT_EQ(surface.train->valid[i], 1) << i;
      EXPECT_EQ(surface.train->loss[i], surface.x[i % surface.columns()] + 10 * y + 2)
          << columns << "x" << rows << ": " << i;
      EXPECT_TRUE(std::isnan(surface.train->loss_error[i]));
      EXPECT_EQ(surface.train->non_finite[i], 0);
    }
  }
}

TEST_F(ReferenceSurface, AFixedTextIsRead) {
  EXPECT_EQ(read_surface(make(3, 0, "fixed text")).direction_file, "fixed.h5");
}

TEST_F(ReferenceSurface, UncomputedPointsAreMasked) {
  const Surface surface = read_surface(make(4, 3, "partial"));
  for (std::size_t i = 0; i < surface.size(); ++i) EXPECT_EQ(surface.train->valid[i], i != 2) << i;
  EXPECT_EQ(surface.train->loss[2], -1);
  EXPECT_FALSE(read_surface(make(4, 4, "empty test")).test.has_value());
  EXPECT_EQ(read_surface(make(3, 0, "integers")).train->loss[2], 3.0);
}

TEST_F(ReferenceSurface, BadFilesHaveClearErrors) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      {"no loss", {"train_loss", "missing"}},
      {"no accuracy", {"train_acc", "missing"}},
      {"rank", {"train_loss", "expected shape (3, 4)", "found (11)"}},
      {"text", {"train_loss", "expected numbers"}},
      {"no x", {"xcoordinates", "missing"}},
      {"empty x", {"xcoordinates", "expected 1 to", "(0)"}},
      {"nan x", {"xcoordinates", "finite", "nan"}},
      {"x group", {"xcoordinates", "cannot read"}},
      {"wide x", {"xcoordinates", "expected 1 to"}},
      {"other format", {"format", "'basin surface 1'", "'basin surface 9'"}},
      {"no mask", {"train_loss", "expected shape (3, 4)", "(4, 3)"}},
  };
  for (const auto& [kind, parts] : cases) {
    SCOPED_TRACE(kind);
    const auto path = make(4, 3, kind);
    for (const std::string& part : parts) expect_error([&] { read_surface(path); }, {"r.h5", part});
  }
  expect_error([&] { read_surface(make(4, 4, "no mask")); }, {"train_loss_error", "missing"});
}

}  // namespace
}  // namespace basin
