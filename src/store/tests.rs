//! The store's own laws.

use std::time::Duration;

use super::*;
use crate::case::{CaseEvent, CaseState, Reference};
use crate::clock::{Timestamp, from_millis};
use crate::outbox::{Kind, Next, OutboxState, Outcome};

/// A store in a folder that is removed with the returned guard.
pub(crate) fn fresh() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("t.db"), Role::Daemon).unwrap();
    (dir, store)
}

fn t(ms: i64) -> Timestamp {
    from_millis(ms)
}

fn message(n: u8) -> cases::NewMessage {
    cases::NewMessage {
        account: "ca".into(),
        message_id: Some(format!("{n}@example.org")),
        content_key: Some([n; 32]),
        raw_hash: [n; 32],
        packed: pack(b"raw"),
        size: 3,
        sender: "a@example.org".into(),
        subject: "s".into(),
        language: None,
        automated: None,
        junk: false,
        damage: "[]".into(),
        attachments: "[]".into(),
        received: t(1),
    }
}

fn a_case(tx: &Tx<'_>, n: u8) -> Result<(i64, i64)> {
    let case = cases::open(tx, &Reference::from_bits([n; 5]), "general", "a@example.org", None, t(10))?.unwrap();
    let id = cases::add_message(tx, case, &message(n), t(10))?;
    Ok((case, id))
}

fn spot(folder: &str, validity: u64, key: &str) -> cases::Spot {
    cases::Spot { account: "ca".into(), folder: folder.into(), validity, key: key.into() }
}

#[test]
fn a_second_daemon_is_refused_and_an_operator_is_not() {
    let (dir, _store) = fresh();
    let path = dir.path().join("t.db");
    assert!(matches!(Store::open(&path, Role::Daemon), Err(StoreError::Locked(_))));
    Store::open(&path, Role::Operator).unwrap();
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let (dir, store) = fresh();
    store.write_blocking(|tx| Ok(tx.0.pragma_update(None, "user_version", 99)?)).unwrap();
    drop(store);
    let again = Store::open(&dir.path().join("t.db"), Role::Operator);
    assert!(matches!(again, Err(StoreError::Newer { found: 99, .. })));
}

#[test]
fn the_token_key_is_drawn_once() {
    let (dir, store) = fresh();
    let key = store.token_key();
    drop(store);
    assert_eq!(Store::open(&dir.path().join("t.db"), Role::Daemon).unwrap().token_key(), key);
}

#[test]
fn a_failing_job_or_a_panic_takes_nobody_elses_work_with_it() {
    let (_dir, store) = fresh();
    store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    let failed: Result<()> = store.write_blocking(|tx| {
        a_case(tx, 2)?;
        Err(StoreError::Moved("no".into()))
    });
    assert!(failed.is_err());
    let panicked: Result<()> = store.write_blocking(|tx| {
        a_case(tx, 3)?;
        panic!("on purpose")
    });
    assert!(panicked.unwrap_err().to_string().contains("on purpose"));
    store.write_blocking(|tx| a_case(tx, 4)).unwrap();
    assert_eq!(store.read_blocking(cases::count_messages).unwrap(), 2);
}

#[test]
fn jobs_that_wait_together_are_committed_and_told_each() {
    let (_dir, store) = fresh();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let results = runtime.block_on(async {
        let jobs = (0..100u8).map(|n| store.write(move |tx| a_case(tx, n)));
        futures_util::future::join_all(jobs).await
    });
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(store.read_blocking(cases::count_messages).unwrap(), 100);
}

#[test]
fn a_full_disk_is_said_so_and_passes() {
    let (_dir, store) = fresh();
    let pages = |store: &Store, n: i64| {
        store.write_blocking(move |tx| Ok(tx.0.query_row(&format!("PRAGMA max_page_count = {n}"), [], |_| Ok(()))?)).unwrap();
    };
    pages(&store, 1);
    let big = move |tx: &Tx<'_>| {
        let (_, id) = a_case(tx, 9)?;
        tx.0.execute("UPDATE raw_mails SET zstd = zeroblob(4000000) WHERE message = ?1", [id])?;
        Ok(())
    };
    let full = store.write_blocking(big).unwrap_err();
    assert!(matches!(full, StoreError::Full) && full.passes(), "{full}");
    assert_eq!(store.read_blocking(cases::count_messages).unwrap(), 0);
    pages(&store, 1_000_000);
    store.write_blocking(big).unwrap();
}

