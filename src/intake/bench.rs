//! A bench for tests of what becomes of a mail: a real store, the demo's policy, and a hand to put mails in.

use std::path::Path;
use std::sync::LazyLock;

use super::record::{Taken, record};
use super::*;
use crate::callout::draw;
use crate::clock::from_millis;
use crate::dispatch::Desk;
use crate::outbox::{Kind, OutboxState};
use crate::report::{Envelope, Extent};
use crate::store::cases::CaseRow;
use crate::store::outbox::OutboxRow;
use crate::store::{Role, alerts, outbox, unpack};

/// The demo's config.
fn demo() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo.toml")
}

/// The demo's policy, compiled once for all tests.
static DEMO: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("t.toml");
    std::fs::copy(demo(), &copy).unwrap();
    Arc::new(Policy::load(&copy).unwrap())
});

/// The one rule of [`Bench::with_ladder`].
const RULE: &str = "[[rule]]\nid = \"threat\"\nwhy = \"A threat.\"\nqueue = \"threat-of-harm\"\npoints = 100\nany = [\"kill everybody\"]\n\
                    matches = [\"I will kill everybody.\"]\nrejects = [\"Hello.\"]\n";

const CALENDAR: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20200105T080000Z\nDTEND:20200112T080000Z\nSUMMARY:amara\n\
                        END:VEVENT\nEND:VCALENDAR\n";

/// A store, a policy, and a hand to put mails in.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) policy: Arc<Policy>,
    pub(crate) now: Timestamp,
    pub(crate) key: u32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(demo(), dir.path().join("t.toml")).unwrap();
        let store = Store::open(&dir.path().join("t.db"), Role::Daemon).unwrap();
        Bench { dir, store, policy: Arc::clone(&DEMO), now: from_millis(1_800_000_000_000), key: 0 }
    }

    /// The demo's queues and mailboxes with this text in place of its ladder; one rule, so that it is ready at once. A calendar
    /// `none.ics` lies beside it, in which amara had a shift long ago.
    pub(crate) fn with_ladder(text: &str) -> Self {
        let bench = Bench::new();
        let demo = std::fs::read_to_string(demo()).unwrap();
        let (before, after) = (demo.find("[[ladder]]").unwrap(), demo.find("[[account]]").unwrap());
        let config = format!("rules = \"rules\"\n{}{text}{}", &demo[..before], &demo[after..]);
        let config = config.replace("[identity]\n", "[identity]\nauthserv_ids = [\"mx.example.org\"]\n");
        let (rules, path) = (bench.dir.path().join("rules"), bench.dir.path().join("t.toml"));
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(rules.join("r.toml"), RULE).unwrap();
        std::fs::write(bench.dir.path().join("none.ics"), CALENDAR).unwrap();
        std::fs::write(&path, config).unwrap();
        let policy = Policy::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        Bench { policy: Arc::new(policy), ..bench }
    }

    /// A mail arrives in an account's inbox, under a key of its own.
    pub(crate) fn mail(&mut self, account: &str, raw: &str) -> Taken {
        self.key += 1;
        let spot = Spot { account: account.into(), folder: "INBOX".into(), validity: 1, key: self.key.to_string() };
        self.at(spot, raw)
    }

    pub(crate) fn at(&self, spot: Spot, raw: &str) -> Taken {
        let envelope = Envelope { received: self.now, junk: false, extent: Extent::Whole };
        let arrival = Arrival { key: spot.key.clone(), raw: raw.replace('\n', "\r\n").into_bytes(), envelope };
        let mut mail = prepare(&self.policy, arrival, spot, true, self.now);
        let (policy, now, token_key) = (Arc::clone(&self.policy), self.now, self.store.token_key());
        self.store.write_blocking(move |tx| record(tx, &Desk { policy: &policy, token_key, now }, draw, &mut mail)).unwrap()
    }

    pub(crate) fn cases(&self) -> Vec<CaseRow> {
        let filter = cases::Filter { all: true, most: 100, ..cases::Filter::default() };
        self.store.read_blocking(|view| cases::list(view, &filter)).unwrap()
    }

    pub(crate) fn outbox(&self, kind: Kind) -> Vec<OutboxRow> {
        let rows = self.store.read_blocking(|view| outbox::list(view, &OutboxState::ALL, None, 1_000)).unwrap();
        rows.into_iter().filter(|row| row.kind == kind).collect()
    }

    /// The bytes of every mail of a kind that would be sent.
    pub(crate) fn parcels(&self, kind: Kind) -> Vec<String> {
        let now = self.now;
        let lease = Duration::from_secs(1);
        let rows = self
            .store
            .write_blocking(move |tx| {
                outbox::claim(tx, &outbox::Lane { channel: String::new(), kinds: vec![kind] }, 100, lease, now)
            })
            .unwrap();
        rows.into_iter().map(|row| String::from_utf8_lossy(&unpack(&row.packed).unwrap()).into_owned()).collect()
    }

    pub(crate) fn firing(&self) -> usize {
        self.store.read_blocking(|view| alerts::list(view, false, 100)).unwrap().len()
    }
}

/// A person's mail.
pub(crate) fn report(to: &str, id: &str, body: &str) -> String {
    format!("From: Ada <ada@example.net>\nTo: {to}\nSubject: a report\nMessage-ID: <{id}@example.net>\n\n{body}\n")
}
