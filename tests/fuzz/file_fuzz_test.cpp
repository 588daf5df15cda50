// Damaged files must be read or refused with an Error of one line: no crash, no other exception, no endless loop.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <fstream>
#include <functional>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "landscape/append_log.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "landscape/sharpness/sharpness_file.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tests/fuzz/mutation.h"
#include "tests/temporary_folder.h"

// The HDF5 library itself loses a little memory whenever it refuses a damaged file.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace basin {
namespace {

// Reads `count` damaged forms of `valid`; a good share must be refused, or the test would prove nothing.
void fuzz(const std::string& valid, std::uint64_t count, const std::function<void(const std::string&)>& read) {
  std::uint64_t refused = 0;
  for (std::uint64_t number = 0; number < count; ++number) {
    SCOPED_TRACE("mutation " + std::to_string(number));
    try {
      read(mutated(valid, number));
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    } catch (const std::exception& other) {
      FAIL() << other.what();
    }
  }
  EXPECT_GT(refused, count / 20);
}

// Without waiting for the disk, as write_file() and the truncation of an existing file would.
void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(FileFuzz, Safetensors) {
  const TemporaryFolder folder;
  const std::vector<float> values(24, 1.0f);
  const std::int64_t steps = 3;
  write_safetensors(folder / "x",
                    std::array{NamedTensor{"conv1.weight", DType::f32, {2, 3, 2, 2}, values.data()},
                               NamedTensor{"bn1.num_batches_tracked", DType::i64, {}, &steps},
                               NamedTensor{"bn1.bias", DType::f16, {3}, values.data()}},
                    {{"model", "resnet20"}, {"epoch", "3"}});
  fuzz(read_file(folder / "x"), 30'000, [](const std::string& bytes) { parse_safetensors(bytes, "x"); });
}

TEST(FileFuzz, AppendLog) {
  const TemporaryFolder folder;
  const std::string configuration = R"({"model":"resnet20","images":1000})";
  {
    AppendLog log(folder / "log", configuration, 50, 2);
    for (std::int64_t point = 0; point < 3; ++point) log.append({.index = point, .values = {1.5, -2}});
  }
  fuzz(read_file(folder / "log"), 2'000, [&](const std::string& bytes) {
    put(folder / "log", bytes);
    AppendLog(folder / "log", configuration, 50, 2);
  });
}

TEST(FileFuzz, OurSurface) {
  const TemporaryFolder folder;
  Surface surface;
  surface.x = {-1, 0, 1};
  surface.y = {0, 1};
  surface.train.emplace(surface.size());
  surface.attributes = {{"model", "resnet20"}};
  write_surface(folder / "s", surface);
  fuzz(read_file(folder / "s"), 2'000, [&](const std::string& bytes) {
    put(folder / "s", bytes);
    read_surface(folder / "s");
  });
}

// The reference tool's files are in HDF5's oldest format, without checksums.
std::string reference_surface(const std::filesystem::path& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const auto write = [&](const char* name, hid_t type, const std::vector<hsize_t>& extents, const void* data) {
    const hid_t space = extents.empty() ? H5Screate(H5S_SCALAR)
                                        : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(dataset);
    H5Sclose(space);
  };
  const std::vector<double> values(16, 0.5);
  const char* text = "net_weights_seed=1.h5";
  const hid_t text_type = H5Tcopy(H5T_C_S1);
  H5Tset_size(text_type, H5T_VARIABLE);
  write("dir_file", text_type, {}, &text);
  write("xcoordinates", H5T_NATIVE_DOUBLE, {4}, values.data());
  write("ycoordinates", H5T_NATIVE_DOUBLE, {4}, values.data());
  write("train_loss", H5T_NATIVE_DOUBLE, {4, 4}, values.data());
  write("train_acc", H5T_NATIVE_DOUBLE, {4, 4}, values.data());
  H5Tclose(text_type);
  H5Fclose(file);
  return read_file(path);
}

TEST(FileFuzz, ReferenceSurface) {
  const TemporaryFolder folder;
  const std::string valid = reference_surface(folder / "s");
  ASSERT_EQ(read_surface(folder / "s").train->loss[5], 0.5);
  fuzz(valid, 2'000, [&](const std::string& bytes) {
    put(folder / "s", bytes);
    read_surface(folder / "s");
  });
}

// What the science leaves: every reader must refuse damage in one line, or read on.
TEST(FileFuzz, Hessians) {
  const TemporaryFolder folder;
  HessianReport report;
  report.largest = {{{3, 0.1, true}, 0.2}};
  report.trace = TraceReport{1, {2, 3}};
  report.probes = {{{0, 1}, {0.5, 0.5}}, {{0.5}, {1}}};
  report.density = spectral_density(report.probes, 4, 0.5);
  write_hessian(folder / "h", report);
  fuzz(read_file(folder / "h"), 1'000, [&](const std::string& bytes) {
    put(folder / "h", bytes);
    read_hessian(folder / "h");
  });
  write_hessian_map(folder / "m", HessianMap({-1, 0, 1}, std::vector<double>{0, 1}));
  fuzz(read_file(folder / "m"), 1'000, [&](const std::string& bytes) {
    put(folder / "m", bytes);
    read_hessian_map(folder / "m");
  });
}

TEST(FileFuzz, Trajectory) {
  const TemporaryFolder folder;
  Trajectory path;
  path.train = true;
  path.points.resize(3);
  path.variance_ratio = {0.9, 0.1};
  write_trajectory(folder / "t", path);
  fuzz(read_file(folder / "t"), 1'000, [&](const std::string& bytes) {
    put(folder / "t", bytes);
    read_trajectory(folder / "t");
  });
}

TEST(FileFuzz, Sharpness) {
  const TemporaryFolder folder;
  SharpnessReport report;
  report.measures = {{"sam", 0.1, 0.01, "standard error over images", 0.01, "loss", {{"rho", 0.05}}}};
  report.attributes = {{"configuration", "{}"}, {"version", "1"}};
  write_sharpness(folder / "s", report);
  fuzz(read_file(folder / "s"), 5'000, [&](const std::string& bytes) {
    put(folder / "s", bytes);
    read_sharpness(folder / "s");
  });
}

}  // namespace
}  // namespace basin