#[test]
fn the_ledger_knows_what_was_read_by_identity_alone() {
    let (_dir, store) = fresh();
    store
        .write_blocking(|tx| {
            let (_, id) = a_case(tx, 1)?;
            cases::enter(tx, &spot("INBOX", 7, "2"), id, false)
        })
        .unwrap();
    let unread = |validity| {
        let keys = ["1", "2", "3"].map(String::from).to_vec();
        store.read_blocking(|view| cases::unread(view, "ca", "INBOX", validity, keys)).unwrap()
    };
    assert_eq!(unread(7), ["1", "3"]);
    assert_eq!(unread(8), ["1", "2", "3"]);
    let undone = |store: &Store| store.read_blocking(|view| cases::undone(view, "ca", "INBOX", 7, 9)).unwrap();
    assert_eq!(undone(&store), ["2"]);
    store.write_blocking(|tx| cases::set_done(tx, "ca", "INBOX", 7, &["2".into()])).unwrap();
    assert!(undone(&store).is_empty());
}

#[test]
fn equal_bytes_are_the_same_mail_only_across_folders_or_numberings() {
    let (_dir, store) = fresh();
    store
        .write_blocking(|tx| {
            let (_, id) = a_case(tx, 1)?;
            cases::enter(tx, &spot("INBOX", 7, "2"), id, true)
        })
        .unwrap();
    let same = |folder, validity| {
        store.read_blocking(|view| cases::same_bytes(view, &spot(folder, validity, "9"), &[1; 32])).unwrap().is_some()
    };
    assert!(!same("INBOX", 7));
    assert!(same("INBOX", 8));
    assert!(same("Junk", 7));
}

/// Every kind of mail.
fn everything() -> outbox::Lane {
    outbox::Lane { channel: String::new(), kinds: Kind::ALL.to_vec() }
}

/// Lets the alert of a case fire on the ladder `l`.
fn fire(tx: &Tx<'_>, case_id: i64, now: Timestamp) -> Result<bool> {
    let case = cases::get(&tx.view(), case_id)?;
    let traits = alerts::Traits { queue: &case.queue, ..alerts::Traits::default() };
    let (reference, leader) = (case.reference.as_str(), None);
    alerts::fire(tx, &alerts::Fire { case_id, reference, ladder: "l", words: "", traits, excerpt: "", leader }, now)
}

fn outbox_row(store: &Store, kind: Kind, name: &'static str) -> i64 {
    store
        .write_blocking(move |tx| {
            let case = match cases::find(&tx.view(), &Reference::from_bits([1; 5]))? {
                Some(case) => case.id,
                None => a_case(tx, 1)?.0,
            };
            let row = outbox::NewRow {
                idempotent: name,
                case_id: Some(case),
                alert: None,
                kind,
                channel: "",
                mail_from: None,
                rcpt_to: "a@example.org",
                raw: b"mail",
                due: t(100),
            };
            assert!(outbox::add(tx, &row, t(100))?);
            assert!(!outbox::add(tx, &row, t(100))?, "the same name twice is one row");
            Ok(tx.0.query_row("SELECT id FROM outbox WHERE idempotent = ?1", [name], |r| r.get(0))?)
        })
        .unwrap()
}

fn claim(store: &Store, now: i64) -> Vec<outbox::Claimed> {
    store.write_blocking(move |tx| outbox::claim(tx, &everything(), 10, Duration::from_millis(50), t(now))).unwrap()
}

#[test]
fn a_row_is_claimed_once_and_its_attempt_is_counted_before_it_is_tried() {
    let (_dir, store) = fresh();
    let id = outbox_row(&store, Kind::Forward, "a");
    assert!(claim(&store, 99).is_empty(), "not due yet");
    let rows = claim(&store, 100);
    assert_eq!((rows[0].id, rows[0].attempt, unpack(&rows[0].packed).unwrap()), (id, 1, b"mail".to_vec()));
    assert!(claim(&store, 100).is_empty(), "claimed already");
    assert_eq!(store.write_blocking(|tx| outbox::free(tx, false, &[], t(149))).unwrap(), 0, "the lease holds");
    assert_eq!(store.write_blocking(|tx| outbox::free(tx, false, &[], t(150))).unwrap(), 1);
    assert_eq!(claim(&store, 150)[0].attempt, 2);
}

#[test]
fn a_sent_row_keeps_no_mail_and_cannot_be_sent_again() {
    let (_dir, store) = fresh();
    let id = outbox_row(&store, Kind::Forward, "a");
    claim(&store, 100);
    let sent = move |tx: &Tx<'_>| outbox::record(tx, id, &Outcome::Sent, &Next::Sent, t(101));
    assert_eq!(store.write_blocking(sent).unwrap(), OutboxState::Sent);
    assert!(matches!(store.write_blocking(sent), Err(StoreError::Moved(_))));
    assert!(matches!(store.write_blocking(move |tx| outbox::retry(tx, id, t(102))), Err(StoreError::Moved(_))));
    let kept: bool =
        store.read_blocking(|v| Ok(v.0.query_row("SELECT zstd IS NOT NULL FROM outbox", [], |r| r.get(0))?)).unwrap();
    assert!(!kept);
}

