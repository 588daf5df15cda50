// gnuplot as a process: scripts in, pictures out.
#pragma once
#include <filesystem>
#include <string>

namespace basin {

enum class PictureFormat : std::uint8_t { png, svg, pdf };
// By the file's suffix; Error naming the three if it is another.
PictureFormat picture_format(const std::filesystem::path& path);

// "5.4 patchlevel 4", or "" where gnuplot is not installed.
std::string gnuplot_version();
// What to do where it is missing.
inline constexpr const char* kGnuplotMissing =
    "gnuplot is not installed: it draws the pictures (Debian and Ubuntu: sudo apt install gnuplot-nox)";

// The bytes that gnuplot writes on stdout for `script`, which reaches it on stdin; no file is made. Error with
// gnuplot's own words if it fails, and kGnuplotMissing if it is absent.
std::string run_gnuplot(const std::string& script);

}  // namespace basin
