#!/usr/bin/env bash
# Puts SCIM to the test of scim2-tester, which others wrote: every one of its checks, against the real binary with a real
# token. ACTARIUM_BIN is the binary; what the tester needs is installed once into tests/.cache.
set -euo pipefail
. "$(dirname "$0")/server.sh"
venv=$here/.cache/scim
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import scim2_tester' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'scim2-tester>=0.5.2,<0.6' 'scim2-client[httpx2]>=0.13.2,<0.14'
fi
start_server
status=0
"$venv/bin/python" "$here/scim.py" "$url" "$token" || status=$?
finish $status
