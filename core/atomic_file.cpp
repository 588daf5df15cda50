#include "core/atomic_file.h"

#include <sys/stat.h>

#include <atomic>

namespace basin {
namespace {

constexpr const char* kWrite = "write";
constexpr const char* kRead = "read";

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::filesystem::path resolve_link(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_symlink(path, ignored)) return path;
  const auto resolved = std::filesystem::canonical(path, ignored);
  return ignored ? path : resolved;
}

// A name is durable once its folder is. Some network file systems cannot sync folders (EINVAL) and need not.
int sync_folder(const std::filesystem::path& path) {
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  const int error = ::fsync(folder) == 0 || errno == EINVAL ? 0 : errno;
  ::close(folder);
  return error;
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), target_(resolve_link(path)) {
  struct stat old {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail_file(kWrite, path_, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) {
    file_ = FileDescriptor(kWrite, target_, O_WRONLY);
    return;
  }
  create_temporary();
  if (exists) ::fchmod(file_.get(), old.st_mode & 07777);
}

// The name does not contain the destination's, which may already be as long as the file system allows.
void AtomicFile::create_temporary() {
  static std::atomic<unsigned> counter{0};
  for (;;) {
    const auto name = ".basin-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
    const auto candidate = folder_of(target_) / name;
    const int descriptor = ::open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) fail_file(kWrite, path_, errno);
    file_ = FileDescriptor(descriptor);
    temporary_ = candidate;
    return;
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  if (const int error = file_.write_all(data, bytes)) fail_file(kWrite, path_, error);
}

void AtomicFile::commit() {
  const bool direct = temporary_.empty();
  if (!direct && ::fsync(file_.get()) != 0) fail_file(kWrite, path_, errno);
  if (const int error = file_.close()) fail_file(kWrite, path_, error);
  if (direct) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_file(kWrite, path_, errno);
  temporary_.clear();
  if (const int error = sync_folder(target_)) fail_file(kWrite, path_, error);
}

void write_file(const std::filesystem::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

std::string read_file(const std::filesystem::path& path) {
  const FileDescriptor file(kRead, path, O_RDONLY);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail_file(kRead, path, errno);
  if (S_ISDIR(status.st_mode)) fail_file(kRead, path, EISDIR);
  check(!S_ISCHR(status.st_mode), "cannot read '", path.string(), "': expected a file, found a device");  // endless
  // One byte more than the size, so that a file that did not grow ends without a second allocation.
  std::string contents(static_cast<std::size_t>(status.st_size) + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    if (filled == contents.size()) contents.resize(2 * contents.size());
    const ssize_t count = ::read(file.get(), contents.data() + filled, contents.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_file(kRead, path, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  contents.resize(filled);
  return contents;
}

}  // namespace basin
