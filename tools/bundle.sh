#!/usr/bin/env bash
# Makes a folder, packed, that runs on another Linux machine which has only glibc, the driver and CUDA's libraries: the
# commands, the tests for GPUs, and the libraries that they need besides. There: tar -xzf basin-bundle.tar.gz, then
# basin-bundle/gpu_check.sh or basin-bundle/bin/basin doctor.
#   tools/bundle.sh [--build DIR] [OUT.tar.gz]      OUT: basin-bundle.tar.gz
# --build takes what is built in DIR instead of building with the preset "portable".
set -euo pipefail
cd "$(dirname "$0")/.."
build='' out=basin-bundle.tar.gz
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=${2:?--build wants a folder}; shift 2 ;;
    -*) echo "error: unknown flag $1 (--build)" >&2; exit 2 ;;
    *) out=$1; shift ;;
  esac
done
most_bytes=$((60 << 20))

if [ -z "$build" ]; then
  source tools/packages.sh
  need_packages "${build_packages[@]}" "${test_packages[@]}"
  cmake --preset portable -DBASIN_TESTS=ON >/dev/null
  build=build-portable
  cmake --build "$build" --target help | grep -q '^gpu_tests:' ||
    { echo "error: $build has no CUDA back end: nvcc was not found" >&2; exit 1; }
  cmake --build "$build" --target basin gpu_tests
fi
for program in tools/basin tests/gpu/gpu_tests; do
  [ -x "$build/$program" ] || { echo "error: $build/$program is missing: build the targets basin and gpu_tests" >&2; exit 1; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bundle=$folder/basin-bundle
mkdir -p "$bundle/bin" "$bundle/lib" "$bundle/libexec"
cp "$build/tools/basin" "$build/tests/gpu/gpu_tests" "$bundle/libexec"
strip "$bundle"/libexec/*
cp tools/gpu_check.sh "$bundle"
# glibc is the machine's own: it belongs to its loader. CUDA's libraries come with the machine's CUDA.
ldd "$bundle"/libexec/* | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -Ev '/(ld-linux[^/]*|libc|libm|libpthread|libdl|librt|libresolv|libcuda|libcud[a-z]*|libcublas[A-Za-z]*)\.so[^/]*$' |
  while read -r library; do cp -L "$library" "$bundle/lib"; done
# The libraries of a bundle name each other: found first in the bundle by a path that the wrapper gives.
for program in basin gpu_tests; do
  cat >"$bundle/bin/$program" <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/../lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/../libexec/$(basename "$0")" "$@"
WRAPPER
  chmod +x "$bundle/bin/$program"
done

tar -C "$folder" -czf "$out" basin-bundle
bytes=$(stat -c %s "$out")
if [ "$bytes" -gt "$most_bytes" ]; then
  echo "error: $out is $((bytes >> 20)) MiB, at most $((most_bytes >> 20)) are allowed" >&2
  exit 1
fi
echo "$out: $((bytes >> 10)) KiB, $(find "$bundle/lib" -type f | wc -l) libraries"
