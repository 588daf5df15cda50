#include "data/download.h"

#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "core/hash.h"
#include "tests/data/http_server.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

std::string contents_of(std::size_t bytes, unsigned seed = 1) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>((i + seed) * 2654435761u >> 11);
  return text;
}

std::string file_url(const std::filesystem::path& path) { return "file://" + path.string(); }

class FetchTest : public ::testing::Test {
 protected:
  Download request(std::vector<std::string> urls) const {
    return {.urls = std::move(urls), .path = folder / "got", .bytes = kBytes, .sha256 = sha256(contents)};
  }
  void expect_fetched() const {
    EXPECT_EQ(read_file(folder / "got"), contents);
    EXPECT_FALSE(std::filesystem::exists(folder / "got.part"));
  }
  static constexpr std::int64_t kBytes = 500'000;
  const TemporaryFolder folder;
  const std::string contents = contents_of(kBytes);
};

TEST_F(FetchTest, TakesAFileAndKeepsItAfterwards) {
  write_file(folder / "source", contents);
  std::int64_t last = -1;
  fetch(request({file_url(folder / "source")}), [&](std::int64_t done, std::int64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, kBytes);
    last = done;
  });
  EXPECT_EQ(last, kBytes);
  expect_fetched();
  fetch(request({file_url(folder / "gone")}));  // it is there already: no mirror is asked
  write_file(folder / "got", contents_of(kBytes, 2));
  expect_error([&] { fetch(request({file_url(folder / "source")})); }, {"got", "SHA-256", "remove it"});
  write_file(folder / "got", "short");
  expect_error([&] { fetch(request({file_url(folder / "source")})); }, {"got", "expected 500000 bytes, found 5"});
}

TEST_F(FetchTest, GoesOnFromAPart) {
  const HttpServer server(contents, {.ranges = true});
  write_file(folder / "got.part", contents.substr(0, 200'000));
  fetch(request({server.url()}));
  expect_fetched();
  EXPECT_EQ(server.bytes_sent(), 300'000);
}

TEST_F(FetchTest, StartsAgainWhereTheServerCannotResume) {
  const HttpServer server(contents, {.ranges = false});
  write_file(folder / "got.part", contents.substr(0, 200'000));
  fetch(request({server.url()}));
  expect_fetched();
}

TEST_F(FetchTest, StartsAgainFromAWrongPart) {
  const HttpServer server(contents, {.ranges = true});
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{200'000}, std::size_t{kBytes}, std::size_t{kBytes + 1}}) {
    write_file(folder / "got.part", contents_of(bytes, 7));
    fetch(request({server.url()}));
    expect_fetched();
    std::filesystem::remove(folder / "got");
  }
}

TEST_F(FetchTest, ABrokenConnectionLeavesThePartForTheNextMirror) {
  const HttpServer broken(contents, {.ranges = true, .break_after = 150'000}), whole(contents, {.ranges = true});
  expect_error([&] { fetch(request({broken.url()})); }, {"cannot download got", broken.url()});
  EXPECT_EQ(std::filesystem::file_size(folder / "got.part"), 150'000u);
  fetch(request({broken.url(), whole.url()}));
  expect_fetched();
  EXPECT_EQ(whole.bytes_sent(), 500'000 - 300'000);
}

TEST_F(FetchTest, TriesTheMirrorsInOrderAndNamesEachReason) {
  write_file(folder / "damaged", contents_of(kBytes, 3));
  write_file(folder / "short", contents.substr(0, 1000));
  write_file(folder / "long", contents + "more");
  write_file(folder / "source", contents);
  const std::vector<std::string> bad = {file_url(folder / "none"), file_url(folder / "damaged"),
                                        file_url(folder / "short"), file_url(folder / "long"), "ftp://example.org/x"};
  expect_error([&] { fetch(request(bad)); }, {"none", "damaged: has SHA-256", "expected " + sha256(contents),
                                              "serves 1000 bytes", "more than the expected 500000", "ftp"});
  EXPECT_FALSE(std::filesystem::exists(folder / "got"));
  EXPECT_FALSE(std::filesystem::exists(folder / "got.part"));
  auto urls = bad;
  urls.push_back(file_url(folder / "source"));
  fetch(request(urls));
  expect_fetched();
}

TEST_F(FetchTest, AnErrorPageIsNotTheFile) {
  const HttpServer server(contents, {.status = "404 Not Found"});
  expect_error([&] { fetch(request({server.url()})); }, {"404"});
  EXPECT_FALSE(std::filesystem::exists(folder / "got"));
}

TEST_F(FetchTest, StopsWhereItIsToldAndGoesOnLater) {
  const HttpServer server(contents, {.ranges = true});
  struct Stop {};
  EXPECT_THROW(fetch(request({server.url()}),
                     [](std::int64_t done, std::int64_t) {
                       if (done > 0) throw Stop();
                     }),
               Stop);
  EXPECT_FALSE(std::filesystem::exists(folder / "got"));
  EXPECT_TRUE(std::filesystem::exists(folder / "got.part"));
  fetch(request({server.url()}));
  expect_fetched();
}

TEST_F(FetchTest, AFullDiskIsOneLine) {
  write_file(folder / "source", contents);
  const FailingDisk disk(100'000);
  expect_error([&] { fetch(request({file_url(folder / "source")})); }, {"got.part", "File too large"});
}

TEST_F(FetchTest, TheCheckCannotBeLeftOut) {
  write_file(folder / "source", contents);
  Download download = request({file_url(folder / "source")});
  download.sha256 = "";
  expect_error([&] { fetch(download); }, {"SHA-256", "64 hexadecimal digits"});
  download = request({file_url(folder / "source")});
  download.bytes = 0;
  expect_error([&] { fetch(download); }, {"expected size 0"});
  expect_error([&] { fetch(request({})); }, {"no address"});
}

}  // namespace
}  // namespace basin
