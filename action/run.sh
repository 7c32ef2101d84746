#!/usr/bin/env bash
# run.sh [ARGUMENT...] finds `sprag-compare` and runs it with the arguments, `action` without any. It takes the path in SPRAG_BINARY
# (input `binary`), else a binary at the root of this action, else the asset of the release that this commit of the action names. Nothing
# is built here, and nothing that was downloaded runs before its SHA-256 is the one in `checksums.txt` beside this script. Ends with 3
# when there is nothing to run.
# Works with bash 3.2 and what Linux, macOS and Git for Windows have: curl, gzip, awk, sha256sum or shasum.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home_repository=sprag-ci/sprag
most_bytes=67108864

refuse() { # WHAT HINT
  local text="$1 (hint: $2)"
  printf '::error title=sprag::%s\n' "${text//[$'\r\n']/ }"
  exit 3
}

unix_path() { # PATH; of Windows or not
  if command -v cygpath >/dev/null; then cygpath -u "$1"; else printf '%s\n' "$1"; fi
}

sha256() { # FILE
  if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

runner_target() {
  case ${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)} in
    Linux-X64 | Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-ARM64 | Linux-aarch64) echo aarch64-unknown-linux-musl ;;
    macOS-ARM64 | Darwin-arm64) echo aarch64-apple-darwin ;;
    macOS-X64 | Darwin-x86_64) echo x86_64-apple-darwin ;;
    # Windows on ARM runs x86-64 programs.
    Windows-X64 | Windows-ARM64 | MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
    *) return 1 ;;
  esac
}

checksum_of() { # ASSET
  tr -d '\r' <"$here/checksums.txt" | awk -v asset="$1" '$2 == asset && length($1) == 64 && $1 !~ /[^0-9a-f]/ { print $1; exit }'
}

# Where release assets may be, best first. Whatever a place sends must have the checksum, so none has to be trusted.
places() {
  local repository=${SPRAG_ACTION_REPOSITORY:-$home_repository} server=${GITHUB_SERVER_URL:-https://github.com}
  if [ -n "${SPRAG_MIRROR:-}" ]; then
    printf '%s\n' "${SPRAG_MIRROR%/}"
    return
  fi
  printf '%s\n' "${server%/}/$repository/releases/download"
  if [ "$server" != https://github.com ]; then
    printf '%s\n' "https://github.com/$repository/releases/download"
  fi
}

download() { # URL FILE
  local protocol='=https' try
  # A plain-text mirror only on this machine: tests, and runners with a local cache.
  case $1 in
    *@*) ;;
    http://127.0.0.1[:/]* | http://localhost[:/]*) protocol='=http' ;;
  esac
  for try in 1 2 3; do
    # curl waits and repeats what a server says is passing; a body that breaks off (18) it does not.
    if curl --proto "$protocol" --proto-redir "$protocol" --tlsv1.2 --fail --silent --show-error --location --retry 5 \
      --connect-timeout 20 --max-time 300 --max-filesize "$most_bytes" --output "$2" "$1"; then
      return 0
    elif [ $? != 18 ]; then
      return 1
    fi
    echo "sprag: $1 broke off (try $try of 3)"
  done
  return 1
}

# Downloads ASSET into the folder WORK, verifies it, unpacks it to WORK/binary and verifies that too.
unpacked() { # ASSET VERSION WORK
  local asset=$1 version=$2 work=$3 place packed
  packed=$(checksum_of "$asset.gz")
  [ -n "$packed" ] || refuse "no checksum of $asset.gz" "use a released tag of the action, or the commit of one"
  while read -r place; do
    download "$place/v$version/$asset.gz" "$work/packed" || continue
    if [ "$(sha256 "$work/packed")" != "$packed" ]; then
      refuse "$place/v$version/$asset.gz has the SHA-256 $(sha256 "$work/packed"), not $packed; it was not run" \
        "somebody changed the release or the mirror; report it"
    fi
    gzip -dc "$work/packed" | head -c "$((most_bytes + 1))" >"$work/binary" || true
    if [ "$(sha256 "$work/binary")" != "$(checksum_of "$asset")" ]; then
      refuse "what $asset.gz holds has another SHA-256 than checksums.txt says; it was not run" "report it: the release is broken"
    fi
    chmod +x "$work/binary"
    return 0
  done < <(places)
  refuse "$asset.gz of v$version cannot be downloaded from $(places | paste -s -d ' ' -)" \
    "see the lines above; a runner without a way to GitHub needs the input \`mirror\` or \`binary\`"
}

# The verified binary of this release, from the tool cache when an earlier job left it there: sets `binary`.
released() {
  local version target asset wanted cache work
  version=$(tr -d ' \r\n' <"$here/version")
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || refuse "action/version is no version" "use a released tag of the action"
  target=$(runner_target) || refuse "there is no sprag-compare for ${RUNNER_OS:-$(uname -s)} on ${RUNNER_ARCH:-$(uname -m)}" \
    "build it with \`cargo build --release -p sprag-compare\` and name it in the input \`binary\`"
  asset=sprag-compare-$target
  wanted=$(checksum_of "$asset")
  [ -n "$wanted" ] || refuse "this commit of the action has no checksum of $asset: it is not a release" \
    "use a released tag of the action or the commit of one; or build the binary and name it in the input \`binary\`"
  cache=$(unix_path "${RUNNER_TOOL_CACHE:-${RUNNER_TEMP:-${TMPDIR:-/tmp}}}")/sprag/$wanted
  binary=$cache/sprag-compare
  case $target in *windows*) binary=$binary.exe ;; esac
  if [ -f "$binary" ] && [ "$(sha256 "$binary")" = "$wanted" ]; then
    return 0
  fi
  mkdir -p "$cache" 2>/dev/null || refuse "the folder $cache cannot be made" "let the runner's user write to RUNNER_TOOL_CACHE"
  # Unpacked aside and moved: jobs that start together on one machine never see half a file.
  work=$(mktemp -d "$cache/new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  unpacked "$asset" "$version" "$work"
  # On Windows a job that runs the same file keeps it from being replaced.
  mv -f "$work/binary" "$binary" || [ "$(sha256 "$binary")" = "$wanted" ] ||
    refuse "$binary cannot be written" "clear the folder $cache"
  rm -rf "$work"
}

binary=${SPRAG_BINARY:-}
if [ -n "$binary" ]; then
  binary=$(unix_path "$binary")
  [ -f "$binary" ] && [ -x "$binary" ] || refuse "the input \`binary\` names $SPRAG_BINARY, which is no program" "give the path of sprag-compare"
elif [ -x "$here/../sprag-compare" ]; then
  binary=$here/../sprag-compare
elif [ -x "$here/../sprag-compare.exe" ]; then
  binary=$here/../sprag-compare.exe
else
  released
fi
case $binary in */*) ;; *) binary=./$binary ;; esac
exec "$binary" "${@:-action}"
