// Work of a stream that is captured once and run many times: a CUDA graph. What is launched, copied and filled while a
// Capture lives is kept, with the arguments of that moment, and not done; Graph::run does it. Memory that the work
// allocates: MemoryArena (cuda/memory_pool.h).
#pragma once
#include <memory>

#include "cuda/runtime.h"

namespace basin::cuda {

struct CapturedWork;  // cuda/native/graph.cpp, cuda/simt/graph.cpp

class Graph {
 public:
  // Does the work, in the order of `stream`, and does not wait for it.
  void run(Stream stream, const Site& site = Site::current()) const;

 private:
  friend class Capture;
  explicit Graph(std::shared_ptr<CapturedWork> work) : work_(std::move(work)) {}
  std::shared_ptr<CapturedWork> work_;
};

// Begins to capture `stream`, which is not the default one and captures nothing yet. Nothing may wait for the stream
// until finish().
class Capture {
 public:
  explicit Capture(Stream stream, const Site& site = Site::current());
  ~Capture();  // without finish(): what was captured is forgotten
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Graph finish(const Site& site = Site::current());

 private:
  Stream stream_;
  std::shared_ptr<CapturedWork> work_;  // null once finished
};

}  // namespace basin::cuda
