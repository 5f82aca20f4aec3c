-- On call: alerts about ourselves beside those of cases, several ways to reach a person, floods, what is put off.
-- Three tables are made anew: a column of theirs may be NULL from now on. No table refers to them.

CREATE TABLE alerts_new (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id         INTEGER UNIQUE REFERENCES cases (id),      -- NULL: about ourselves
    reference       TEXT    NOT NULL UNIQUE CHECK (length(reference) = 11),
    trouble         TEXT,                                      -- about ourselves: what of us, 'account ca'
    words           TEXT    NOT NULL,                          -- why it fires again, or what is wrong with us; '' for a new case
    ladder          TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('firing', 'acknowledged', 'resolved')),
    round           INTEGER NOT NULL CHECK (round >= 0),       -- calls so far, over all firings
    began           INTEGER NOT NULL CHECK (began BETWEEN 0 AND round),  -- of them, those of earlier firings
    step            INTEGER NOT NULL CHECK (step >= 0),        -- where the ladder stands in this firing
    due             INTEGER,                                   -- the ladder's next call
    early           INTEGER,                                   -- a call before that, to those of the last: there is news
    fired           INTEGER NOT NULL,
    called          INTEGER,                                   -- the last call
    again           INTEGER NOT NULL DEFAULT 0,                -- since then the reporter wrote so many times
    acknowledged    INTEGER,
    acknowledged_by TEXT,
    until           INTEGER,                                   -- who has it must have followed up by then, or it fires anew
    snoozed         INTEGER NOT NULL DEFAULT 0 CHECK (snoozed IN (0, 1)),   -- then it fires anew in any case
    leader          INTEGER CHECK (leader <> id),              -- in a flood: the alert that calls for this one, too
    told            INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),      -- a call of the leader has named it
    queue           TEXT    NOT NULL DEFAULT '',               -- floods are counted by queue, sender and shape of the text
    sender          TEXT    NOT NULL DEFAULT '',
    shape           INTEGER NOT NULL DEFAULT 0,
    found           INTEGER NOT NULL DEFAULT 0 CHECK (found IN (0, 1)),     -- rules found danger, not the mailbox's floor alone
    excerpt         TEXT    NOT NULL DEFAULT '',               -- what the sender wrote, as far as the queue allows it in alerts
    CHECK ((case_id IS NULL) = (trouble IS NOT NULL)),
    CHECK ((state = 'firing' AND leader IS NULL) = (due IS NOT NULL)),
    CHECK (early IS NULL OR due IS NOT NULL),
    CHECK (leader IS NULL OR state = 'firing'),
    CHECK (until IS NULL OR state = 'acknowledged'),
    CHECK ((acknowledged IS NULL) = (acknowledged_by IS NULL)),
    CHECK (state <> 'acknowledged' OR acknowledged IS NOT NULL)
) STRICT;
INSERT INTO alerts_new (id, case_id, reference, words, ladder, state, round, began, step, due, fired, acknowledged, acknowledged_by, queue)
    SELECT a.id, a.case_id, c.reference, '', a.ladder, a.state, a.round, a.began, a.round - a.began, a.due, a.fired, a.acknowledged, a.acknowledged_by, c.queue
    FROM alerts a JOIN cases c ON c.id = a.case_id;
DELETE FROM sqlite_sequence WHERE name = 'alerts_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'alerts_new', seq FROM sqlite_sequence WHERE name = 'alerts';
DROP TABLE alerts;
ALTER TABLE alerts_new RENAME TO alerts;
CREATE INDEX alerts_due ON alerts (due) WHERE due IS NOT NULL;
CREATE INDEX alerts_early ON alerts (early) WHERE early IS NOT NULL;
CREATE INDEX alerts_until ON alerts (until) WHERE until IS NOT NULL;
CREATE INDEX alerts_of_leader ON alerts (leader) WHERE leader IS NOT NULL;
CREATE INDEX alerts_by_time ON alerts (queue, fired);
-- What is wrong with ourselves is said once, for as long as it lasts.
CREATE UNIQUE INDEX alerts_of_trouble ON alerts (trouble) WHERE trouble IS NOT NULL AND state <> 'resolved';

CREATE TABLE outbox_new (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotent TEXT    NOT NULL UNIQUE,               -- what it is, once: 'acknowledgement/12', 'forward/40/team@...'
    case_id    INTEGER REFERENCES cases (id),         -- NULL: about ourselves
    alert      INTEGER REFERENCES alerts (id),        -- of calls and notices
    kind       TEXT    NOT NULL CHECK (kind IN ('acknowledgement', 'forward', 'alert', 'notice', 'canary')),
    channel    TEXT    NOT NULL DEFAULT '',           -- '' is mail, else the name of a webhook
    state      TEXT    NOT NULL CHECK (state IN ('ready', 'sending', 'sent', 'dead', 'dropped')),
    mail_from  TEXT,                                  -- NULL is <>
    rcpt_to    TEXT    NOT NULL,                      -- of a webhook: its name
    zstd       BLOB,                                  -- the mail or the payload; gone once it is sent or dropped
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
INSERT INTO outbox_new (id, idempotent, case_id, alert, kind, state, mail_from, rcpt_to, zstd, attempts, due, lease, last_error, created, settled)
    SELECT o.id, o.idempotent, o.case_id, CASE WHEN o.kind = 'alert' THEN a.id END, o.kind, o.state, o.mail_from, o.rcpt_to, o.zstd,
           o.attempts, o.due, o.lease, o.last_error, o.created, o.settled
    FROM outbox o LEFT JOIN alerts a ON a.case_id = o.case_id;
DELETE FROM sqlite_sequence WHERE name = 'outbox_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_new', seq FROM sqlite_sequence WHERE name = 'outbox';
DROP TABLE outbox;
ALTER TABLE outbox_new RENAME TO outbox;
CREATE INDEX outbox_ready ON outbox (channel, kind, due) WHERE state = 'ready';
CREATE INDEX outbox_waiting ON outbox (created) WHERE state IN ('ready', 'sending');
CREATE INDEX outbox_sending ON outbox (lease) WHERE state = 'sending';
CREATE INDEX outbox_of_case ON outbox (case_id);
CREATE INDEX outbox_of_alert ON outbox (alert) WHERE alert IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (settled) WHERE state = 'dead';

-- A mail that is no report has no row in messages: our own canary, or an answer to an alert about ourselves.
CREATE TABLE ledger_new (
    account  TEXT    NOT NULL,
    folder   TEXT    NOT NULL,
    validity INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    message  INTEGER REFERENCES messages (id),
    done     INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),  -- keyword set or moved, where configured
    PRIMARY KEY (account, folder, validity, key)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_new SELECT account, folder, validity, key, message, done FROM ledger;
DROP TABLE ledger;
ALTER TABLE ledger_new RENAME TO ledger;
CREATE INDEX ledger_of_message ON ledger (message);
CREATE INDEX ledger_undone ON ledger (account, folder, validity) WHERE done = 0;

-- Mails of our own that must come back through a mailbox: the way in, proved from end to end.
CREATE TABLE canaries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    address  TEXT    NOT NULL,
    sent     INTEGER NOT NULL,
    returned INTEGER CHECK (returned >= sent)
) STRICT;
CREATE INDEX canaries_by_address ON canaries (address, id);
