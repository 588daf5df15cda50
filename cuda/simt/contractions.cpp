// On the emulator there are no libraries.
#include "cuda/contractions.h"

namespace basin::cuda {

std::unique_ptr<Contractions> make_contractions(Stream stream, int) { return own_contractions(stream); }

}  // namespace basin::cuda
