#include "core/cpu/cpu_backend.h"

#include <cstring>
#include <utility>
#include <vector>

#include "core/cpu/memory_pool.h"
#include "core/parallel.h"

namespace basin {
namespace cpu {
namespace {

constexpr std::int64_t kCopyBlock = std::int64_t{1} << 20;  // bytes

void parallel_copy(void* to, const void* from, std::size_t bytes) {
  parallel_for_blocks(static_cast<std::int64_t>(bytes), kCopyBlock, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                static_cast<std::size_t>(end - begin));
  });
}

// Here all work is done when a call returns: copies are ready at once, and recorded work is called again.
class DoneCopy final : public PendingCopy {
 public:
  DoneCopy(const void* from, std::size_t bytes) : bytes_(bytes) { parallel_copy(bytes_.data(), from, bytes); }
  bool ready() const override { return true; }
  const void* wait() override { return bytes_.data(); }

 private:
  std::vector<std::byte> bytes_;
};

class RepeatedCall final : public RecordedWork {
 public:
  explicit RepeatedCall(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

std::unique_ptr<PendingCopy> CpuBackend::start_copy_to_host(const void* from, std::size_t bytes) {
  return std::make_unique<DoneCopy>(from, bytes);
}
std::unique_ptr<RecordedWork> CpuBackend::record(std::function<void()> work) {
  return std::make_unique<RepeatedCall>(std::move(work));
}
void* CpuBackend::allocate(std::size_t bytes) { return memory_pool().allocate(bytes); }
void CpuBackend::release(void* data, std::size_t bytes) noexcept { memory_pool().release(data, bytes); }
void CpuBackend::copy_from_host(void* to, const void* host, std::size_t bytes) { parallel_copy(to, host, bytes); }
void CpuBackend::copy_to_host(void* host, const void* from, std::size_t bytes) { parallel_copy(host, from, bytes); }
void CpuBackend::copy(void* to, const void* from, std::size_t bytes) { parallel_copy(to, from, bytes); }

}  // namespace cpu

Backend& cpu_backend() {
  static cpu::CpuBackend& backend = *new cpu::CpuBackend;  // never destroyed: tensors held by statics outlive it
  return backend;
}

}  // namespace basin
