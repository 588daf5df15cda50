// One pass over parameter, gradient and state.
#include <cmath>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {

void CpuBackend::sgd_step(const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
                          const View& momentum) {
  dispatch_float(parameter.dtype, "sgd_step", [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate), decay = static_cast<T>(step.weight_decay);
    const T mu = static_cast<T>(step.momentum);
    const bool nesterov = step.nesterov;
    const T* g = gradient.as<T>();
    T *p = parameter.as<T>(), *m = momentum.as<T>();
    parallel_for_blocks(parameter.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T total = g[i] + decay * p[i];
        const T velocity = (first ? T{0} : mu * m[i]) + total;  // the state may be uninitialised when first
        m[i] = velocity;
        p[i] -= rate * (nesterov ? total + mu * velocity : velocity);
      }
    });
  });
}

void CpuBackend::adam_step(const AdamStep& step, const ConstView& gradient, const View& parameter,
                           const View& first_moment, const View& second_moment) {
  dispatch_float(parameter.dtype, "adam_step", [&]<class T>(T) {
    const auto t = static_cast<double>(step.step);
    const double bias1 = 1 - std::pow(step.beta1, t), bias2 = 1 - std::pow(step.beta2, t);
    const T rate = static_cast<T>(step.learning_rate / bias1), root_bias2 = static_cast<T>(std::sqrt(bias2));
    const T beta1 = static_cast<T>(step.beta1), rest1 = static_cast<T>(1 - step.beta1);
    const T beta2 = static_cast<T>(step.beta2), rest2 = static_cast<T>(1 - step.beta2);
    const T epsilon = static_cast<T>(step.epsilon);
    const T coupled = static_cast<T>(step.decoupled ? 0 : step.weight_decay);
    const T keep = static_cast<T>(step.decoupled ? 1 - step.learning_rate * step.weight_decay : 1);
    const T* g = gradient.as<T>();
    T *p = parameter.as<T>(), *m = first_moment.as<T>(), *v = second_moment.as<T>();
    parallel_for_blocks(parameter.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T total = g[i] + coupled * p[i];
        m[i] = beta1 * m[i] + rest1 * total;
        v[i] = beta2 * v[i] + rest2 * total * total;
        p[i] = keep * p[i] - rate * m[i] / (std::sqrt(v[i]) / root_bias2 + epsilon);
      }
    });
  });
}

}  // namespace basin::cpu
