// Surfaces on disk: HDF5 in the reference tool's schema, with Basin's additions beside it.
//
//   xcoordinates f64 (nx) | ycoordinates f64 (ny), two-dimensional surfaces only | dir_file text
//   train_loss, train_acc, test_loss, test_acc f64: (ny, nx), row = y; one-dimensional: (nx); accuracy in %, -1 = not
//   computed additions, each with the shape of its loss: {train,test}_valid u8 (1 = computed), {train,test}_loss_error
//   and {train,test}_acc_error f64 (standard errors), {train,test}_nonfinite i64 (images whose logits were not finite)
//   of each class, where asked for: {train,test}_class_loss, _class_loss_error, _class_acc, _class_acc_error f64 with
//   an axis of classes before the others, NaN where nothing was computed or a class has no images further f64 arrays of
//   that shape, where there are any (Surface::further): of several pairs of directions
//   {train,test}_loss_{sd,min,q10,median,q90,max} over the pairs, with the mean as the loss and its standard error over
//   the pairs as its error; of adaptive grids {train,test}_loss_filled, a loss to draw at points that were not computed
//   attributes of the root, fixed-length UTF-8: "format" = "basin surface 1", and those of Surface::attributes
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/evaluator.h"

namespace basin {

// The measurements of one image set, a value per point in the grid's order (row = y). NaN and infinities are data;
// `valid` alone says what was computed.
struct SurfaceValues {
  std::vector<double> loss, accuracy, loss_error, accuracy_error;
  std::vector<std::int64_t> non_finite;
  std::vector<std::uint8_t> valid;

  SurfaceValues() = default;
  explicit SurfaceValues(std::size_t points);  // nothing computed: -1 everywhere
  void set(std::size_t point, const Measurement& measurement);
};

// Of each class, (classes, points); NaN: not computed, or no images.
struct ClassValues {
  std::vector<double> loss, loss_error, accuracy, accuracy_error;

  ClassValues() = default;
  ClassValues(std::size_t classes, std::size_t points);
  void set(std::size_t point, std::size_t points, const std::vector<Measurement>& classes);
};

struct Surface {
  std::vector<double> x;
  std::optional<std::vector<double>> y;  // none: one-dimensional
  std::optional<SurfaceValues> train, test;
  std::optional<ClassValues> train_classes, test_classes;
  std::map<std::string, std::vector<double>> further;  // by name, a value per point
  std::string direction_file;                          // where the directions are; may be empty
  std::map<std::string, std::string> attributes;  // configuration (JSON), checkpoint, version, engine, precision, ...

  std::size_t columns() const { return x.size(); }
  std::size_t rows() const { return y ? y->size() : 1; }
  std::size_t size() const { return rows() * columns(); }
};

// Replaces the file at `path` atomically; equal surfaces give equal bytes. Error if an array does not have a value per
// point, or the file cannot be written (the old one then stays).
void write_surface(const std::filesystem::path& path, const Surface& surface);

// Reads and validates a surface of Basin or of the reference tool. The latter has no mask (valid = neither loss nor
// accuracy is -1), no standard errors (NaN) and no flags (0), and declares two-dimensional arrays as (nx, ny) although
// its values run with row = y; its dir_file, of variable length, is not read (landscape/hdf5.h). An image set none of
// whose points the reference tool computed is absent. Error naming the file, the dataset, what was expected and what
// was found.
Surface read_surface(const std::filesystem::path& path);

}  // namespace basin