#[test]
fn a_dead_letter_is_requeued_or_dropped_by_a_person() {
    let (_dir, store) = fresh();
    let id = outbox_row(&store, Kind::Forward, "a");
    claim(&store, 100);
    let refused = Outcome::Refused("550".into());
    store.write_blocking(move |tx| outbox::record(tx, id, &refused, &Next::Dead, t(101))).unwrap();
    let listed = store.read_blocking(|v| outbox::list(v, &[], None, 10)).unwrap();
    assert_eq!((listed[0].state, listed[0].last_error.as_deref()), (OutboxState::Dead, Some("550")));
    store.write_blocking(move |tx| outbox::retry(tx, id, t(102))).unwrap();
    assert_eq!(claim(&store, 102)[0].attempt, 1, "a person's word starts the count anew");
    let later = Outcome::Later("451".into());
    store.write_blocking(move |tx| outbox::record(tx, id, &later, &Next::Ready(Duration::from_millis(5)), t(103))).unwrap();
    store.write_blocking(move |tx| outbox::drop_row(tx, id, t(104))).unwrap();
    assert!(claim(&store, 999).is_empty());
}

#[test]
fn sqlite_itself_refuses_a_state_that_does_not_fit_its_times() {
    let (_dir, store) = fresh();
    outbox_row(&store, Kind::Alert, "a");
    for nonsense in [
        "UPDATE outbox SET state = 'sent'",
        "UPDATE outbox SET state = 'sending'",
        "UPDATE outbox SET state = 'asleep'",
        "UPDATE cases SET state = 'closed'",
        "UPDATE cases SET changed = opened - 1",
        "INSERT INTO ledger VALUES ('ca', 'INBOX', 1, '1', 999, 0)",
    ] {
        let refused = store.write_blocking(move |tx| Ok(tx.0.execute_batch(nonsense)?));
        assert!(refused.is_err(), "taken: {nonsense}");
    }
}

#[test]
fn a_case_moves_only_where_the_table_leads() {
    let (_dir, store) = fresh();
    let (case, _) = store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    let happen = |event| store.write_blocking(move |tx| cases::happen(tx, case, event, t(20)));
    assert_eq!(happen(CaseEvent::Close).unwrap(), CaseState::Closed);
    assert!(matches!(happen(CaseEvent::Take), Err(StoreError::Moved(_))));
    assert_eq!(happen(CaseEvent::FollowUp).unwrap(), CaseState::Open);
}

#[test]
fn answers_are_counted_per_address_and_in_all() {
    let (_dir, store) = fresh();
    let (case, _) = store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    for at in 1..=5 {
        store.write_blocking(move |tx| people::answered(tx, "A@Example.org", case, t(at))).unwrap();
    }
    let to = store.read_blocking(|v| people::answers_to(v, "a@example.ORG", t(2), t(9))).unwrap();
    assert_eq!(to, 3);
    let in_all = |since, now| store.read_blocking(|v| people::answers_in_all(v, t(since), t(now))).unwrap();
    assert_eq!([in_all(0, 9), in_all(3, 9), in_all(5, 9)], [5, 2, 0]);
    assert_eq!(in_all(0, 2), 2, "what a clock that ran ahead wrote does not count");
}

#[test]
fn an_alert_fires_once_a_case_and_ends_only_with_a_person() {
    let (_dir, store) = fresh();
    let (case, _) = store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    let again = || store.write_blocking(move |tx| fire(tx, case, t(10))).unwrap();
    assert!(again() && !again());
    let due = store.read_blocking(|v| alerts::due(v, t(10), 9)).unwrap();
    let (id, firing) = (due[0].id, due[0].clone());
    let called = |firing: alerts::Firing| store.write_blocking(move |tx| alerts::called(tx, &firing, 1, t(20), t(10)));
    called(firing.clone()).unwrap();
    assert!(called(firing).is_err(), "that round is over");
    store.write_blocking(move |tx| alerts::take(tx, id, "kim", None, t(15))).unwrap();
    assert!(store.read_blocking(|v| alerts::due(v, t(99), 9)).unwrap().is_empty());
    let again = store.write_blocking(move |tx| alerts::take(tx, id, "sam", None, t(16))).unwrap_err();
    assert_eq!(again.to_string(), "kim has it already");
}

