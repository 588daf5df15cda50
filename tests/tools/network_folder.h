// A folder with a network, net.safetensors, and images of ten classes, data, for tests of the command.
#pragma once
#include <string>

#include "data/cifar.h"
#include "models/training/checkpoint.h"
#include "tests/landscape/landscape_values.h"
#include "tests/temporary_folder.h"

namespace basin {

class NetworkFolder : public TemporaryFolder {
 public:
  explicit NetworkFolder(const std::string& model_name = "resnet20") {
    const Model model = find_model(model_name);
    save_checkpoint(*this / "net.safetensors", model, random_state(model, 1), {});
    Dataset dataset;
    for (int i = 0; i < 10; ++i) dataset.class_names.push_back("class" + std::to_string(i));
    dataset.train = random_pixels(24, 1);
    dataset.test = random_pixels(10, 2);
    write_cifar10(dataset, *this / "data", true);
  }
};

}  // namespace basin
