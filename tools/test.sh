#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test.
#   --sanitize   also the core, data and file tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   --lint       also clang-format (tools/lint.sh --tidy runs clang-tidy too, in about twenty minutes)
# BASIN_CIFAR10 names a folder with the real CIFAR-10 binaries; without it the tests that want them are skipped aloud.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh

sanitize=false lint=false
for argument in "$@"; do
  case "$argument" in
    --sanitize) sanitize=true ;;
    --lint) lint=true ;;
    *) echo "error: unknown flag $argument (--sanitize, --lint)" >&2; exit 2 ;;
  esac
done

need_packages "${build_packages[@]}" "${test_packages[@]}"
if $lint; then
  need_packages "${lint_packages[@]}"
fi

cmake --preset release -DBASIN_TESTS=ON >/dev/null
cmake --build build
if $lint; then
  tools/lint.sh
fi
if $sanitize; then
  cmake --preset sanitize -DBASIN_TESTS=ON >/dev/null
  cmake --build build-sanitize --target core_tests data_tests fuzz_tests landscape_tests
  build-sanitize/tests/core/core_tests --gtest_brief=1
  build-sanitize/tests/data/data_tests --gtest_brief=1
  build-sanitize/tests/fuzz/fuzz_tests --gtest_brief=1
  build-sanitize/tests/landscape/landscape_tests --gtest_brief=1 --gtest_filter='AppendLog.*:Range.*:Grid.*:*SurfaceFile.*:Reference*:DirectionFile.*:AmxConvert.*:AmxWeights.*:AmxLayout.*:AmxTileMap.*:Tiles/AmxContraction.*:*Winograd.*'
fi
ctest --test-dir build --output-on-failure -j "$(nproc)"
