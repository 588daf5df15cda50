#!/usr/bin/env bash
# On a machine with a GPU: the tests of the CUDA back end, then small ones under compute-sanitizer. In a bundle
# (tools/bundle.sh) or in the repository after a build.
#   --without-sanitizer   leaves compute-sanitizer out
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
sanitizer=true
for argument in "$@"; do
  case "$argument" in
    --without-sanitizer) sanitizer=false ;;
    *) echo "error: unknown flag $argument (--without-sanitizer)" >&2; exit 2 ;;
  esac
done

if [ -x "$here/bin/gpu_tests" ]; then
  tests=$here/bin/gpu_tests
else
  tests=$here/../build/tests/gpu/gpu_tests
fi
[ -x "$tests" ] || { echo "error: $tests is missing: build the target gpu_tests" >&2; exit 1; }
if $sanitizer && ! command -v compute-sanitizer >/dev/null; then
  echo "error: compute-sanitizer is not here; install it with the CUDA toolkit, or give --without-sanitizer" >&2
  exit 1
fi

report=$(mktemp)
trap 'rm -f "$report"' EXIT
"$tests" | tee "$report"
if ! grep -q '^\[  PASSED  \] [1-9]' "$report"; then
  echo "error: no test ran: $(grep -m1 'no usable GPU' "$report" || echo 'none passed')" >&2
  exit 1
fi
if $sanitizer; then
  for tool in memcheck racecheck initcheck synccheck; do
    echo "compute-sanitizer $tool"
    BASIN_GPU_TEST_SHAPES=small BASIN_CUDA_CONVOLUTIONS=own BASIN_CUDA_PRODUCTS=own \
      compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 1 "$tests" --gtest_brief=1 \
      --gtest_filter='-*Training*:*SaysWhatMemoryIsMissing*:*ByCudnn*:*ByCublasLt*'
  done
fi
