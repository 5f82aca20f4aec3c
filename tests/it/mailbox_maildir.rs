//! Maildirs, with everything that may lie in one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::timeout;
use triaged::config::Done;
use triaged::mailbox::{Arrival, Mailbox, Patience, Trouble, Wake};
use triaged::report::Extent;

use crate::support::account::{self, limits};
use crate::support::{PATIENCE, mail, mail_of_size, output};

fn make(dir: &Path, folder: &str) -> PathBuf {
    let path = dir.join(folder);
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
    path
}

/// Delivers as the Maildir protocol wants it: written in `tmp`, renamed into `new`.
fn deliver(maildir: &Path, name: &str, mail: &[u8]) {
    fs::write(maildir.join("tmp").join(name), mail).unwrap();
    fs::rename(maildir.join("tmp").join(name), maildir.join("new").join(name)).unwrap();
}

async fn opened(path: &Path) -> Mailbox {
    opened_with(path, Done::Nothing).await
}

async fn opened_with(path: &Path, done: Done) -> Mailbox {
    let mut account = account::maildir(path);
    account.done = done;
    let mut mailbox = Mailbox::new(&account, &limits());
    let folders = mailbox.open().await.unwrap();
    mailbox.enter(&folders[0]).await.unwrap();
    mailbox
}

async fn read(mailbox: &mut Mailbox) -> Vec<Arrival> {
    let keys = mailbox.keys(None).await.unwrap();
    let waiting = mailbox.sizes(&keys).await.unwrap();
    let mut all = Vec::new();
    timeout(PATIENCE, mailbox.fetch(&waiting, &mut |mail| all.push(mail))).await.expect("it ends").unwrap();
    all
}

/// Everything below a folder with its content.
fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().flatten() {
        match entry.path().is_dir() {
            true => found.extend(contents(&entry.path())),
            false => found.push((entry.path(), fs::read(entry.path()).unwrap())),
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn mails_of_new_and_cur_come_oldest_first_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    deliver(&path, "1762000003.M1P1.host", &mail(3));
    deliver(&path, "1762000001.M9P1.host", &mail(1));
    fs::write(path.join("cur/1762000002.M5P1.host,S=300:2,RS"), mail(2)).unwrap();
    fs::write(path.join("tmp/1762000000.M1P1.host"), b"half of a").unwrap();
    let before = contents(&path);
    let mut mailbox = opened(&path).await;
    let all = read(&mut mailbox).await;
    let keys: Vec<&str> = all.iter().map(|mail| mail.key.as_str()).collect();
    assert_eq!(keys, ["1762000001.M9P1.host", "1762000002.M5P1.host,S=300", "1762000003.M1P1.host"]);
    for (number, arrival) in (1..).zip(&all) {
        assert_eq!(arrival.raw, mail(number));
        assert_eq!((arrival.envelope.extent, arrival.envelope.junk), (Extent::Whole, false));
    }
    let file_time = fs::metadata(path.join("new/1762000001.M9P1.host")).unwrap().modified().unwrap();
    assert_eq!(all[0].envelope.received, triaged::clock::Timestamp::try_from(file_time).unwrap());
    mailbox.done(&[all[0].key.clone()]).await.unwrap();
    assert_eq!(contents(&path), before);
}

#[tokio::test]
async fn a_mail_delivered_late_under_an_old_name_is_still_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    deliver(&path, "1762000005.M1P1.host", &mail(1));
    let mut mailbox = opened(&path).await;
    let first = mailbox.keys(None).await.unwrap();
    deliver(&path, "1762000004.M1P1.host", &mail(2));
    deliver(&path, "1762000006.M1P1.host", &mail(3));
    let after = mailbox.keys(first.last()).await.unwrap();
    assert_eq!(after, ["1762000004.M1P1.host", "1762000006.M1P1.host"]);
}

