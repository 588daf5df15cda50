// SHA-256, which identifies checkpoints and verifies downloads.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace basin {

// 64 lower-case hexadecimal digits (FIPS 180-4).
std::string sha256(std::string_view bytes);
// Of a file's contents, read in pieces. Error "cannot read '<path>': <reason>".
std::string sha256_file(const std::filesystem::path& path);

}  // namespace basin
