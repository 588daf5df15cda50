#!/usr/bin/env bash
# clang-format over the sources that git knows; with --tidy clang-tidy too, which needs a configured build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files '*.cpp' '*.h' '*.cu' '*.cuh')
clang-format --dry-run --Werror "${sources[@]}"
echo "lint: ${#sources[@]} files are formatted"
if [ "${1:-}" = --tidy ]; then
  mapfile -t units < <(git ls-files '*.cpp' ':!tests' ':!tools/bench')
  printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build --quiet --warnings-as-errors='*' 2>/dev/null
  echo "lint: ${#units[@]} units are tidy"
fi
