// Ownership of what a C library hands out: the value is destroyed with its owner. Move-only.
#pragma once
#include <utility>

namespace basin {

// `destroy(value)` is called once, unless the value is `none`. Its result is ignored: destructors cannot fail.
template <class T, auto destroy, T none = T{}>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, none)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != none) destroy(value_);
  }
  T get() const { return value_; }
  T release() { return std::exchange(value_, none); }  // to the caller, who destroys it

 private:
  T value_ = none;
};

}  // namespace basin
