// What every user of oneDNN shares. One oneDNN thread per thread of ours: its OpenMP barriers become 10 to 100 times
// slower as soon as a foreign process holds a core.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace basin::cpu {

// The engine and the instructions of oneDNN, held to what core/cpu/features.h allows. The limit takes effect before
// oneDNN's first use alone: nobody makes an engine of their own or asks oneDNN directly.
const dnnl::engine& dnnl_engine();
dnnl::cpu_isa dnnl_isa();

// The calling thread's stream. Also limits oneDNN to one thread on it: ask for it before making a primitive.
dnnl::stream& dnnl_stream();

// Runs a primitive on the calling thread, with scratch memory of its own when it asks for some (user scratchpads).
void execute(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
             std::unordered_map<int, dnnl::memory> arguments);

inline dnnl::memory dnnl_memory(const dnnl::memory::desc& desc, const void* data) {
  return {desc, dnnl_engine(), const_cast<void*>(data)};
}

// Primitives by their sizes and options: making one compiles code.
template <class Key, class Value>
class PrimitiveCache {
 public:
  // The value of `key`, made by make() at its first use.
  template <class Make>
  std::shared_ptr<const Value> get(const Key& key, const Make& make) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<const Value>& value = values_[key];
    if (!value) value = std::make_shared<const Value>(make());
    return value;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Value>> values_;
};

}  // namespace basin::cpu
