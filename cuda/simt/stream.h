// Emulated streams do at once what they are asked to, or keep it for a graph.
#pragma once
#include <functional>
#include <memory>
#include <vector>

namespace basin::simt {

// What a stream captured, in order.
using Recording = std::vector<std::function<void()>>;

}  // namespace basin::simt

// What a handle of an emulated stream points to.
struct CUstream_st {
  std::shared_ptr<basin::simt::Recording> recording;  // null: the stream does not capture
};

namespace basin::simt {

// Calls work(), or keeps it where the stream captures. Null is the default stream, which never does.
template <class Work>
void submit(CUstream_st* stream, Work work) {
  if (stream && stream->recording)
    stream->recording->emplace_back(std::move(work));
  else
    work();
}

}  // namespace basin::simt
