# `scripts/test fuzz`: each target for ROOMCAST_SECONDS. Sourced by scripts/test.
# shellcheck shell=bash

has cargo-fuzz || cargo install cargo-fuzz --locked
found=$PWD/target/fuzz
for path in tests/fuzz/corpus/*; do
  target=${path##*/}
  say "fuzzing $target for ${ROOMCAST_SECONDS:-60} s"
  mkdir -p "$found/new/$target"
  # The sanitizer wants a compiler that takes options which are not stable.
  RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz/libfuzzer --target-dir target/fuzz "$target" \
    "$found/new/$target" "$PWD/$path" -- -max_total_time="${ROOMCAST_SECONDS:-60}" -max_len=4096 -len_control=20 \
    -timeout=10 -artifact_prefix="$found/$target-" -print_final_stats=1 ||
    fail "A defect: ROOMCAST_FUZZ_SHOW=1 ROOMCAST_FUZZ_TARGET=$target ROOMCAST_FUZZ_FILE=(the file above) cargo test -p roomcast-fuzz -- --nocapture shows its steps. Mended, it belongs into $path."
done
