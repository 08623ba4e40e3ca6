# schemathesis out of Python wheels, in a place of its own. Sourced by scripts/test, never run.
# shellcheck shell=bash

# target/schemathesis/venv, made anew where it is not of tests/api/requirements.txt. pip takes only what has its checksums.
schemathesis_fetch() {
  local folder=${CARGO_TARGET_DIR:-target}/schemathesis wanted
  wanted=$(sha256sum <tests/api/requirements.txt)
  if [ "$(cat "$folder/is" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder" && mkdir -p "$folder"
    python3 -m venv "$folder/venv" >&2 || return 1
    "$folder/venv/bin/pip" --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
      --requirement tests/api/requirements.txt >&2 || return 1
    echo "$wanted" >"$folder/is"
  fi
  ROOMCAST_SCHEMATHESIS=$(realpath "$folder/venv/bin/st")
  export ROOMCAST_SCHEMATHESIS
}

api_test() {
  if schemathesis_fetch; then cargo test -p roomcast-tests --test api -- --nocapture; return; fi
  [ "${ROOMCAST_OFFLINE:-}" = 1 ] || { say "schemathesis is not to be had (see above); ROOMCAST_OFFLINE=1 leaves it out"; return 1; }
  say "not tested, as ROOMCAST_OFFLINE=1 and schemathesis is not to be had: docs/api/openapi.yaml"
}
