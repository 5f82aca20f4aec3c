-- The first schema. States are words, every move is checked, and ids are never used twice.
-- Moments are milliseconds since 1970 (UTC).

-- One row: the key of Message-ID tokens, drawn when the store is made.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT    NOT NULL UNIQUE CHECK (length(reference) = 11 AND reference GLOB 'TS-*'),
    state     TEXT    NOT NULL CHECK (state IN ('new', 'open', 'waiting', 'closed')),
    queue     TEXT    NOT NULL CHECK (queue <> ''),
    reporter  TEXT    NOT NULL,                       -- address as written, '' if the mail names none
    language  TEXT,
    opened    INTEGER NOT NULL,
    changed   INTEGER NOT NULL CHECK (changed >= opened),
    closed    INTEGER,
    CHECK ((state = 'closed') = (closed IS NOT NULL))
) STRICT;
CREATE INDEX cases_by_queue ON cases (queue, state, opened);

CREATE TABLE messages (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id     INTEGER NOT NULL REFERENCES cases (id),
    account     TEXT    NOT NULL,
    message_id  TEXT,                                 -- the mail's own, without brackets
    content_key BLOB UNIQUE CHECK (length(content_key) = 32),  -- Message-ID and content; NULL without a Message-ID
    raw_hash    BLOB    NOT NULL CHECK (length(raw_hash) = 32),
    size        INTEGER NOT NULL CHECK (size >= 0),   -- on the server
    sender      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    language    TEXT,
    automated   TEXT,                                 -- the reason word
    junk        INTEGER NOT NULL CHECK (junk IN (0, 1)),
    damage      TEXT    NOT NULL CHECK (json_valid(damage)),
    attachments TEXT    NOT NULL CHECK (json_valid(attachments)),
    answer      TEXT    NOT NULL CHECK (json_valid(answer)),    -- sent to whom, or withheld and why
    received    INTEGER NOT NULL,
    stored      INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_of_case ON messages (case_id);
CREATE INDEX messages_by_hash ON messages (raw_hash);
CREATE INDEX messages_by_id ON messages (message_id) WHERE message_id IS NOT NULL;

-- Apart from `messages`, so that lists do not read through mail.
CREATE TABLE raw_mails (
    message INTEGER PRIMARY KEY REFERENCES messages (id),
    zstd    BLOB NOT NULL
) STRICT;

CREATE TABLE verdicts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    message    INTEGER NOT NULL REFERENCES messages (id),
    queue      TEXT    NOT NULL CHECK (queue <> ''),
    rules_hash TEXT    NOT NULL,
    verdict    TEXT    NOT NULL CHECK (json_valid(verdict)),     -- with its trace
    judged     INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_of_message ON verdicts (message);

-- Law 1: what was read, by identity on the server. Nothing else decides what is read.
CREATE TABLE ledger (
    account  TEXT    NOT NULL,
    folder   TEXT    NOT NULL,
    validity INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    message  INTEGER NOT NULL REFERENCES messages (id),
    done     INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),  -- keyword set or moved, where configured
    PRIMARY KEY (account, folder, validity, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_of_message ON ledger (message);
CREATE INDEX ledger_undone ON ledger (account, folder, validity) WHERE done = 0;

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotent TEXT    NOT NULL UNIQUE,               -- what it is, once: 'acknowledgement/12', 'forward/40/team@...'
    case_id    INTEGER NOT NULL REFERENCES cases (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('acknowledgement', 'forward', 'alert')),
    state      TEXT    NOT NULL CHECK (state IN ('ready', 'sending', 'sent', 'dead', 'dropped')),
    mail_from  TEXT,                                  -- NULL is <>
    rcpt_to    TEXT    NOT NULL,
    zstd       BLOB,                                  -- the mail; gone once it is sent or dropped
    attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due        INTEGER NOT NULL,
    lease      INTEGER,                               -- while sending: claimed until then
    last_error TEXT,
    created    INTEGER NOT NULL,
    settled    INTEGER,                               -- when it was sent, given up or dropped
    CHECK ((state = 'sending') = (lease IS NOT NULL)),
    CHECK ((state IN ('sent', 'dead', 'dropped')) = (settled IS NOT NULL)),
    CHECK ((state IN ('sent', 'dropped')) = (zstd IS NULL)),
    CHECK (state NOT IN ('sending', 'sent') OR attempts > 0)
) STRICT;
CREATE INDEX outbox_ready ON outbox (kind, due) WHERE state = 'ready';
CREATE INDEX outbox_sending ON outbox (lease) WHERE state = 'sending';
CREATE INDEX outbox_of_case ON outbox (case_id);
CREATE INDEX outbox_dead ON outbox (settled) WHERE state = 'dead';

-- Who was answered when: what the caps are counted by. Lower-case addresses; rows older than a day mean nothing.
CREATE TABLE answers (
    address TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    case_id INTEGER NOT NULL REFERENCES cases (id)
) STRICT;
CREATE INDEX answers_by_address ON answers (address, at);
CREATE INDEX answers_by_time ON answers (at);

CREATE TABLE alerts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id         INTEGER NOT NULL UNIQUE REFERENCES cases (id),
    ladder          TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('firing', 'acknowledged', 'resolved')),
    round           INTEGER NOT NULL CHECK (round >= 0),       -- steps taken so far, over all firings
    began           INTEGER NOT NULL CHECK (began BETWEEN 0 AND round),  -- of them, those of earlier firings
    due             INTEGER,                                   -- the next step
    fired           INTEGER NOT NULL,
    acknowledged    INTEGER,
    acknowledged_by TEXT,
    CHECK ((state = 'firing') = (due IS NOT NULL)),
    CHECK ((acknowledged IS NULL) = (acknowledged_by IS NULL)),
    CHECK (state <> 'acknowledged' OR acknowledged IS NOT NULL)
) STRICT;
CREATE INDEX alerts_due ON alerts (due) WHERE state = 'firing';

-- What was done by whom. Only added to.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL CHECK (who <> ''),
    what    TEXT    NOT NULL CHECK (what <> ''),
    case_id INTEGER REFERENCES cases (id),
    detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_of_case ON audit (case_id);
