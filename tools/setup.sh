#!/bin/sh
# Installs what is missing of the Debian packages that building and testing need. Says nothing where nothing is missing.
#
#   tools/setup.sh [build|style|bench]...
#
# build (the default): to build, run and test; style: for `make format` and `make tidy`;
# bench: for `make bench`.
set -eu

# What each is for: docs/dependencies.md.
build="make valgrind g++ cmake ninja-build ccache pkg-config libgtest-dev libasio-dev spin libmsgpack-cxx-dev"
build="$build clang-16 libclang-rt-16-dev llvm-16"
build="$build bubblewrap libjemalloc2 mold python3-dev pybind11-dev python3-pybind11 python3-pytest python3-numpy"
build="$build python3-cloudpickle python3-msgpack mypy python3-nbclient python3-nbformat python3-ipykernel"
build="$build libboost-dev libuv1-dev libevent-dev libglib2.0-dev libsqlite3-dev"
build="$build libseccomp-dev python3-build python3-setuptools python3-wheel python3-venv python3-pip"
build="$build libpng-dev libjpeg-dev prometheus-cpp-dev openssh-server libcli11-dev nlohmann-json3-dev chromium"
build="$build libssl-dev slurmctld slurmd slurm-client munge iproute2"
build="$build libpython3.11-testsuite python3-joblib python3-dask python3-tqdm python3-prometheus-client rustc"
style="clang-format-16 clang-tidy-16 black"
bench="python3 gnuplot-nox"
bench="$bench cppzmq-dev libnng-dev libboost-dev libcapnp-dev capnproto libcaf-dev libtbb-dev"
bench="$bench libssl-dev libopenmpi-dev openmpi-bin libiceoryx-posh-dev libiceoryx-hoofs-dev libacl1-dev"
bench="$bench libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc openssh-client openssh-server"
bench="$bench erlang-base gunicorn"

wanted=""
for group in "${@:-build}"; do
  case $group in
    build) wanted="$wanted $build" ;;
    style) wanted="$wanted $style" ;;
    bench) wanted="$wanted $bench" ;;
    *) echo "setup.sh: no such group: $group (there are: build, style, bench)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "setup.sh: this is no Debian: going on with what is here. Needed are, by Debian's names:$wanted" >&2
  exit 0
fi

# dpkg-query fails where it has never heard of one of the names; what it knows it prints all the same.
installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $wanted 2>/dev/null || true)"
missing=""
for package in $wanted; do
  case $installed in
    *" installed:$package "*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup.sh: as root, or with sudo installed, please: apt-get install$missing" >&2
    exit 1
  fi
  as_root="sudo"
fi

echo "Installing:$missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"; }
install() { apt install --no-install-recommends $missing; }
# The lists of packages are fetched only where those at hand do not do.
install || { apt update && install; }
