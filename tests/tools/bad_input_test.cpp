// Bad input as a user meets it: one clear line on stderr, a status that is not 0, and nothing written over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "data/cifar.h"
#include "models/training/checkpoint.h"
#include "tests/landscape/landscape_values.h"
#include "tests/temporary_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kFailure = 1, kUsage = 2;
constexpr std::size_t kLengthBytes = 8;

// A safetensors file in its parts.
struct Parts {
  Json header;
  std::string buffer;
};

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes + rest;
}
std::string joined(const std::string& header, const std::string& buffer) {
  return with_length(header.size(), header + buffer);
}

std::uint64_t header_length(const std::string& file) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  return length;
}
Parts parts_of(const std::string& file) {
  const std::uint64_t length = header_length(file);
  return {Json::parse(file.substr(kLengthBytes, length)), file.substr(kLengthBytes + length)};
}

class BadInput : public ::testing::Test {
 protected:
  BadInput() {
    const Model model = find_model("resnet20");
    save_checkpoint(folder_ / "net.safetensors", model, random_state(model, 1), {});
    net_ = read_file(folder_ / "net.safetensors");
    Dataset dataset;
    for (int i = 0; i < 10; ++i) dataset.class_names.push_back("class" + std::to_string(i));
    dataset.train = random_pixels(24, 1);
    dataset.test = random_pixels(10, 2);
    write_cifar10(dataset, folder_ / "data", true);
  }

  // One line "error: ..." that holds all of `words`, the status, nothing on stdout.
  void expect_failure(int status, const std::string& arguments, const std::vector<std::string>& words,
                      const std::string& before = "") {
    const CommandResult result = run_command(folder_.path(), arguments, before);
    const std::string& line = result.errors;
    EXPECT_EQ(result.status, status) << arguments << "\n" << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << arguments << "\n" << line;
    EXPECT_TRUE(line.starts_with("error: ") && line.ends_with("\n")) << arguments << "\n" << line;
    EXPECT_EQ(result.output, "") << arguments;
    for (const std::string& word : words) EXPECT_NE(line.find(word), std::string::npos) << word << " in: " << line;
  }

  void expect_bad_checkpoint(const std::string& contents, std::vector<std::string> words) {
    write_file(folder_ / "bad.safetensors", contents);
    words.emplace_back("bad.safetensors");
    expect_failure(kFailure, "evaluate bad.safetensors --data data", words);
  }
  // The checkpoint with a header that `change` has damaged.
  void expect_bad_header(const std::function<void(Json&)>& change, const std::vector<std::string>& words) {
    Parts parts = parts_of(net_);
    change(parts.header);
    expect_bad_checkpoint(joined(parts.header.dump(), parts.buffer), words);
  }

  void make_surface() {
    const CommandResult made = run_command(
        folder_.path(), "surface net.safetensors --data data --images 8 --x=-1:1:3 --y=-1:1:3 --out s.h5 --quiet");
    ASSERT_EQ(made.status, 0) << made.errors;
  }

  TemporaryFolder folder_;
  std::string net_;
};

// The rest proves little if the good input does not work.
TEST_F(BadInput, GoodInputWorks) {
  const CommandResult result = run_command(folder_.path(), "evaluate net.safetensors --data data --quiet");
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
}

TEST_F(BadInput, CheckpointThatIsNone) {
  expect_failure(kFailure, "evaluate missing.safetensors --data data", {"missing.safetensors", "No such file"});
  expect_failure(kFailure, "evaluate data --data data", {"'data'", "directory"});
  expect_bad_checkpoint("", {"header length", "found 0"});
  expect_failure(kFailure, "evaluate /dev/zero --data data", {"/dev/zero", "device"});
  std::string noise;
  const Random random(3, random_stream("noise"));
  for (std::uint64_t i = 0; i < 4096; ++i) noise += static_cast<char>(random.below(256, i));
  expect_bad_checkpoint(noise, {"header length"});
}

