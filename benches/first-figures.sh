#!/usr/bin/env bash
# First figures: 3,000 mails of about 9 KB wait in one IMAP mailbox. How long until triaged has stored and judged all
# of them and handed out 6,000 mails (an acknowledgement and a forward each), beside mbsync's durable download of the
# same mailbox, in alternating rounds on the same machine, with peak memory.
#
#   cargo build --release && benches/first-figures.sh          # both halves
#   benches/first-figures.sh mbsync                            # the yardstick alone
#
# MAILS, ROUNDS and TRIAGED (the program) may be set in the environment. Needs dovecot-imapd, postfix (smtp-sink),
# isync, openssl, python3. Servers are private instances on free ports; everything lies in one temporary folder, on a
# disk and not in memory, since what is compared is durable.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

what=${1:-both}
mails=${MAILS:-3000}
rounds=${ROUNDS:-3}
triaged=${TRIAGED:-${CARGO_TARGET_DIR:-target}/release/triaged}
# Longest a round may take, seconds.
patience=120

work=$(mktemp -d "${TMPDIR:-/var/tmp}/triaged-bench.XXXXXX")
chmod 755 "$work"
sink_pid=""
triaged_pid=""

finish() {
    for pid in $triaged_pid $sink_pid; do kill "$pid" 2>/dev/null || true; done
    [ ! -e "$work/dovecot.conf" ] || dovecot -c "$work/dovecot.conf" stop 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

for program in dovecot smtp-sink mbsync openssl python3; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing: apt-get install --no-install-recommends dovecot-imapd postfix isync openssl python3"
        exit 2
    fi
done
if [ "$what" != mbsync ] && [ ! -x "$triaged" ]; then
    echo "$triaged is missing: cargo build --release"
    exit 2
fi

# ---- the servers ----

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A private authority and a certificate for localhost: a self-signed one is no end entity to rustls.
make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=triaged bench CA" \
        -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$work/imap.key" -out "$work/imap.csr" 2>/dev/null
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$work/imap.ext"
    openssl x509 -req -in "$work/imap.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
        -extfile "$work/imap.ext" -out "$work/imap.pem" 2>/dev/null
}

# Dovecot will not serve mail as root, so mail belongs to nobody when we are.
start_dovecot() {
    local group service_users=""
    if [ "$(id -u)" -eq 0 ]; then owner=nobody; else owner=$(id -un); fi
    group=$(id -gn "$owner")
    # An ordinary user cannot give its processes to Dovecot's own users.
    if [ "$owner" != nobody ]; then
        service_users=$(printf 'default_internal_user = %s\ndefault_login_user = %s\ndefault_internal_group = %s' "$owner" "$owner" "$group")
    fi
    imap_port=$(free_port)
    cat >"$work/dovecot.conf" <<CONF
base_dir = $work/run
log_path = $work/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <$work/imap.pem
ssl_key = <$work/imap.key
$service_users
first_valid_uid = 1
mail_uid = $owner
mail_gid = $group
mail_home = $work/home
mail_location = maildir:$work/home/Maildir
passdb {
  driver = static
  args = password=bench
}
userdb {
  driver = static
  args = uid=$owner gid=$group home=$work/home
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = $imap_port
    ssl = yes
  }
}
service anvil {
  chroot =
}
CONF
    dovecot -c "$work/dovecot.conf"
}

# Counts in $work/sink, as "sess=1 quit=0 mesg=17", each time overwritten with a carriage return.
start_sink() {
    local user=()
    # As root it insists on giving root up.
    [ "$(id -u)" -ne 0 ] || user=(-u nobody)
    smtp_port=$(free_port)
    smtp-sink -c "${user[@]}" "127.0.0.1:$smtp_port" 128 >"$work/sink" 2>/dev/null &
    sink_pid=$!
}

stop_sink() {
    kill "$sink_pid"
    wait "$sink_pid" 2>/dev/null || true
    sink_pid=""
}

