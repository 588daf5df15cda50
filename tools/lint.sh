#!/usr/bin/env bash
# clang-format and clang-tidy over the sources that git knows; needs a configured build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files '*.cpp' '*.h')
clang-format --dry-run --Werror "${sources[@]}"
mapfile -t units < <(git ls-files '*.cpp' ':!tests')
printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build --quiet --warnings-as-errors='*' 2>/dev/null
echo "lint: ${#sources[@]} files formatted, ${#units[@]} units tidy"
