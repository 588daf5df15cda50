// basin compare: networks side by side.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "landscape/metrics/surface_metrics.h"

namespace basin {

struct CompareFlags {
  std::vector<std::string> networks;  // run folders or checkpoints
  std::string names;                  // comma-separated; "": of the folders
  std::string data, device = "auto", range = "-1:1", norm = "filter";
  std::int64_t images = 500, points = 21;
  std::int64_t hessian_images = 256, map = 0, map_images = 64;  // 0: no map
  std::int64_t threads = 0, seed = 1;
  bool trajectory = true, sharpness = true, json = false, dry = false;
  std::filesystem::path out;
};

// One of the networks and where its results are.
struct Compared {
  std::string name;
  std::filesystem::path run;  // its folder; "": a checkpoint alone
  std::filesystem::path checkpoint;
  std::filesystem::path result(const std::filesystem::path& folder, const char* end) const {
    return folder / (name + end);
  }
};
std::vector<Compared> networks_of(const CompareFlags& flags);

// What the results of a network say, in the order of the table. Files that are not there are left out.
std::vector<Metric> gather(const Compared& network, const std::filesystem::path& folder);
// What was trained: model, batch, optimizer, weight decay, epochs, images, ... ; empty where the checkpoint does not
// say.
std::vector<std::pair<std::string, std::string>> recipe_of(const Compared& network);

struct Table {
  std::vector<std::string> names;                                         // of the networks
  std::vector<std::vector<std::pair<std::string, std::string>>> recipes;  // of each
  std::vector<std::vector<Metric>> metrics;                               // of each
};
std::string markdown_of(const Table& table);
std::string csv_of(const Table& table);
std::string json_of(const Table& table);

}  // namespace basin