# How many mails the sink has taken.
handed_over() {
    # One process a look, not five: looking must not cost what is measured.
    local line
    line=$(tail -c 60 "$work/sink")
    line=${line##*mesg=}
    line=${line%%[!0-9]*}
    echo "${line:-0}"
}

# ---- the mail ----

# About 9 KB each, distinct sender, Message-ID and text, nothing that any rule should raise.
fill_mailbox() {
    mkdir -p "$work/home/Maildir/"{cur,new,tmp}
    python3 - "$work/home/Maildir/new" "$mails" <<'PYTHON'
import random, sys
from email.utils import formatdate
folder, mails = sys.argv[1], int(sys.argv[2])
rng = random.Random(2)
words = """the a page article editor history source library river village council water paper reader note
question change summary table map photograph century station bridge garden school letter answer talk list
please could would about after before under between since while there here again today yesterday never
often rather quite small large early late open clear written found moved added removed read looked""".split()
def sentence():
    return " ".join(rng.choice(words) for _ in range(rng.randint(6, 18))).capitalize() + "."
def paragraph():
    text, line, lines = " ".join(sentence() for _ in range(rng.randint(4, 9))).split(), "", []
    for word in text:
        if len(line) + len(word) > 72:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return "\n".join(lines + [line])
now = formatdate()
for n in range(mails):
    head = f"""Return-Path: <writer{n}@example.net>
Delivered-To: ca@example.org
Received: from mail.example.net (mail.example.net [192.0.2.7])
\tby mx.example.org (Postfix) with ESMTPS id B{n:06}
\tfor <ca@example.org>; {now}
From: Writer {n} <writer{n}@example.net>
To: ca@example.org
Subject: {sentence()[:60]} ({n})
Date: {now}
Message-ID: <bench.{n}.{rng.getrandbits(48):x}@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

"""
    body = f"This is letter number {n}.\n"
    while len(head) + len(body) < 8900:
        body += "\n" + paragraph() + "\n"
    with open(f"{folder}/17000{n:05}.M{n}P1.bench", "w") as file:
        file.write(head + body)
PYTHON
    [ "$owner" != nobody ] || chown -R "$owner" "$work/home"
}

# ---- one round of each ----

seconds_since() {
    awk -v began="$1" -v now="$EPOCHREALTIME" 'BEGIN { printf "%.2f", now - began }'
}

# mbsync with FSync: each mail is on disk before it counts, as each of ours is. Sets $mbsync_took.
mbsync_round() {
    local into="$work/mbsync.$1" began stored
    mkdir -p "$into"
    cat >"$into/rc" <<CONF
FSync yes

IMAPAccount bench
Host localhost
Port $imap_port
User ca
Pass bench
AuthMechs LOGIN
SSLType IMAPS
CertificateFile $work/ca.pem
SystemCertificates no

IMAPStore far
Account bench

MaildirStore near
Path $into/
Inbox $into/INBOX

Channel bench
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
CONF
    began=$EPOCHREALTIME
    mbsync -c "$into/rc" -q bench
    mbsync_took=$(seconds_since "$began")
    stored=$(find "$into/INBOX" -path '*/new/*' -o -path '*/cur/*' | wc -l)
    rm -rf "$into"
    if [ "$stored" -ne "$mails" ]; then
        echo "mbsync stored $stored of $mails mails"
        exit 1
    fi
}

triaged_config() {
    printf 'bench' >"$1/password"
    cat >"$1/triaged.toml" <<CONF
[identity]
name = "Bench"
domain = "example.org"
general_contact = "ca@example.org"
[store]
path = "$1/store/triaged.db"
[smtp]
host = "127.0.0.1"
port = $smtp_port
tls = "clear-text"
from = "triaged@example.org"
[[queue]]
name = "threat-of-harm"
route_to = ["emergency-team@example.org"]
[[queue]]
name = "child-protection"
route_to = ["legal-reports@example.org"]
sealed = true
forward = "manifest"
[[queue]]
name = "disinformation"
route_to = ["drt-team@example.org"]
[[queue]]
name = "general"
route_to = ["ca-team@example.org"]
[[account]]
id = "ca"
queue = "general"
floor = "general"
[[account.intake]]
address = "ca@example.org"
[account.imap]
host = "localhost"
port = $imap_port
ca_file = "$work/ca.pem"
user = "ca"
password_file = "$1/password"
[limits]
# Every writer is answered: the caps are for people, this is a measurement.
answers_per_hour = 1000000
CONF
}

# How many messages the store of this round holds: the one place that knows a table's name.
stored_messages() {
    python3 - "$1/store/triaged.db" <<'PYTHON'
import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute("SELECT count(*) FROM messages").fetchone()[0])
PYTHON
}

# Sets $triaged_took (seconds until the last mail was handed over) and $triaged_peak (MB).
triaged_round() {
    local into="$work/triaged.$1" began since stored
    mkdir -p "$into/store"
    start_sink
    triaged_config "$into"
    began=$EPOCHREALTIME
    since=$SECONDS
    "$triaged" run --config "$into/triaged.toml" >"$into/log" 2>&1 &
    triaged_pid=$!
    until [ "$(handed_over)" -ge $((2 * mails)) ]; do
        if ! kill -0 "$triaged_pid" 2>/dev/null || [ $((SECONDS - since)) -ge "$patience" ]; then
            echo "triaged handed over $(handed_over) of $((2 * mails)) mails and then stopped, or took over $patience s; its last lines:"
            tail -n 20 "$into/log"
            exit 1
        fi
        sleep 0.05
    done
    triaged_took=$(seconds_since "$began")
    triaged_peak=$(awk '/^VmHWM:/ { printf "%.0f", $2 / 1024 }' "/proc/$triaged_pid/status")
    kill "$triaged_pid"
    wait "$triaged_pid"
    triaged_pid=""
    # Any mail too many would show by now.
    stored=$(stored_messages "$into")
    if [ "$stored" -ne "$mails" ] || [ "$(handed_over)" -ne $((2 * mails)) ]; then
        echo "stored $stored of $mails, handed over $(handed_over) of $((2 * mails))"
        exit 1
    fi
    stop_sink
    rm -rf "$into"
}

# ---- the run ----

make_certificates
start_dovecot
fill_mailbox
size=$(find "$work/home/Maildir/new" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%.1f", n / NR / 1000 }')
echo "$mails mails of $size KB on $(stat -f -c %T "$work"), $(nproc) cores, $(mbsync --version), dovecot $(dovecot --version)"

# Not counted: Dovecot moves new mail to cur and builds its index at the first look.
mbsync_round warm-up

if [ "$what" = mbsync ]; then
    for round in $(seq "$rounds"); do
        mbsync_round "$round"
        echo "round $round: mbsync $mbsync_took s"
    done
    exit
fi

for round in $(seq "$rounds"); do
    mbsync_round "$round"
    triaged_round "$round"
    ratio=$(awk -v a="$triaged_took" -v b="$mbsync_took" 'BEGIN { printf "%.2f", a / b }')
    echo "round $round: mbsync $mbsync_took s, triaged $triaged_took s, ratio $ratio, peak $triaged_peak MB"
    echo "$ratio $triaged_peak" >>"$work/rounds"
done
# The aim: a ratio of 1 or less, under 64 MB.
sort -n "$work/rounds" | awk '{ ratio[NR] = $1; if ($2 > peak) peak = $2 }
    END { print "median ratio triaged/mbsync " ratio[int((NR + 1) / 2)] ", highest peak " peak " MB" }'
