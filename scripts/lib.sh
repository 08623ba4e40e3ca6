# Shared by the scripts: where things are, what is said, and what a bare machine lacks. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi
say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }
fail() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# The text of a script's --help is the comment at its top.
help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
for arg in "$@"; do case $arg in -h | --help) help ;; --) break ;; esac; done

has() { command -v "$1" >/dev/null; }
# Whether one of the files is there; a pattern that fits nothing arrives as it is written.
any() { local file; for file; do [ ! -e "$file" ] || return 0; done; return 1; }

# Packages of Debian 12 that are missing for a purpose: build, redis, balancers, curl, node, client, servers, python, count, fuzz, packages,
# or peers.
missing() {
  case $1 in
    build)
      has cc || echo gcc
      any /usr/include/stdlib.h || echo libc6-dev
      # The proxy's allocator is built with it.
      has make || echo make
      # The bindings to Redis' module API are made by libclang, which needs its own headers.
      [ -n "${LIBCLANG_PATH:-}" ] || any /usr/lib/llvm-*/lib/libclang.so* /usr/lib/*/libclang-[0-9]*.so* || echo libclang1-14
      any /usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h || echo libclang-common-14-dev
      ;;
    redis)
      has "${REDIS_SERVER:-redis-server}" || echo redis-server
      has "${REDIS_CLI:-redis-cli}" || echo redis-tools
      ;;
    balancers)
      any /usr/sbin/haproxy || echo haproxy
      any /usr/sbin/nginx || echo nginx-light
      ;;
    curl)
      has curl || echo curl
      ;;
    node)
      has node || echo nodejs
      has npm || echo npm
      ;;
    client)
      missing node
      any "${CHROMIUM:-/usr/bin/chromium}" || echo chromium
      # A certificate for the push service of the tests.
      has openssl || echo openssl
      any /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf || echo fonts-dejavu-core
      ;;
    servers)
      has python3 || echo python3
      python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
      ;;
    python)
      has python3 || echo python3
      python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
      ;;
    count)
      has valgrind || echo valgrind
      ;;
    fuzz)
      # libFuzzer is C++.
      has c++ || echo g++
      ;;
    packages)
      # What a program links against is found by dpkg-shlibdeps.
      has dpkg-shlibdeps || echo dpkg-dev
      has mmdebstrap || echo mmdebstrap
      has systemd-analyze || echo systemd
      has python3 || echo python3
      ;;
    peers)
      missing node
      any /usr/sbin/mosquitto || echo mosquitto
      # Debian's is older than the one that Go builds.
      has go || has nats-server || echo nats-server
      ;;
  esac
}

# Installs what is missing for the purposes, or says the line that does.
need() {
  has cargo || fail "Rust is missing: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"
  local packages=() purpose
  for purpose in "$@"; do mapfile -t -O "${#packages[@]}" packages < <(missing "$purpose"); done
  [ "${#packages[@]}" -gt 0 ] || return 0
  local line="apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
  has apt-get || fail "Missing: ${packages[*]} (names of Debian 12). On Debian this installs them: $line"
  [ "$(id -u)" = 0 ] || fail "Missing: ${packages[*]}. This installs them: sudo sh -c '$line'"
  say "installing ${packages[*]}"
  install_packages "${packages[@]}"
}

# Without recommended packages, and without starting the services that a package brings, now or at the next start.
install_packages() {
  local policy=/usr/sbin/policy-rc.d ours=''
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >&2 && apt-get install -y -q --no-install-recommends "$@" >&2 || fail "The installation failed, see above."
  if [ -n "$ours" ]; then rm -f "$policy"; trap - EXIT; fi
  local package
  for package; do
    case $package in redis-server | mosquitto | nats-server | haproxy | nginx-light)
      # nginx-light is a package; its service is nginx.
      if has systemctl; then systemctl -q disable "${package%-light}" 2>/dev/null || true; fi ;;
    esac
  done
}

# The two programs as users run them; `build caller` also the module that the tests of access rules call commands by.
build() {
  say "building the module and the proxy"
  cargo build --release -p roomcast-module -p roomcast-proxy "${@/#/-proomcast-}"
}

# Many sockets want many files.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
