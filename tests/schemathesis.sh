#!/usr/bin/env bash
# Puts the API to the test of its own OpenAPI document with schemathesis: generated requests, good and bad, against the
# real binary. ACTARIUM_BIN is the binary; what schemathesis needs is installed once into tests/.cache.
set -euo pipefail
. "$(dirname "$0")/server.sh"
: "${EXAMPLES:=15}"
: "${SEED:=$RANDOM}"
venv=$here/.cache/schemathesis
if [ ! -x "$venv/bin/st" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'schemathesis>=4.6,<5'
fi
start_server
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
finish $status
