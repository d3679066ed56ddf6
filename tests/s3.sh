#!/usr/bin/env bash
# Puts the archive and the copies of checkpoints in buckets of moto, an S3 server that others wrote, and looks at what is
# there with boto3. ACTARIUM_BIN is the binary; what it needs is installed once into tests/.cache.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "${ACTARIUM_BIN:-$here/../bin/actarium}")
venv=$here/.cache/moto
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import moto, boto3, werkzeug' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'moto[s3,server]>=5.2,<6'
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cc -shared -fPIC -O1 -Wall -o "$folder/clock.so" "$here/s3/clock.c" -ldl
CLOCK_SHIM="$folder/clock.so" TMPDIR="$folder" timeout "${TEST_SECONDS_MAX:-900}" "$venv/bin/python" "$here/s3/checks.py" "$binary" "$@"
