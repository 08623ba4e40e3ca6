# The Debian packages: making them, and trying them in a clean root. Sourced by scripts/package and scripts/test, never run.
# shellcheck shell=bash

# The version of cargo-deb.
CARGO_DEB=3.8.0

built_in=$(realpath -m "${CARGO_TARGET_DIR:-target}")

# target/tools/bin/cargo-deb.
packages_tool() {
  "$built_in/tools/bin/cargo-deb" --version 2>/dev/null | grep -q "$CARGO_DEB" && return
  say "building cargo-deb $CARGO_DEB, once"
  CARGO_TARGET_DIR=$built_in/tools/build cargo install cargo-deb --version "$CARGO_DEB" --locked --quiet --root "$built_in/tools" >&2
  rm -rf "$built_in/tools/build"
}

# Both packages out of what is built, with a revision of Debian's, in a folder: older ones there are removed.
packages_make() {
  local revision=$1 folder=$2 package
  packages_tool
  mkdir -p "$folder"
  for package in roomcast-proxy roomcast-module; do
    "$built_in/tools/bin/cargo-deb" --no-build --package "$package" --deb-revision "$revision" --output "$folder/"
  done
}

# A root of Debian 12 without anything of ours, kept as an archive.
packages_root() {
  local archive=$built_in/debian/root.tar
  if [ ! -e "$archive" ]; then
    say "making a clean root of Debian 12, once"
    mmdebstrap --quiet --variant=apt --components=main bookworm "$archive.new" || return 1
    mv "$archive.new" "$archive"
  fi
  rm -rf "$1" && mkdir -p "$1" && tar -xf "$archive" -C "$1"
}

packages_test() {
  [ "$(id -u)" = 0 ] || { say "a clean root is made and entered by root: sudo scripts/test packages"; return 1; }
  packages_make 1 "$built_in/debian/older" && packages_make 2 "$built_in/debian/newer" || return 1
  local root=$built_in/debian/root
  packages_root "$root" || return 1
  say "trying them in the root"
  # Its mounts end with it.
  unshare --mount python3 tests/packages/try.py "$root" "$built_in/debian/older" "$built_in/debian/newer"
}
