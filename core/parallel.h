// The thread pool of the process. Work is cut into items whose number depends on shapes alone; threads take items in
// turn, so that results never depend on how many threads there are.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>

namespace basin {

// Threads that parallel_for may use, the calling one included. At first: the processors available to the process.
int thread_count();
// Sets it (1 to 4096). Must not be called from inside parallel_for.
void set_thread_count(int count);

// Calls body(0), ..., body(count - 1), each once, in any order and on any thread; returns when all are done. Runs
// serially when called from inside another parallel_for, inside a SerialScope, or while another thread's parallel_for
// has the pool. The first exception of a body is rethrown here; items not yet begun are then left out.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

// parallel_for over [0, count) in blocks: body(begin, end) with end - begin = block, but for the last.
template <class Body>
void parallel_for_blocks(std::int64_t count, std::int64_t block, const Body& body) {
  parallel_for((count + block - 1) / block, [&](std::int64_t i) { body(i * block, std::min(count, (i + 1) * block)); });
}

// Until the end of the scope the calling thread runs every parallel_for serially: for threads that are themselves one
// of many, such as those that own a grid point each.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;
};

}  // namespace basin
