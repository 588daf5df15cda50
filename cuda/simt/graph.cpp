// Graphs of the emulated device: the calls of a stream, with their arguments, to be done again.
#include "cuda/graph.h"

#include <utility>

#include "core/error.h"
#include "cuda/simt/stream.h"

namespace basin::cuda {

struct CapturedWork {
  simt::Recording calls;
};

Capture::Capture(Stream stream, const Site& site) : stream_(stream), work_(std::make_shared<CapturedWork>()) {
  check(stream.handle() != nullptr, site.file_name(), ":", site.line(), ": the default stream cannot be captured");
  check(!stream.capturing(site), site.file_name(), ":", site.line(), ": the stream is being captured already");
  stream.handle()->recording = std::shared_ptr<simt::Recording>(work_, &work_->calls);
}

Capture::~Capture() {
  if (work_) stream_.handle()->recording = nullptr;
}

Graph Capture::finish(const Site&) {
  stream_.handle()->recording = nullptr;
  return Graph(std::move(work_));
}

void Graph::run(Stream stream, const Site& site) const {
  check(!stream.capturing(site), site.file_name(), ":", site.line(), ": a graph is run in a stream that captures");
  for (const auto& call : work_->calls) call();
}

}  // namespace basin::cuda
