#!/usr/bin/env bash
# From nothing to a picture: installs the Debian packages that are missing, builds, runs the demo.
# Arguments go to `basin demo` (see `basin demo --help`).
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh

need_packages "${build_packages[@]}"
cmake --preset release -DBASIN_TESTS=OFF >/dev/null
cmake --build build --target basin
exec build/tools/basin demo "$@"