#[tokio::test]
async fn a_mail_that_is_moved_between_listing_and_fetching_is_found_and_one_that_has_gone_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    for number in 1..=4 {
        deliver(&path, &format!("176200000{number}.host"), &mail(number));
    }
    let mut mailbox = opened(&path).await;
    let keys = mailbox.keys(None).await.unwrap();
    fs::rename(path.join("new/1762000001.host"), path.join("cur/1762000001.host:2,")).unwrap();
    fs::remove_file(path.join("new/1762000003.host")).unwrap();
    let waiting = mailbox.sizes(&keys).await.unwrap();
    assert_eq!(waiting.len(), 3);
    fs::rename(path.join("cur/1762000001.host:2,"), path.join("cur/1762000001.host:2,FS")).unwrap();
    fs::rename(path.join("new/1762000002.host"), path.join("cur/1762000002.host:2,S")).unwrap();
    fs::remove_file(path.join("new/1762000004.host")).unwrap();
    let mut came = Vec::new();
    mailbox.fetch(&waiting, &mut |mail| came.push(mail)).await.unwrap();
    assert_eq!(came.iter().map(|mail| mail.key.as_str()).collect::<Vec<_>>(), ["1762000001.host", "1762000002.host"]);
}

#[tokio::test]
async fn names_that_are_no_utf8_are_escaped_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    fs::write(path.join("new").join(OsStr::from_bytes(b"1762000001.\xff\xfehost")), mail(1)).unwrap();
    fs::write(path.join("new/1762000002.%FFhöst\n"), mail(2)).unwrap();
    let all = read(&mut opened(&path).await).await;
    assert_eq!(
        all.iter().map(|mail| mail.key.as_str()).collect::<Vec<_>>(),
        ["1762000001.%FF%FEhost", "1762000002.%25FFhöst%0A"]
    );
    assert_eq!(all[1].raw, mail(2));
}

#[tokio::test]
async fn what_is_no_regular_file_is_no_mail_and_hangs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    output(Command::new("mkfifo").arg(path.join("new/1762000001.fifo")));
    fs::create_dir(path.join("new/1762000002.folder")).unwrap();
    symlink("/etc/passwd", path.join("new/1762000003.link")).unwrap();
    symlink(path.join("new"), path.join("cur/1762000004.loop")).unwrap();
    fs::write(path.join("new/.hidden"), "not a mail").unwrap();
    deliver(&path, "1762000005.host", &mail(5));
    let mut mailbox = opened(&path).await;
    assert_eq!(mailbox.keys(None).await.unwrap(), ["1762000005.host"]);
    // A mail becomes something else between listing and fetching.
    let waiting = mailbox.sizes(&["1762000005.host".into()]).await.unwrap();
    fs::remove_file(path.join("new/1762000005.host")).unwrap();
    output(Command::new("mkfifo").arg(path.join("new/1762000005.host")));
    let mut came = Vec::new();
    let outcome = timeout(PATIENCE, mailbox.fetch(&waiting, &mut |mail| came.push(mail))).await.expect("a FIFO hangs nothing");
    assert!(matches!(outcome, Err(Trouble::Refused { .. })) && came.is_empty(), "{outcome:?}");
}

#[tokio::test]
async fn a_mail_over_the_limit_comes_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    let large = mail_of_size(1, 300_000);
    deliver(&path, "1762000001.host", &large);
    let all = read(&mut opened(&path).await).await;
    assert_eq!(all[0].envelope.extent, Extent::Part { size: large.len() as u64, head: 10_000 });
    assert_eq!(all[0].raw, [&large[..10_000], &large[large.len() - 10_000..]].concat());
}

