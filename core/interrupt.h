// Ctrl-C and SIGTERM as a flag that long work asks for, so that it can end with everything saved.
#pragma once

namespace basin {

// From now on the first SIGINT or SIGTERM sets the flag; a second one ends the process at once.
void install_interrupt_handler();
bool interrupted();

// What a command throws when it stopped because of the flag, after saving: main returns 130 without an error line.
class Interrupted {};

}  // namespace basin
