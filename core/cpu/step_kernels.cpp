#include "core/step_kernels.h"

#include "core/cpu/cpu_backend.h"

namespace basin::cpu {

StepKernels& CpuBackend::step_kernels() { fail("cpu: no kernels of training steps"); }

}  // namespace basin::cpu
