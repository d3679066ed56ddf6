#!/usr/bin/env bash
# Puts the API to the test of its own OpenAPI document with schemathesis: generated requests, good and bad, against the
# real binary. ACTARIUM_BIN is the binary; what schemathesis needs is installed once into tests/.cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${ACTARIUM_BIN:-$here/../bin/actarium}")
cd "$here"
: "${EXAMPLES:=15}"
: "${SEED:=$RANDOM}"
venv=$here/.cache/schemathesis
if [ ! -x "$venv/bin/st" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'schemathesis>=4.6,<5'
fi
folder=$(mktemp -d)
"$binary" serve --data-dir "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$folder/out")
  [ -n "$url" ] && break
  sleep 0.1
done
[ -n "$url" ] || { cat "$folder/log" >&2; exit 1; }
token=$(cat "$folder/data/operator.token")
python3 - "$url" "$token" <<'MAKE'
import sys, urllib.request
url, token = sys.argv[1:]
headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
body = b'{"slug": "demo", "name": "Demo"}'
urllib.request.urlopen(urllib.request.Request(f"{url}/v1/orgs", body, headers)).read()
MAKE
echo "schemathesis against $url, SEED=$SEED EXAMPLES=$EXAMPLES"
status=0
# What it keeps for itself goes with the folder.
cd "$folder"
ACTARIUM_TOKEN=$token timeout 1500 "$venv/bin/st" --config-file "$here/schemathesis.toml" run "$url/openapi.json" --url "$url" \
  --seed "$SEED" --max-examples "$EXAMPLES" || status=$?
if grep -q panicked "$folder/log"; then
  echo "the server panicked:" >&2
  grep panicked "$folder/log" >&2
  status=1
fi
exit $status
