// Stacks and the switch between them: each thread of a kernel runs on a stack of its own, all of a block's on one
// thread of the operating system. Linux on x86-64. AddressSanitizer is told of every switch.
#pragma once
#include <cstddef>

namespace basin::simt {

// Where a suspended stack goes on.
struct Fiber {
  void* stack_pointer = nullptr;
  const void* stack_bottom = nullptr;  // for AddressSanitizer, as the next two
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;
};

// Memory for `count` stacks, each with an inaccessible page below it: an overflow is a fault, not a corruption.
class Stacks {
 public:
  Stacks(std::size_t count, std::size_t bytes);
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  // A fiber that begins with entry(), which must not return, on stack `i`.
  Fiber make_fiber(std::size_t i, void (*entry)()) const;

 private:
  std::size_t count_, bytes_;
  char* memory_;
};

// Suspends the running fiber as `from` and resumes `to`.
void switch_fiber(Fiber& from, Fiber& to);
// Resumes `to`; the running fiber is never resumed.
[[noreturn]] void leave_fiber(Fiber& to);
// The first statement of a fiber's entry; `resumer` is the fiber that switched to it.
void enter_fiber(Fiber& resumer);

}  // namespace basin::simt
