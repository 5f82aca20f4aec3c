#!/usr/bin/env bash
# How long `rules backtest` takes over 10,000 mails of a real store, and `rules eval` over 10,000 texts.
# The daemon itself takes the mails in first, from a Maildir: the fixture mails again and again, each with a Message-ID of its own.
#
#   cargo build --release && benches/backtest.sh
#
# MAILS, TEXTS and TRIAGED (the program) may be set in the environment. Needs python3 (nothing else).
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mails=${MAILS:-10000}
texts=${TEXTS:-10000}
triaged=${TRIAGED:-${CARGO_TARGET_DIR:-target}/release/triaged}
if [ ! -x "$triaged" ]; then
    echo "$triaged is missing: cargo build --release"
    exit 2
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/triaged-backtest.XXXXXX")
daemon=""
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work"/{ca,drt,emergency}/{cur,new,tmp}
{ cat fixtures/demo.toml; printf '\n[limits]\nanswers_per_hour = 1000000\n'; } >"$work/triaged.toml"

python3 - "$work" "$mails" "$texts" <<'PYTHON'
import glob, json, sys
work, mails, texts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sources = [open(path, "rb").read() for path in sorted(glob.glob("fixtures/cases/*/*.eml"))]
for n in range(mails):
    mail = sources[n % len(sources)].replace(b"Message-ID: <", b"Message-ID: <%d." % n, 1)
    open(f"{work}/ca/new/{n}.mail", "wb").write(mail)
rows = [json.loads(line) for path in sorted(glob.glob("fixtures/sentences/*.jsonl")) for line in open(path)]
with open(f"{work}/texts.jsonl", "w") as out:
    for n in range(texts):
        out.write(json.dumps(rows[n % len(rows)], ensure_ascii=False) + "\n")
PYTHON

seconds() { python3 -c 'import time; print(time.monotonic())'; }
since() { python3 -c "import time; print(f'{time.monotonic() - $1:.2f}')"; }

"$triaged" run -c "$work/triaged.toml" 2>"$work/log" &
daemon=$!
start=$(seconds)
# `rules stats` counts what is stored.
stored() { "$triaged" --json -c "$work/triaged.toml" rules stats 2>/dev/null | python3 -c 'import json,sys; print(json.load(sys.stdin)["mails"])' || echo 0; }
until [ "$(stored)" -ge "$mails" ]; do
    sleep 1
    if ! kill -0 "$daemon" 2>/dev/null; then tail -3 "$work/log"; exit 1; fi
done
echo "taken in, judged, stored, answered: $mails mails in about $(since "$start") s"
kill "$daemon"
wait "$daemon" || true
daemon=""

for round in 1 2 3; do
    start=$(seconds)
    "$triaged" -c "$work/triaged.toml" rules backtest --rules rules >"$work/backtest.txt" 2>/dev/null || true
    backtest=$(since "$start")
    start=$(seconds)
    "$triaged" rules eval "$work/texts.jsonl" --misses 0 >/dev/null
    echo "round $round: backtest of $mails stored mails $backtest s; eval of $texts texts $(since "$start") s"
done
head -1 "$work/backtest.txt"
