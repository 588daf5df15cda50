# The Debian packages that Basin needs, and how the scripts get them. Sourced, not run.

build_packages=(
  g++ cmake ninja-build git
  libdnnl-dev libeigen3-dev libhdf5-dev libcli11-dev nlohmann-json3-dev libfmt-dev libstb-dev
  libcurl4-openssl-dev ca-certificates libssl-dev libarchive-dev
  gnuplot-nox
)
test_packages=(libgtest-dev libgmock-dev python3 python3-numpy python3-h5py)
peer_packages=(python3-torch)                          # PyTorch parity tests and benchmarks
lint_packages=(clang-format clang-tidy)

# Installs what is missing of the packages named; without root it names them and stops.
need_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "error: this is not Debian or Ubuntu; install the equivalents of: ${missing[*]}" >&2
    exit 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "error: these packages are missing and installing them needs root:" >&2
      echo "  sudo apt-get install -y ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
