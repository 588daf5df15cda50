// The log of long work while it is being done: one checksummed record per finished item, appended as it finishes, so
// that a killed run continues where it stopped.
//
//   "BASINLOG" | u32 version | u32 width | u32 length | configuration (JSON) | u32 CRC-32C of all that
//   records: i64 index | width f64 | u32 CRC-32C
//
// All numbers little-endian.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/file_descriptor.h"

namespace basin {

struct LogRecord {
  std::int64_t index = 0;      // of the item: a point of a grid, a random vector, ...
  std::vector<double> values;  // `width` of them
};

struct AppendLogOptions {
  // Records are flushed to the disk at most this often, and when the log is closed. A killed process loses none of them
  // either way; a power cut loses at most this much work.
  std::chrono::milliseconds sync_interval{1000};
};

class AppendLog {
 public:
  // Opens the log at `path`, or creates it. `configuration` is JSON text with everything the records depend on; items
  // have indices below `items` and `width` values each. A torn last record is cut off; records that fail their checksum
  // are skipped. Error naming the file if it is no log, was written for another configuration (the message shows the
  // first field that differs), holds an index that is none, is in use by another process, or cannot be read or written.
  AppendLog(const std::filesystem::path& path, const std::string& configuration, std::int64_t items, std::size_t width,
            const AppendLogOptions& options = {});
  ~AppendLog();
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;

  // What the file held when it was opened, in its order, each item once.
  const std::vector<LogRecord>& recovered() const { return recovered_; }

  // Error if the disk is full; the log then still holds every earlier record and stays usable.
  void append(const LogRecord& record);
  void sync();    // waits until the records are on the disk
  void remove();  // deletes the file, once its records are safe elsewhere; nothing may be appended afterwards

 private:
  void open(const std::string& configuration);
  std::size_t check_header(const std::string& contents, const std::string& configuration) const;  // its length
  void recover(const std::string& contents, std::size_t begin, std::int64_t items);
  std::size_t payload_bytes() const { return 8 + 8 * width_; }

  std::filesystem::path path_;
  std::size_t width_;
  AppendLogOptions options_;
  FileDescriptor file_;
  std::int64_t size_ = 0;  // bytes of the header and whole records
  std::chrono::steady_clock::time_point last_sync_;
  bool dirty_ = false;
  std::vector<LogRecord> recovered_;
};

}  // namespace basin
