#include "core/hash.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <vector>

#include "core/file_descriptor.h"

namespace basin {
namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    check(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "SHA-256: OpenSSL lacks it");
  }
  void update(const void* data, std::size_t bytes) {
    check(EVP_DigestUpdate(context_.get(), data, bytes) == 1, "SHA-256: OpenSSL failed");
  }
  std::string hexadecimal() {
    std::array<unsigned char, 32> digest{};
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1, "SHA-256: OpenSSL failed");
    std::string text;
    for (const unsigned char byte : digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hexadecimal();
}

std::string sha256_file(const std::filesystem::path& path) {
  const FileDescriptor file("read", path, O_RDONLY);
  Sha256 hash;
  std::vector<char> piece(1 << 20);
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_file("read", path, errno);
    if (count == 0) return hash.hexadecimal();
    hash.update(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace basin