TEST_F(BadInput, CheckpointCutShortOrTooLong) {
  for (const std::size_t size : {std::size_t{3}, kLengthBytes + 10, net_.size() / 2, net_.size() - 1})
    expect_bad_checkpoint(net_.substr(0, size), {"expected", "found"});
  expect_bad_checkpoint(net_ + "x", {"buffer", "expected", "found"});
  expect_bad_checkpoint(with_length(100'000'001, net_.substr(kLengthBytes)), {"header length", "100000000"});
  expect_bad_checkpoint(with_length(~std::uint64_t{0}, net_.substr(kLengthBytes)), {"header length"});
}

// A flipped bit of a name, an offset or a quote is noticed. Bits of the values are values too, and those of spaces or
// of what the metadata says may leave a right file: only the entries' texts are hit.
TEST_F(BadInput, CheckpointWithAFlippedBit) {
  const std::string header = net_.substr(kLengthBytes, header_length(net_));
  const std::size_t entries = header.find("\"conv1.weight\""), end = header.rfind('}');
  ASSERT_LT(entries, end);
  const Random random(4, random_stream("flipped bits"));
  for (std::uint64_t i = 0; i < 24; ++i) {
    std::string flipped = net_;
    const std::size_t at = kLengthBytes + entries + random.below(end - entries, 2 * i);
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random.below(8, 2 * i + 1)));
    expect_bad_checkpoint(flipped, {});
  }
}

TEST_F(BadInput, CheckpointAgainstTheRulesOfItsFormat) {
  const char* name = "conv1.weight";
  const Parts good = parts_of(net_);
  const std::string header = good.header.dump();
  expect_bad_checkpoint(joined("[" + header.substr(1), good.buffer), {"header", "'{'"});
  expect_bad_checkpoint(joined(header.substr(0, header.size() - 1), good.buffer), {"malformed JSON"});
  expect_bad_checkpoint(
      joined("{\"" + std::string(name) + "\":" + good.header[name].dump() + "," + header.substr(1), good.buffer),
      {name, "repeated"});
  expect_bad_header([&](Json& h) { h[name] = 3; }, {name, "expected an object"});
  expect_bad_header([&](Json& h) { h[name].erase("dtype"); }, {name, "dtype", "missing"});
  expect_bad_header([&](Json& h) { h[name]["strides"] = 1; }, {name, "strides"});
  expect_bad_header([&](Json& h) { h[name]["dtype"] = "F31"; }, {name, "dtype", "F31"});
  expect_bad_header([&](Json& h) { h[name]["dtype"] = "F16"; }, {name, "data_offsets", "needs"});
  expect_bad_header([&](Json& h) { h[name]["shape"][0] = -16; }, {name, "shape", "-16"});
  expect_bad_header([&](Json& h) { h[name]["shape"] = "16"; }, {name, "shape"});
  expect_bad_header([&](Json& h) { h[name]["shape"] = Json::array({1LL << 40, 1LL << 40}); }, {name, "overflows"});
  expect_bad_header([&](Json& h) { h[name]["data_offsets"] = Json::array({8, 4}); }, {name, "data_offsets"});
  expect_bad_header([&](Json& h) { h[name]["data_offsets"] = Json::array({0}); }, {name, "data_offsets"});
  expect_bad_header([&](Json& h) { h[name]["data_offsets"][1] = good.buffer.size() + 4; }, {name, "data_offsets"});
  expect_bad_header(
      [](Json& h) {
        Json &a = h["bn1.weight"]["data_offsets"], &b = h["bn1.bias"]["data_offsets"];
        a = b = std::min(a, b);
      },
      {"data_offsets", "overlap"});
  expect_bad_header([&](Json& h) { h.erase(name); }, {"data_offsets", "hole"});
  expect_bad_header([](Json& h) { h["__metadata__"]["epoch"] = 3; }, {"__metadata__", "epoch", "3"});
  expect_bad_header([](Json& h) { h["__metadata__"] = "text"; }, {"__metadata__", "object"});
}

