// A web server on this machine that serves one file, with the faults that downloads meet.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace basin {

struct ServerFaults {
  bool ranges = false;                 // answer "Range: bytes=n-" with the rest; otherwise always send the whole file
  std::int64_t break_after = 1 << 30;  // bytes of each answer after which the connection is cut
  std::string status = "200 OK";       // of whole answers
};

class HttpServer {
 public:
  explicit HttpServer(std::string contents, ServerFaults faults = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;
  // Of the file, in all answers.
  std::int64_t bytes_sent() const { return bytes_sent_; }

 private:
  void serve();
  void answer(int connection);

  std::string contents_;
  ServerFaults faults_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<std::int64_t> bytes_sent_ = 0;
  std::thread thread_;
};

}  // namespace basin
