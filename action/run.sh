#!/usr/bin/env bash
# Runs `sprag-compare action`: the binary beside this action when there is one, else built from the source beside it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for binary in "$here/sprag-compare" "$here/sprag-compare.exe"; do
  if [ -x "$binary" ]; then
    exec "$binary" action
  fi
done
if ! command -v cargo >/dev/null; then
  echo "::error::sprag: there is no sprag-compare beside the action and no cargo to build it (hint: install Rust first)"
  exit 3
fi
target=${RUNNER_TEMP:-/tmp}/sprag-target
cargo build --quiet --profile quick --locked --manifest-path "$here/Cargo.toml" -p sprag-compare --target-dir "$target" || exit 3
exec "$target/quick/sprag-compare" action