TEST_F(BadInput, CheckpointOfAnotherModel) {
  expect_failure(kFailure, "evaluate net.safetensors --model vgg9 --data data", {"net.safetensors", "vgg9", "missing"});
  expect_failure(kFailure, "evaluate net.safetensors --model resnet56 --data data", {"net.safetensors", "resnet56"});
  expect_failure(kFailure, "evaluate net.safetensors --model resnet2o --data data", {"'resnet20'"});
  expect_bad_header([](Json& h) { h["__metadata__"]["model"] = "resnet2o"; }, {"field model", "'resnet20'"});
  expect_bad_header([](Json& h) { h["__metadata__"].erase("model"); }, {"--model"});
  expect_bad_header([](Json& h) { h["__metadata__"]["classes"] = "ten"; }, {"field classes", "'ten'"});
  expect_bad_header([](Json& h) { h["__metadata__"]["classes"] = "7"; }, {"shape", "7"});
  expect_bad_header([](Json& h) { h["__metadata__"]["image"] = "64x64x3"; }, {"(64, 64, 3)", "(32, 32, 3)"});
  expect_bad_header([](Json& h) { h["__metadata__"]["image"] = "99999999x99999999x3"; }, {"field image", "32x32x3"});
}

TEST_F(BadInput, DataThatAreShortMislabelledOrMissing) {
  const std::string evaluate = "evaluate net.safetensors --data data";
  const fs::path train = folder_ / "data" / "data_batch_1.bin";
  const std::string records = read_file(train);
  write_file(train, records.substr(0, records.size() - 1));
  expect_failure(kFailure, evaluate, {"data_batch_1.bin", "3073", std::to_string(records.size() - 1)});
  std::string mislabelled = records;
  mislabelled[3073] = 10;
  write_file(train, mislabelled);
  expect_failure(kFailure, evaluate, {"data_batch_1.bin", "record 1", "label 10", "0 to 9"});
  write_file(train, "");
  expect_failure(kFailure, evaluate, {"data_batch_1.bin", "found 0"});
  fs::remove(train);
  expect_failure(kFailure, evaluate, {"data", "missing data_batch_1.bin"});
  fs::create_directory(folder_ / "empty");
  expect_failure(kFailure, "evaluate net.safetensors --data empty", {"empty", "expected"});
  expect_failure(kFailure, "evaluate net.safetensors --data nowhere", {"'nowhere'", "does not exist"});
  expect_failure(kFailure, "evaluate net.safetensors --data net.safetensors", {"net.safetensors", "expected a folder"});
}

TEST_F(BadInput, FolderThatCannotBeRead) {
  // The superuser reads everything unless these capabilities are gone.
  const std::string before = ::geteuid() == 0 ? "setpriv --bounding-set -dac_override,-dac_read_search" : "";
  if (!before.empty() && run_command(folder_.path(), "--version", before).status != 0)
    GTEST_SKIP() << "the superuser may read everything here, and setpriv cannot change that";
  fs::permissions(folder_ / "data", fs::perms::none);
  expect_failure(kFailure, "evaluate net.safetensors --data data", {"data", "Permission denied"}, before);
  fs::permissions(folder_ / "data", fs::perms::owner_all);
}

TEST_F(BadInput, SurfaceThatIsDamagedOrNone) {
  make_surface();
  const std::string good = read_file(folder_ / "s.h5");
  const auto expect_bad = [&](const std::string& contents) {
    write_file(folder_ / "bad.h5", contents);
    expect_failure(kFailure, "plot bad.h5 --out p.png", {"bad.h5"});
  };
  expect_bad("");
  expect_bad(net_);
  for (const std::size_t size : {std::size_t{20}, good.size() / 2, good.size() - 1}) expect_bad(good.substr(0, size));
  std::string zeros = good;  // behind the signature and superblock
  std::fill(zeros.begin() + 48, zeros.end(), '\0');
  expect_bad(zeros);
  expect_failure(kFailure, "plot s.directions.h5 --out p.png",
                 {"s.directions.h5", "holds directions", "--direction-file"});
  expect_failure(kFailure, "plot missing.h5", {"missing.h5", "No such file"});
  expect_failure(kFailure, "plot data", {"'data'", "is a folder", "--kind norms or training"});
  expect_failure(kFailure, "plot s.h5 --kind contur", {"contur", "did you mean contour?"});
  expect_failure(kFailure, "plot s.h5 --kind line", {"s.h5", "3 x 3"});
  expect_failure(kFailure, "plot s.h5 --value train_los", {"train_los", "did you mean --value train_loss?"});
  expect_failure(kFailure, "plot s.h5 --out s.gif", {".png", "'.gif'"});
  expect_failure(kUsage, "plot s.h5 --min low", {"--min", "a number", "'low'"});
  EXPECT_FALSE(fs::exists(folder_ / "p.png"));
  EXPECT_EQ(read_file(folder_ / "s.h5"), good);
}

