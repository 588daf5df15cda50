#include "core/interrupt.h"

#include <csignal>

namespace basin {
namespace {

volatile std::sig_atomic_t signalled = 0;

void on_signal(int number) {
  signalled = 1;
  std::signal(number, SIG_DFL);
}

}  // namespace

void install_interrupt_handler() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return signalled != 0; }

}  // namespace basin