#[test]
fn a_row_marked_as_taken_is_not_sent_again_after_a_kill() {
    let (dir, store) = fresh();
    let (marked, other) = (outbox_row(&store, Kind::Acknowledgement, "a"), outbox_row(&store, Kind::Acknowledgement, "b"));
    assert_eq!(claim(&store, 100).len(), 2);
    store.mark_sent(marked).unwrap();
    drop(store);
    let store = Store::open(&dir.path().join("t.db"), Role::Daemon).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(store.settle_outbox(t(200))).unwrap(), (1, 1));
    assert_eq!(claim(&store, 200).iter().map(|row| row.id).collect::<Vec<_>>(), [other]);
    assert_eq!(runtime.block_on(store.settle_outbox(t(300))).unwrap(), (0, 1), "marks are forgotten once they are recorded");
}

#[test]
fn the_file_of_marks_does_not_grow_for_ever() {
    let (dir, store) = fresh();
    let size = || std::fs::metadata(dir.path().join("t.sent")).unwrap().len();
    for id in 0..20_000 {
        store.mark_sent(id).unwrap();
        store.recorded();
    }
    assert!(size() < 70_000, "{}", size());
}

/// A database of every schema that was ever released, with three fixture mails in it: each must open, whatever comes later.
#[test]
fn a_store_of_every_released_schema_opens_and_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store");
    let mut opened = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("t.db");
        std::fs::copy(entry.unwrap().path(), &copy).unwrap();
        let store = Store::open(&copy, Role::Daemon).unwrap();
        let filter = cases::Filter { all: true, most: 10, ..cases::Filter::default() };
        let found = store.read_blocking(|view| cases::list(view, &filter)).unwrap();
        assert_eq!(found.len(), 3);
        let messages = store.read_blocking(|view| cases::messages(view, found[0].id)).unwrap();
        let raw = store.read_blocking(|view| cases::raw(view, messages[0].id)).unwrap();
        assert!(raw.starts_with(b"Return-Path:"), "the mail itself is there, as it came");
        let verdict: crate::rules::Verdict = serde_json::from_value(messages[0].verdict.clone()).unwrap();
        assert_eq!(verdict.queue, found[0].queue, "and the trace of its verdict");
        assert_eq!(store.read_blocking(|view| alerts::list(view, true, 9)).unwrap().len(), 2);
        opened += 1;
    }
    assert!(opened >= 1, "the fixture databases are gone");
}

#[test]
fn a_row_that_a_living_worker_has_in_hand_is_not_freed_however_old_its_claim() {
    let (_dir, store) = fresh();
    let id = outbox_row(&store, Kind::Forward, "a");
    claim(&store, 100);
    assert_eq!(store.write_blocking(move |tx| outbox::free(tx, false, &[id], t(1_000_000))).unwrap(), 0);
    assert_eq!(store.write_blocking(|tx| outbox::free(tx, false, &[], t(1_000_000))).unwrap(), 1);
}

#[test]
fn what_a_clock_that_ran_ahead_put_off_is_due_when_it_is_put_right() {
    let (_dir, store) = fresh();
    let day = 24 * 3_600_000;
    let (case, _) = store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    store.write_blocking(move |tx| fire(tx, case, t(30 * day))).unwrap();
    let row = outbox_row(&store, Kind::Alert, "a");
    store.write_blocking(move |tx| Ok(tx.0.execute("UPDATE outbox SET due = ?1", [30 * day])?)).unwrap();
    assert_eq!(store.read_blocking(|view| alerts::due(view, t(1_000), 9)).unwrap().len(), 1);
    assert_eq!(claim(&store, 1_000)[0].id, row);
    // What is put off by no more than anything waits keeps its time.
    store.write_blocking(move |tx| outbox::give_back(tx, &[row])).unwrap();
    store.write_blocking(move |tx| Ok(tx.0.execute("UPDATE outbox SET due = ?1", [day])?)).unwrap();
    assert!(claim(&store, 1_000).is_empty());
}

#[test]
fn who_takes_an_alert_ends_the_calls_that_still_wait() {
    let (_dir, store) = fresh();
    let (case, _) = store.write_blocking(|tx| a_case(tx, 1)).unwrap();
    store.write_blocking(move |tx| fire(tx, case, t(10))).unwrap();
    let row = outbox_row(&store, Kind::Alert, "a");
    let id = store.read_blocking(|v| alerts::due(v, t(10), 9)).unwrap()[0].id;
    store.write_blocking(move |tx| Ok(tx.0.execute("UPDATE outbox SET alert = ?1 WHERE id = ?2", [id, row])?)).unwrap();
    store.write_blocking(move |tx| alerts::take(tx, id, "kim", None, t(15))).unwrap();
    assert!(claim(&store, 100).is_empty(), "nobody is called for what somebody has");
}
