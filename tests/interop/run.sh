#!/usr/bin/env bash
# Interoperability: a client generated from our WSDL, the standard's examples and schemas, bad input, sudden death, and a DNP3
# outstation of others; all against the built program. Needs python3 with venv; installs zeep, lxml and dnp3py into
# tests/interop/.venv. Ends with "N passed, N failed".
#   DERGATE=path/to/dergate   another program than target/debug/dergate
#   DERGATE_SHARED=folder     where schemas/ and reference/ of IEC 61968-5 lie (default: a folder `shared` above the repository)
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/interop
program=${DERGATE:-target/debug/dergate}
[ -x "$program" ] || cargo build --locked
program=$(realpath "$program")

venv=$here/.venv
if ! "$venv/bin/python" -c 'import zeep, lxml, dnp3.mesa' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check zeep==4.3.3 lxml dnp3py==0.6.0
fi
python=$(realpath -s "$venv/bin/python")
export PYTHONDONTWRITEBYTECODE=1

folder=$(mktemp -d -t dergate-interop-XXXXXX)
plant= gateway=
finish() {
  status=$?
  for process in $gateway $plant; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ]; then
    echo "--- end of the gateway's log"
    tail -n 60 "$folder/gateway.log" 2>/dev/null || true
    echo "--- end of the plant's log"
    tail -n 10 "$folder/plant.log" 2>/dev/null || true
  fi
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$python" "$here/harness.py" prepare "$folder"
"$program" check "$folder/gateway.toml" >/dev/null
"$program" simulate "$folder/plant.toml" >"$folder/plant.log" 2>&1 &
plant=$!
"$program" run --config "$folder/gateway.toml" >"$folder/gateway.log" 2>&1 &
gateway=$!
echo "$gateway" >"$folder/gateway.pid"
"$python" "$here/harness.py" wait "$folder"

failed=0
for check in conversation standard refusals cases examples bad_input; do
  echo "== $check"
  "$python" "$here/$check.py" "$folder" || failed=1
  kill -0 "$gateway" 2>/dev/null || { echo "the gateway died during $check"; exit 1; }
done

echo "== sudden death"
if "$python" "$here/kill.py" --rounds 5 --program "$program"; then
  echo "1 0" >>"$folder/counts"
else
  echo "0 1" >>"$folder/counts"
  failed=1
fi

echo "== dnp3"
if "$program" --version | grep -qi 'without dnp3'; then
  echo "dnp3: left out: the program is built without it"
else
  "$python" "$here/outstation.py" "$folder" --program "$program" || failed=1
fi

awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed }' "$folder/counts"
exit "$failed"