/// Root may read everything, so the test runs itself once more as nobody.
#[test]
fn a_mail_that_may_not_be_read_stops_no_other_and_comes_unfetched() {
    const NAME: &str = "mailbox_maildir::a_mail_that_may_not_be_read_stops_no_other_and_comes_unfetched";
    let dir = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let given = std::env::var_os("TRIAGED_TEST_MAILDIR").map(PathBuf::from);
    let path = given.clone().unwrap_or_else(|| make(dir.path(), "ca"));
    if given.is_none() {
        for number in 1..=3 {
            deliver(&path, &format!("176200000{number}.host"), &mail(number));
        }
        fs::set_permissions(path.join("new/1762000002.host"), fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read(path.join("new/1762000002.host")).is_ok() {
            let program = dir.path().join("it");
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
            let mut again = Command::new(program);
            again.args(["--exact", NAME]).env("TRIAGED_TEST_MAILDIR", &path).current_dir(dir.path()).uid(65534);
            let text = output(&mut again);
            assert!(text.contains("1 passed"), "{text}");
            return;
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let patience = Patience { give_up: Duration::ZERO, ..Patience::default() };
        let mut mailbox = Mailbox::with_patience(&account::maildir(&path), &limits(), patience);
        let folders = mailbox.open().await.unwrap();
        mailbox.enter(&folders[0]).await.unwrap();
        let keys = mailbox.keys(None).await.unwrap();
        let waiting = mailbox.sizes(&keys).await.unwrap();
        for round in 1..=3 {
            let mut came = Vec::new();
            let outcome = mailbox.fetch(&waiting, &mut |mail| came.push((mail.key, mail.envelope.extent))).await;
            let unfetched = came.iter().filter(|(_, extent)| *extent == Extent::Unfetched).count();
            match round {
                3 => assert!(outcome.is_ok() && came.len() == 3 && unfetched == 1, "{outcome:?} {came:?}"),
                _ => assert!(matches!(outcome, Err(Trouble::Refused { .. })) && came.len() == 2, "{outcome:?} {came:?}"),
            }
        }
    });
}

#[tokio::test]
async fn the_junk_folder_is_read_also_when_it_appears_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    let mut mailbox = Mailbox::new(&account::maildir(&path), &limits());
    let folders = mailbox.open().await.unwrap();
    let junk = folders.iter().find(|folder| folder.junk).unwrap();
    mailbox.enter(junk).await.unwrap();
    assert_eq!(mailbox.keys(None).await.unwrap(), Vec::<String>::new());
    assert_eq!(mailbox.wait(Duration::from_millis(5)).await.unwrap(), Wake::Elapsed, "no watch, but time passes");
    deliver(&make(&path, ".Junk"), "1762000001.host", &mail(1));
    let all = read(&mut mailbox).await;
    assert!(all[0].envelope.junk);
}

#[tokio::test]
async fn a_move_goes_to_a_maildir_folder_and_twice_is_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    deliver(&path, "1762000001.host", &mail(1));
    fs::write(path.join("cur/1762000002.host:2,F"), mail(2)).unwrap();
    deliver(&path, "1762000003.host", &mail(3));
    let mut mailbox = opened_with(&path, Done::Move("Erledigt".into())).await;
    let keys = mailbox.keys(None).await.unwrap();
    for _ in 0..2 {
        mailbox.done(&keys[..2]).await.unwrap();
    }
    assert_eq!(fs::read(path.join(".Erledigt/cur/1762000001.host:2,S")).unwrap(), mail(1));
    assert_eq!(fs::read(path.join(".Erledigt/cur/1762000002.host:2,S")).unwrap(), mail(2));
    assert!(path.join(".Erledigt/maildirfolder").exists());
    assert_eq!(mailbox.keys(None).await.unwrap(), ["1762000003.host"]);
    for wrong in ["../elsewhere", "a/b", "."] {
        let refused = opened_with(&path, Done::Move(wrong.into())).await.done(&keys).await;
        assert!(matches!(refused, Err(Trouble::Setup(_))), "{wrong}: {refused:?}");
    }
}

#[tokio::test]
async fn a_keyword_is_refused_for_a_maildir() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    let refused = opened_with(&path, Done::Keyword("$Triaged".into())).await.done(&["x".into()]).await;
    assert!(matches!(refused, Err(Trouble::Setup(_))), "{refused:?}");
}

#[tokio::test]
async fn a_delivery_wakes_and_without_one_time_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "ca");
    let mut mailbox = opened(&path).await;
    mailbox.keys(None).await.unwrap();
    assert_eq!(mailbox.wait(Duration::from_millis(10)).await.unwrap(), Wake::Elapsed);
    let deliver = async { deliver(&path, "1762000001.host", &mail(1)) };
    let (woken, ()) = tokio::join!(timeout(PATIENCE, mailbox.wait(Duration::from_secs(120))), deliver);
    assert_eq!(woken.expect("it wakes").unwrap(), Wake::Changed);
    assert_eq!(mailbox.keys(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_that_is_no_maildir_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (path, what) in [(dir.path().join("nowhere"), "new"), (dir.path().to_path_buf(), "new")] {
        match Mailbox::new(&account::maildir(&path), &limits()).open().await {
            Err(Trouble::Setup(text)) => assert!(text.contains(path.to_str().unwrap()) && text.contains(what), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
