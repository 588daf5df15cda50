#include "cuda/simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "core/error.h"

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// void basin_simt_switch(void** save, void* load): the registers that a call preserves (System V ABI, 3.2.1) go onto
// the old stack and come from the new one.
asm(R"(
.text
.p2align 4
.globl basin_simt_switch
.hidden basin_simt_switch
.type basin_simt_switch, @function
basin_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size basin_simt_switch, . - basin_simt_switch
)");
extern "C" void basin_simt_switch(void** save, void* load);

namespace basin::simt {
namespace {

constexpr int kSavedRegisters = 6;

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

void before_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake_stack, to.stack_bottom, to.stack_bytes);
#endif
}

// `previous` learns the bounds of the stack that was left.
void after_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] Fiber* previous) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, previous ? &previous->stack_bottom : nullptr,
                                  previous ? &previous->stack_bytes : nullptr);
#endif
}

}  // namespace

Stacks::Stacks(std::size_t count, std::size_t bytes) : count_(count), bytes_(bytes) {
  void* memory =
      mmap(nullptr, count * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(memory != MAP_FAILED, "simt: no memory for ", count, " stacks of ", bytes, " bytes");
  memory_ = static_cast<char*>(memory);
  for (std::size_t i = 0; i < count; ++i) mprotect(memory_ + i * bytes, page_bytes(), PROT_NONE);
}

Stacks::~Stacks() { munmap(memory_, count_ * bytes_); }

Fiber Stacks::make_fiber(std::size_t i, void (*entry)()) const {
  char* bottom = memory_ + i * bytes_ + page_bytes();
  char* end = memory_ + (i + 1) * bytes_;
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(bottom, static_cast<std::size_t>(end - bottom));  // frames of the fiber before
#endif
  // Stacks begin at different cache sets, or the frames of all threads would compete for a few.
  auto* top = reinterpret_cast<void**>(end - i % 16 * 64);
  *--top = nullptr;                         // the return address of entry(), which does not return
  *--top = reinterpret_cast<void*>(entry);  // where the first switch returns to
  for (int k = 0; k < kSavedRegisters; ++k) *--top = nullptr;
  return {top, bottom, static_cast<std::size_t>(end - bottom), nullptr};
}

void switch_fiber(Fiber& from, Fiber& to) {
  before_switch(&from.fake_stack, to);
  basin_simt_switch(&from.stack_pointer, to.stack_pointer);
  after_switch(from.fake_stack, nullptr);
}

void leave_fiber(Fiber& to) {
  void* unused = nullptr;
  before_switch(nullptr, to);  // null: the fake stack goes with the fiber
  basin_simt_switch(&unused, to.stack_pointer);
  std::abort();
}

void enter_fiber(Fiber& resumer) { after_switch(nullptr, &resumer); }

}  // namespace basin::simt
