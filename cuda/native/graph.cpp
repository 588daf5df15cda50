#include "cuda/graph.h"

#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/error.h"
#include "cuda/native/captured_values.h"

namespace basin::cuda {
namespace {

void destroy_executable(cudaGraphExec_t graph) noexcept { cudaGraphExecDestroy(graph); }
void destroy_template(cudaGraph_t graph) noexcept { cudaGraphDestroy(graph); }

// Streams that capture.
struct Captures {
  std::mutex mutex;
  std::map<cudaStream_t, CapturedWork*> of_stream;
};
Captures& captures() {
  static Captures& instance = *new Captures;
  return instance;
}

}  // namespace

struct CapturedWork {
  Handle<cudaGraphExec_t, destroy_executable> executable;
  std::vector<PinnedBuffer> host_values;  // that the graph copies to the device
  cudaStream_t last_run_in = nullptr;

  // A graph that is destroyed while it runs ends first, but its host memory would not wait for that.
  ~CapturedWork() {
    if (last_run_in && !host_values.empty()) cudaStreamSynchronize(last_run_in);
  }
};

const void* values_for_graph(cudaStream_t stream, const void* host, std::size_t bytes, const Site& site) {
  Captures& all = captures();
  const std::lock_guard lock(all.mutex);
  const auto found = all.of_stream.find(stream);
  if (found == all.of_stream.end()) return host;
  const PinnedBuffer& kept = found->second->host_values.emplace_back(bytes, site);
  std::memcpy(kept.data(), host, bytes);
  return kept.data();
}

Capture::Capture(Stream stream, const Site& site) : stream_(stream), work_(std::make_shared<CapturedWork>()) {
  // Relaxed: the memory pool may need cudaMalloc meanwhile.
  CUDA_CHECK_AT(site, cudaStreamBeginCapture(stream.handle(), cudaStreamCaptureModeRelaxed));
  const std::lock_guard lock(captures().mutex);
  captures().of_stream[stream.handle()] = work_.get();
}

Capture::~Capture() {
  if (!work_) return;
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(stream_.handle(), &graph);
  if (graph) cudaGraphDestroy(graph);
  cudaGetLastError();  // what went wrong has been reported
  const std::lock_guard lock(captures().mutex);
  captures().of_stream.erase(stream_.handle());
}

Graph Capture::finish(const Site& site) {
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream_.handle(), &captured);
  const Handle<cudaGraph_t, destroy_template> graph(captured);
  {
    const std::lock_guard lock(captures().mutex);
    captures().of_stream.erase(stream_.handle());
  }
  const std::shared_ptr<CapturedWork> work = std::move(work_);
  CUDA_CHECK_AT(site, ended);
  cudaGraphExec_t executable = nullptr;
  CUDA_CHECK_AT(site, cudaGraphInstantiate(&executable, graph.get(), 0));
  work->executable = Handle<cudaGraphExec_t, destroy_executable>(executable);
  // Now, not at the first run.
  CUDA_CHECK_AT(site, cudaGraphUpload(executable, stream_.handle()));
  return Graph(work);
}

void Graph::run(Stream stream, const Site& site) const {
  CUDA_CHECK_AT(site, cudaGraphLaunch(work_->executable.get(), stream.handle()));
  work_->last_run_in = stream.handle();
}

}  // namespace basin::cuda
