#include "data/download.h"

#include <curl/curl.h>

#include <exception>
#include <memory>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/hash.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr long kConnectSeconds = 30, kStallSeconds = 60, kStallBytesPerSecond = 100, kMostRedirects = 8;

struct CleanUp {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CleanUp>;

Handle make_handle() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  Handle handle(ready == CURLE_OK ? curl_easy_init() : nullptr);
  check(handle != nullptr, "cannot start libcurl");
  return handle;
}

// What libcurl's callbacks see. Exceptions must not pass through libcurl: they are kept and thrown afterwards.
struct Transfer {
  const Download& download;
  const DownloadProgress& progress;
  FileDescriptor part;
  std::int64_t done;  // bytes in the part
  int write_error = 0;
  bool too_long = false;
  std::exception_ptr stopped{};
};

std::size_t receive(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.too_long = transfer.done + static_cast<std::int64_t>(bytes) > transfer.download.bytes;
  if (transfer.too_long) return 0;
  transfer.write_error = transfer.part.write_all(data, bytes);
  if (transfer.write_error != 0) return 0;
  transfer.done += static_cast<std::int64_t>(bytes);
  return bytes;
}

int report(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    if (transfer.progress) transfer.progress(transfer.done, transfer.download.bytes);
    return 0;
  } catch (...) {
    transfer.stopped = std::current_exception();
    return 1;
  }
}

std::int64_t size_of(const fs::path& path) {
  std::error_code missing;
  const auto bytes = fs::file_size(path, missing);
  return missing ? 0 : static_cast<std::int64_t>(bytes);
}

fs::path part_of(const Download& download) { return download.path.string() + ".part"; }

void configure(CURL* handle, const std::string& url, Transfer& transfer) {
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kMostRedirects);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "basin");
  curl_easy_setopt(handle, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.done));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, report);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
}

struct Outcome {
  std::string problem;         // with this mirror; "": none
  bool part_is_wrong = false;  // it is not the beginning of the expected file, or cannot be told to be
};

// What the end of a transfer means.
Outcome judge(const Transfer& transfer, CURLcode code, const char* message) {
  const std::string expected = "expected " + std::to_string(transfer.download.bytes) + " bytes";
  if (transfer.too_long) return {"serves more than the " + expected, true};
  const bool cannot_resume = code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME;
  if (code != CURLE_OK) return {*message ? message : curl_easy_strerror(code), cannot_resume};
  if (transfer.done != transfer.download.bytes)
    return {"serves " + std::to_string(transfer.done) + " bytes, " + expected, true};
  return {};
}

// Appends to the part what it lacks. A full disk is an Error at once: another mirror cannot help.
Outcome transfer_rest(const Download& download, const std::string& url, const DownloadProgress& progress) {
  const fs::path part = part_of(download);
  Transfer transfer{download, progress, FileDescriptor("write", part, O_WRONLY | O_CREAT | O_APPEND), size_of(part)};
  const Handle handle = make_handle();
  char message[CURL_ERROR_SIZE] = "";
  configure(handle.get(), url, transfer);
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, message);
  const CURLcode code = curl_easy_perform(handle.get());
  if (transfer.stopped) std::rethrow_exception(transfer.stopped);
  if (transfer.write_error != 0) fail_file("write", part, transfer.write_error);
  if (::fsync(transfer.part.get()) != 0) fail_file("write", part, errno);
  return judge(transfer, code, message);
}

std::string digest_problem(const fs::path& path, const Download& download) {
  const std::string found = sha256_file(path);
  return found == download.sha256 ? "" : "has SHA-256 " + found + ", expected " + download.sha256;
}

void discard(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

// One mirror: from the part that is there, and once more from the beginning if that part turns out wrong.
std::string fetch_from(const Download& download, const std::string& url, const DownloadProgress& progress) {
  const fs::path part = part_of(download);
  for (;;) {
    if (size_of(part) > download.bytes) discard(part);
    const std::int64_t before = size_of(part);
    Outcome outcome = before == download.bytes ? Outcome{} : transfer_rest(download, url, progress);
    if (outcome.problem.empty()) {
      outcome = {digest_problem(part, download), true};
      if (outcome.problem.empty()) return {};
    }
    if (outcome.part_is_wrong || size_of(part) == 0) discard(part);
    if (!outcome.part_is_wrong || before == 0) return outcome.problem;
  }
}

void check_request(const Download& download) {
  check(!download.urls.empty(), "download of ", download.path.string(), ": no address");
  check(download.bytes > 0, "download of ", download.path.string(), ": expected size ", download.bytes,
        " is not positive");
  check(download.sha256.size() == 64 && download.sha256.find_first_not_of("0123456789abcdef") == std::string::npos,
        "SHA-256 '", download.sha256, "': expected 64 hexadecimal digits in lower case");
}

void publish(const Download& download) {
  std::error_code error;
  fs::rename(part_of(download), download.path, error);
  check(!error, "cannot write '", download.path.string(), "': ", error.message());
}

}  // namespace

void fetch(const Download& download, const DownloadProgress& progress) {
  check_request(download);
  if (fs::exists(download.path)) {
    check(size_of(download.path) == download.bytes, download.path.string(), ": expected ", download.bytes,
          " bytes, found ", size_of(download.path), "; remove it to download it again");
    const std::string problem = digest_problem(download.path, download);
    check(problem.empty(), download.path.string(), ' ', problem, "; remove it to download it again");
    return;
  }
  std::string reasons;
  for (const std::string& url : download.urls) {
    const std::string problem = fetch_from(download, url, progress);
    if (problem.empty()) return publish(download);
    reasons.append(reasons.empty() ? "" : "; ").append(url).append(": ").append(problem);
  }
  fail("cannot download ", download.path.filename().string(), ": ", reasons);
}

}  // namespace basin
