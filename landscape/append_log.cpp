#include "landscape/append_log.h"

#include <sys/file.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "core/atomic_file.h"
#include "core/error.h"
#include "landscape/configuration.h"

namespace basin {
namespace {

static_assert(std::endian::native == std::endian::little, "the log is little-endian and written as memory has it");

constexpr std::string_view kMagic = "BASINLOG";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kChecksumBytes = 4;

// CRC-32C (Castagnoli; RFC 3720, appendix B.4), reflected polynomial 0x82f63b78.
constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ (remainder & 1 ? 0x82f63b78u : 0u);
    table[byte] = remainder;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 255];
  return ~crc;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::string header_of(const std::string& configuration, std::size_t width) {
  std::string header(kMagic);
  put(header, kVersion);
  put(header, static_cast<std::uint32_t>(width));
  put(header, static_cast<std::uint32_t>(configuration.size()));
  header += configuration;
  put(header, crc32c(header));
  return header;
}

std::string record_of(const LogRecord& record) {
  std::string bytes;
  put(bytes, record.index);
  for (const double value : record.values) put(bytes, value);
  put(bytes, crc32c(bytes));
  return bytes;
}

}  // namespace

AppendLog::AppendLog(const std::filesystem::path& path, const std::string& configuration, std::int64_t items,
                     std::size_t width, const AppendLogOptions& options)
    : path_(path), width_(width), options_(options), last_sync_(std::chrono::steady_clock::now()) {
  open(configuration);
  const std::string contents = read_file(path_);
  recover(contents, check_header(contents, configuration), items);
}

AppendLog::~AppendLog() {
  if (dirty_) ::fdatasync(file_.get());
}

// The header appears whole or not at all, so a log without one is not ours.
void AppendLog::open(const std::string& configuration) {
  if (!std::filesystem::exists(path_)) write_file(path_, header_of(configuration, width_));
  file_ = FileDescriptor("write", path_, O_RDWR | O_APPEND);
  check(::flock(file_.get(), LOCK_EX | LOCK_NB) == 0, "'", path_.string(), "': in use by another process");
}

std::size_t AppendLog::check_header(const std::string& contents, const std::string& configuration) const {
  constexpr std::size_t kFixed = 20;  // bytes before the configuration
  std::string_view rest = contents;
  check(rest.size() >= kFixed + kChecksumBytes && rest.starts_with(kMagic), "'", path_.string(),
        "': not a log of unfinished work");
  rest.remove_prefix(kMagic.size());
  const auto version = take<std::uint32_t>(rest);
  check(version == kVersion, "'", path_.string(), "': log version: expected ", kVersion, ", found ", version);
  const auto width = take<std::uint32_t>(rest);
  const std::size_t length = take<std::uint32_t>(rest);
  check(length <= rest.size() - kChecksumBytes, "'", path_.string(), "': damaged log header: expected ", length,
        " bytes of configuration, found ", rest.size() - kChecksumBytes);
  const std::string found(rest.substr(0, length));
  rest.remove_prefix(length);
  check(take<std::uint32_t>(rest) == crc32c(std::string_view(contents).substr(0, kFixed + length)), "'", path_.string(),
        "': damaged log header: its checksum does not match");
  check(found == configuration, "'", path_.string(), "': written for another configuration; ",
        configuration_difference(configuration, found));
  check(width == width_, "'", path_.string(), "': values of a record: expected ", width_, ", found ", width);
  return kFixed + length + kChecksumBytes;
}

void AppendLog::recover(const std::string& contents, std::size_t begin, std::int64_t items) {
  std::string_view rest = std::string_view(contents).substr(begin);
  std::vector<bool> seen(static_cast<std::size_t>(items));
  const std::size_t record_bytes = payload_bytes() + kChecksumBytes;
  for (; rest.size() >= record_bytes; rest.remove_prefix(record_bytes)) {
    std::string_view fields = rest.substr(0, record_bytes);
    const std::uint32_t checksum = crc32c(fields.substr(0, payload_bytes()));
    LogRecord record{take<std::int64_t>(fields), std::vector<double>(width_)};
    for (double& value : record.values) value = take<double>(fields);
    if (take<std::uint32_t>(fields) != checksum) continue;
    check(record.index >= 0 && record.index < items, "'", path_.string(), "': index: expected one of ", items,
          ", found ", record.index);
    if (seen[static_cast<std::size_t>(record.index)]) continue;
    seen[static_cast<std::size_t>(record.index)] = true;
    recovered_.push_back(std::move(record));
  }
  size_ = static_cast<std::int64_t>(contents.size() - rest.size());
  if (!rest.empty() && ::ftruncate(file_.get(), size_) != 0) fail_file("write", path_, errno);
}

void AppendLog::append(const LogRecord& record) {
  check(record.values.size() == width_, "log: expected ", width_, " values, found ", record.values.size());
  const std::string bytes = record_of(record);
  if (const int error = file_.write_all(bytes.data(), bytes.size())) {
    // Take back the written part, so that records stay aligned; if that fails too, the next opening cuts it off.
    [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), size_);
    fail_file("write", path_, error);
  }
  size_ += static_cast<std::int64_t>(bytes.size());
  dirty_ = true;
  if (std::chrono::steady_clock::now() - last_sync_ >= options_.sync_interval) sync();
}

void AppendLog::sync() {
  if (::fdatasync(file_.get()) != 0) fail_file("write", path_, errno);
  dirty_ = false;
  last_sync_ = std::chrono::steady_clock::now();
}

void AppendLog::remove() {
  dirty_ = false;
  if (::unlink(path_.c_str()) != 0) fail_file("remove", path_, errno);
  file_.close();
}

}  // namespace basin
