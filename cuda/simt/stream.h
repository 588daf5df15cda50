// Emulated streams do at once what they are asked to, or keep it for a graph.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace basin::simt {

// What a stream captured, in order.
using Recording = std::vector<std::function<void()>>;

// How often the host has waited for the device, in this process: for a stream, a copy from it, or an event that it has
// not been told to be reached.
std::uint64_t host_waits();

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
