# promtool, which tests the alert rules, out of Debian's package prometheus: the server in it is neither installed nor started.
# Sourced by scripts/test, never run.
# shellcheck shell=bash

# One that is installed, or target/promtool/promtool; needs no root.
promtool_fetch() {
  local folder=${CARGO_TARGET_DIR:-target}/promtool line
  if ! has promtool && [ ! -x "$folder/promtool" ]; then
    rm -rf "$folder" && mkdir -p "$folder"
    line='apt-get download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool && rm prometheus_*.deb'
    say "fetching promtool"
    (cd "$folder" && eval "$line" >&2) ||
      fail "Missing: promtool. This fetches it: sudo apt-get update; (cd $folder && $line). ROOMCAST_PROMTOOL names one that is elsewhere."
  fi
  ROOMCAST_PROMTOOL=${ROOMCAST_PROMTOOL:-$(command -v promtool || realpath "$folder/promtool")}
  export ROOMCAST_PROMTOOL
}