TEST_F(BadInput, NamesThatDoNotExist) {
  const std::string evaluate = "evaluate net.safetensors --data data ", surface = "surface net.safetensors --out q.h5 ";
  expect_failure(kUsage, "", {"subcommand"});
  expect_failure(kUsage, "evalate net.safetensors", {"evalate", "did you mean evaluate?"});
  expect_failure(kUsage, "--versoin", {"--versoin", "did you mean --version?"});
  expect_failure(kUsage, "data verfy data", {"verfy", "did you mean verify?"});
  expect_failure(kUsage, "data verify data --cores", {"basin data verify", "--cores", "did you mean --coarse?"});
  expect_failure(kUsage, evaluate + "--imges 3", {"--imges", "did you mean --images?"});
  expect_failure(kUsage, evaluate + "more", {"basin evaluate", "more"});
  expect_failure(kUsage, "evaluate", {"checkpoint", "required"});
  expect_failure(kFailure, evaluate + "--engine onednnn", {"--engine", "did you mean onednn?"});
  expect_failure(kFailure, evaluate + "--precision fasst", {"--precision", "exact or fast", "did you mean fast?"});
  expect_failure(kFailure, evaluate + "--split tets", {"--split", "did you mean test?"});
  expect_failure(kFailure, evaluate + "--loss cros-entropy", {"loss", "did you mean cross-entropy?"});
  expect_failure(kFailure, evaluate + "--bn frozn", {"--bn", "did you mean frozen?"});
  expect_failure(kFailure, surface + "--data data --norm filtr", {"--norm", "did you mean filter?"});
  expect_failure(kFailure, surface + "--data data --ignore biasb", {"--ignore", "did you mean biasbn?"});
  expect_failure(kFailure, surface + "--data data --type weigts", {"--type", "did you mean weights?"});
  expect_failure(kFailure, "train --data data --model resnt20 --out run", {"'resnt20'", "'resnet20'"});
  expect_failure(kFailure, "train --data data --optimizer adm --out run", {"optimizer", "did you mean adam?"});
  for (const char* command : {"doctor", "evaluate net.safetensors --data data", "surface net.safetensors --out q.h5",
                              "train --data data --out run --epochs 1 --train-images 8"})
    expect_failure(kFailure, command, {"BASIN_HIDE_CPU", "'avx51'", "did you mean avx512?"}, "BASIN_HIDE_CPU=avx51");
  for (const char* path : {"q.h5", "q.h5.log", "run"}) EXPECT_FALSE(fs::exists(folder_ / path)) << path;
}

