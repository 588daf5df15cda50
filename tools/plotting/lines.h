// Losses and accuracies along a line.
#pragma once
#include <string>
#include <vector>

#include "tools/plotting/field.h"
#include "tools/plotting/scale.h"
#include "tools/plotting/script.h"

namespace basin {

// Each series has a value per x, or none at all; a value that is not finite is a gap.
struct Curves {
  std::string title;
  std::vector<double> x;
  std::vector<double> train_loss, test_loss, train_accuracy, test_accuracy;  // accuracies in %
};

struct LinesOptions {
  Scale scale = {};  // of the losses
  std::string title = {};
  Extent loss{0, 0};  // left axis, before `scale`
  Size size = {};     // {0, 0}: chosen
};

// The paper's figure: losses blue on the left axis, accuracies red on the right, train solid and test dashed. Several
// files stand side by side with common axes. Error if a file has no finite value.
Script draw_lines(const std::vector<Curves>& curves, const LinesOptions& options, PictureFormat format);
Extent loss_extent(const std::vector<Curves>& curves);

}  // namespace basin
