-- What staff decide about cases, what belongs together, and whom our answers do not reach.

-- A case that staff took to another queue: also a label for the rules (`rules stats`, `rules backtest`).
CREATE TABLE moves (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id    INTEGER NOT NULL REFERENCES cases (id),
    message    INTEGER NOT NULL REFERENCES messages (id),   -- the mail that had placed the case
    from_queue TEXT    NOT NULL CHECK (from_queue <> ''),
    to_queue   TEXT    NOT NULL CHECK (to_queue <> '' AND to_queue <> from_queue),
    who        TEXT    NOT NULL CHECK (who <> ''),
    why        TEXT    NOT NULL CHECK (why <> ''),
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX moves_of_message ON moves (message);

-- Cases that may have to do with each other: each pair once, the smaller id first.
CREATE TABLE links (
    one   INTEGER NOT NULL REFERENCES cases (id),
    other INTEGER NOT NULL REFERENCES cases (id),
    why   TEXT    NOT NULL CHECK (why <> ''),
    at    INTEGER NOT NULL,
    PRIMARY KEY (one, other),
    CHECK (one < other)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_of_other ON links (other);

-- Lower-case addresses from which a mail of ours came back, the last time.
CREATE TABLE bounces (
    address TEXT    PRIMARY KEY,
    case_id INTEGER NOT NULL REFERENCES cases (id),
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
