#include "tests/data/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"

namespace basin {
namespace {

std::string read_request(int connection) {
  std::string request;
  char piece[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) break;
    request.append(piece, static_cast<std::size_t>(count));
  }
  return request;
}

// Where "Range: bytes=n-" begins, 0 without it.
std::size_t range_begin(const std::string& request) {
  const std::string field = "Range: bytes=";
  const std::size_t at = request.find(field);
  return at == std::string::npos ? 0 : std::stoul(request.substr(at + field.size()));
}

// Returns the bytes sent before the other side hung up.
std::size_t send_all(int connection, const char* data, std::size_t bytes) {
  std::size_t sent = 0;
  while (sent < bytes) {
    const ssize_t count = ::send(connection, data + sent, bytes - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

}  // namespace

HttpServer::HttpServer(std::string contents, ServerFaults faults)
    : contents_(std::move(contents)), faults_(std::move(faults)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener_, any, size) == 0 && ::listen(listener_, 8) == 0 && ::getsockname(listener_, any, &size) == 0,
        "the test's web server cannot start");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/file"; }

void HttpServer::serve() {
  for (;;) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    answer(connection);
    ::close(connection);
  }
}

void HttpServer::answer(int connection) {
  const std::size_t begin = faults_.ranges ? range_begin(read_request(connection)) : (read_request(connection), 0);
  const std::size_t size = contents_.size();
  std::string head = "HTTP/1.1 " + faults_.status + "\r\n";
  if (begin >= size) head = "HTTP/1.1 416 Range Not Satisfiable\r\n";
  if (begin > 0 && begin < size)
    head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(begin) + "-" +
           std::to_string(size - 1) + "/" + std::to_string(size) + "\r\n";
  const std::size_t rest = size - std::min(begin, size);
  head += "Content-Length: " + std::to_string(rest) + "\r\nConnection: close\r\n\r\n";
  send_all(connection, head.data(), head.size());
  const std::size_t bytes = std::min(rest, static_cast<std::size_t>(faults_.break_after));
  bytes_sent_ += static_cast<std::int64_t>(send_all(connection, contents_.data() + (size - rest), bytes));
}

}  // namespace basin
