#!/usr/bin/env bash
# usage: bundle_test.sh SOURCE BUILD. Packs what is built, unpacks it elsewhere and runs it there with an empty
# environment; no library but glibc's and CUDA's may come from outside of the bundle.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "error: $*" >&2; exit 1; }

"$1/tools/bundle.sh" --build "$2" "$folder/bundle.tar.gz"
tar -C "$folder" -xzf "$folder/bundle.tar.gz"
cd "$folder"
[ -n "$(env -i basin-bundle/bin/basin --version)" ] || fail "basin --version does not run"
env -i basin-bundle/bin/basin doctor >doctor
grep -q '^training  *ready' doctor || fail "basin doctor finds it unfit"
env -i basin-bundle/bin/gpu_tests --gtest_list_tests >tests
grep -q '^GpuDevice\.' tests || fail "gpu_tests lists no tests"

for program in basin-bundle/libexec/*; do
  outside=$(LD_LIBRARY_PATH=basin-bundle/lib ldd "$program" | awk '$2 == "=>" && $3 !~ /^basin-bundle\// {print $1}' |
    grep -Ev '^(libc|libm|libpthread|libdl|librt|libresolv)\.so\.[0-9]+$' || true)
  [ -z "$outside" ] || fail "$program takes from outside of the bundle: $outside"
done

# What it says where it cannot check anything: one line, and no success.
env -i basin-bundle/bin/gpu_tests --gtest_filter=GpuDevice.SaysWhatItIs >one || true
if grep -q "no usable GPU" one; then
  PATH=/usr/bin:/bin basin-bundle/gpu_check.sh --without-sanitizer >/dev/null 2>error && fail "gpu_check.sh succeeds without a GPU"
  grep -q '^error: no test ran: no usable GPU' error || fail "gpu_check.sh: $(cat error)"
fi
if ! PATH=/usr/bin:/bin command -v compute-sanitizer >/dev/null; then
  PATH=/usr/bin:/bin basin-bundle/gpu_check.sh 2>error && fail "gpu_check.sh succeeds without compute-sanitizer"
  grep -q '^error: compute-sanitizer is not here' error || fail "gpu_check.sh: $(cat error)"
fi