TEST_F(BadInput, NumbersThatAreNone) {
  const std::string evaluate = "evaluate net.safetensors --data data --images ";
  expect_failure(kUsage, evaluate + "many", {"--images", "an integer", "'many'"});
  expect_failure(kUsage, evaluate + "1.5", {"--images", "an integer", "'1.5'"});
  expect_failure(kUsage, evaluate + "0", {"--images", "above 0", "'0'"});
  expect_failure(kUsage, evaluate + "-3", {"--images", "above 0", "'-3'"});
  expect_failure(kFailure, evaluate + "11", {"--images 11", "has 10"});
  expect_failure(kUsage, evaluate + "1 --threads 99999999999", {"--threads", "out of range"});
  expect_failure(kFailure, evaluate + "1 --threads 100000", {"threads", "at most 4096", "100000"});
  expect_failure(kUsage, "train --data data --epochs 99999999999999999999", {"--epochs", "99999999999999999999"});
  expect_failure(kUsage, "train --data data --seed -1", {"--seed", "from 0", "'-1'"});
  expect_failure(kUsage, "train --data data --milestones 1,two", {"--milestones", "'two'"});
  expect_failure(kFailure, "train --data data --epochs -1 --out run", {"--epochs", "-1"});
  expect_failure(kFailure, "train --data data --lr nan --out run", {"--lr", "nan"});
  expect_failure(kFailure, "train --data data --train-images 25 --out run", {"--train-images", "24", "25"});
  for (const char* range : {"1:2", "-1:1:0", "a:b:c", "-1:1:x", "nan:1:3", "1:1:3"})
    for (const char* axis : {"--x", "--x=0:1:2 --y"})
      expect_failure(kFailure,
                     std::string("surface net.safetensors --data data --out q.h5 ") + axis + "='" + range + "'",
                     {std::string(axis).substr(std::string(axis).size() - 3), range});
  EXPECT_FALSE(fs::exists(folder_ / "q.h5"));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(BadInput, OutputThatWouldBeLost) {
  make_surface();
  const std::string good = read_file(folder_ / "s.h5"), directions = read_file(folder_ / "s.directions.h5");
  const std::string surface = "surface net.safetensors --data data --images 8 --x=-1:1:2 --out ";
  expect_failure(kFailure, surface + "s.h5",
                 {"s.h5", "another configuration; directions/y: expected nothing", "--force"});
  expect_failure(kFailure, surface + "nowhere/s.h5 --quiet", {"nowhere/s.h5", "No such file"});
  expect_failure(kFailure, surface + "data", {"'data'", "directory"});
  expect_failure(kFailure, surface + "''", {"--out"});
  expect_failure(kFailure, surface + "net.safetensors --force", {"net.safetensors", "--out"});
  expect_failure(kFailure, surface + "q.h5 --to2 net.safetensors", {"--to2", "--y"});
  expect_failure(kFailure, "train --data data --out data", {"'data' is not empty"});
  expect_failure(kFailure, "data synthesize --out data --train 40 --test 10 --quiet", {"data", "--force"});
  expect_failure(kFailure, "plot s.h5 --out nowhere/s.png", {"nowhere/s.png"});
  EXPECT_EQ(read_file(folder_ / "s.h5"), good);
  EXPECT_EQ(read_file(folder_ / "s.directions.h5"), directions);
  EXPECT_EQ(read_file(folder_ / "net.safetensors"), net_);
}

// The disk is full for files above some blocks of 512 bytes: fewer than a surface's 9 points and their directions need.
TEST_F(BadInput, FullDiskLeavesTheOldOutput) {
  make_surface();
  const std::string good = read_file(folder_ / "s.h5"), directions = read_file(folder_ / "s.directions.h5");
  const std::string full = "trap '' XFSZ; ulimit -f 16;";
  const std::string again =
      "surface net.safetensors --data data --images 8 --x=-1:1:9 --y=-1:1:9 --quiet --force --out ";
  expect_failure(kFailure, again + "s.h5", {"s.directions.h5", "File too large"}, full);
  EXPECT_EQ(read_file(folder_ / "s.h5"), good);
  EXPECT_EQ(read_file(folder_ / "s.directions.h5"), directions);
  write_file(folder_ / "s.png", "the old picture");
  expect_failure(kFailure, "plot s.h5 --quiet", {"File too large"}, full);
  EXPECT_EQ(read_file(folder_ / "s.png"), "the old picture");
  fs::create_symlink("/dev/full", folder_ / "full.png");
  expect_failure(kFailure, "plot s.h5 --quiet --out full.png", {"full.png", "No space left"});
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path()))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

}  // namespace
}  // namespace basin
