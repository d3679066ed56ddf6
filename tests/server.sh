# Sourced by the scripts that put the real binary to the test of other programs. `start_server` starts it on an empty folder of its own
# and sets `folder`, `url` and `token`; it ends with the script, and its folder goes. ACTARIUM_BIN is the binary.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(realpath "${ACTARIUM_BIN:-$here/../bin/actarium}")
folder=$(mktemp -d)
server=

end_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap end_server EXIT

start_server() {
  "$binary" serve --data-dir "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/log" &
  server=$!
  url=
  for _ in $(seq 600); do
    url=$(sed -n 's/^listening on //p' "$folder/out")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  if [ -z "$url" ]; then
    cat "$folder/log" >&2
    exit 1
  fi
  token=$(cat "$folder/data/operator.token")
}

# Ends the script with the status that it is given, or with 1 if the server has panicked.
finish() {
  local status=$1
  if grep -q panicked "$folder/log"; then
    echo "the server panicked:" >&2
    grep panicked "$folder/log" >&2
    status=1
  fi
  exit "$status"
}
