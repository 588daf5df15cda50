// One open file of the operating system, closed with its owner.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace basin {

// Throws the line "cannot <action> '<path>': <what errno says>".
[[noreturn]] inline void fail_file(const char* action, const std::filesystem::path& path, int error) {
  fail("cannot ", action, " '", path.string(), "': ", std::generic_category().message(error));
}

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : value_(descriptor) {}  // takes ownership
  // open(2) with O_CLOEXEC; Error "cannot <action> '<path>': ..." if it fails.
  FileDescriptor(const char* action, const std::filesystem::path& path, int flags, mode_t mode = 0666)
      : value_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (value_ < 0) fail_file(action, path, errno);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~FileDescriptor() { close(); }

  int get() const { return value_; }
  // Returns 0 or the error number; some file systems report a full disk only here.
  int close() {
    const int value = std::exchange(value_, -1);
    return value < 0 || ::close(value) == 0 ? 0 : errno;
  }

  // Writes all of `data` at the current position; returns 0 or the error number.
  int write_all(const void* data, std::size_t bytes) const {
    for (auto* from = static_cast<const char*>(data); bytes > 0;) {
      const ssize_t written = ::write(value_, from, bytes);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno;
      from += written;
      bytes -= static_cast<std::size_t>(written);
    }
    return 0;
  }

 private:
  int value_ = -1;
};

}  // namespace basin
