# `scripts/test memcheck`: the module in a redis-server under valgrind. Sourced by scripts/test.
# shellcheck shell=bash

# What takes each command, and every way in which a room is written and read.
kept=(commands:: errors:: persistence::debug_reload persistence::restart persistence::what_happens
  replication::a_replica_and_its_replica replication::a_promoted_replica_goes_on devices:: ends:: keyspace::)
folder=$PWD/target/memcheck
rm -rf "$folder" && mkdir -p "$folder"
cat >"$folder/redis-server" <<SERVER
#!/bin/sh
exec valgrind --quiet --exit-on-first-error=yes --error-exitcode=99 --log-file="$folder/%p.log" --num-callers=40 \\
  --soname-synonyms=somalloc='*jemalloc*' --suppressions="$PWD/tests/memcheck/redis.supp" \\
  "${REDIS_SERVER:-redis-server}" "\$@"
SERVER
chmod +x "$folder/redis-server"
cargo build -p roomcast-module
library=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/libroomcast.so
# Ten minutes are plenty, where nothing hangs.
result=0
REDIS_SERVER=$folder/redis-server ROOMCAST_MODULE=$library timeout 900 \
  cargo test -p roomcast-tests --test module -- --test-threads 2 "${kept[@]}" || result=$?
# Each says nothing, unless something is wrong.
if grep -H . "$folder"/*.log >&2; then fail "valgrind has found what is above."; fi
[ "$result" = 0 ]
