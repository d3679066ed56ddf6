#!/usr/bin/env bash
# Puts SCIM to the test of scim2-tester, which others wrote: every one of its checks, against the real binary with a real
# token. ACTARIUM_BIN is the binary; what the tester needs is installed once into tests/.cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${ACTARIUM_BIN:-$here/../bin/actarium}")
venv=$here/.cache/scim
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import scim2_tester' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'scim2-tester>=0.5.2,<0.6' 'scim2-client[httpx2]>=0.13.2,<0.14'
fi
folder=$(mktemp -d)
"$binary" serve --data-dir "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$folder"' EXIT
url=
for _ in $(seq 600); do
  url=$(sed -n 's/^listening on //p' "$folder/out")
  [ -n "$url" ] && break
  kill -0 $server 2>/dev/null || break
  sleep 0.1
done
[ -n "$url" ] || { cat "$folder/log" >&2; exit 1; }
status=0
"$venv/bin/python" "$here/scim.py" "$url" "$(cat "$folder/data/operator.token")" || status=$?
if grep -q panicked "$folder/log"; then
  echo "the server panicked:" >&2
  grep panicked "$folder/log" >&2
  status=1
fi
exit $status
