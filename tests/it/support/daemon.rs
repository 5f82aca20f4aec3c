//! The real daemon, as its operator runs it: a child process with a config in a temporary folder. Its logs go to a file;
//! what it did is asked of the store, read-only, and of the commands. It is ended when the test is over, however it ends.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dovecot::{Dovecot, PASSWORD};
use super::postfix::Postfix;

/// The longest a whole daemon with its servers may take for one thing on a machine that has other things to do.
pub const LONG: Duration = Duration::from_secs(90);

/// A daemon's folder: config, rules, store, Maildirs and logs, and the daemon itself while it runs.
pub struct Site {
    dir: tempfile::TempDir,
    child: Option<Child>,
    /// Where in the log file the present run begins.
    began: u64,
    /// Environment of the runs to come.
    pub env: Vec<(String, String)>,
    /// The config's parts, in the order they are written.
    pub config: Config,
}

/// A config in parts that tests replace.
pub struct Config {
    /// Keys before the first table.
    pub top: String,
    /// `[store]` path.
    pub store: String,
    /// `[store]` min_free.
    pub min_free: String,
    /// `[smtp]` or `[files]`.
    pub send: String,
    /// Every `[[queue]]` and `[[ladder]]`.
    pub queues: String,
    /// Lines of `[limits]`.
    pub limits: String,
    /// Every `[[account]]`.
    pub accounts: Vec<String>,
}

/// The queues and the ladder of every test, as in the shipped sample.
const QUEUES: &str = r#"
[[queue]]
name = "threat-of-harm"
route_to = ["emergency-team@example.org"]
ladder = "emergency"

[[queue]]
name = "child-protection"
route_to = ["legal-reports@example.org"]
sealed = true
forward = "manifest"
ladder = "emergency"

[[queue]]
name = "disinformation"
route_to = ["drt-team@example.org"]

[[queue]]
name = "general"
route_to = ["ca-team@example.org"]

[[ladder]]
name = "emergency"

[[ladder.step]]
to = ["on-call@example.org"]
wait = "10 min"
"#;

impl Site {
    /// A site that sends to an SMTP server on this port of the loopback, without accounts yet.
    pub fn new(smtp: u16) -> Self {
        let dir = tempfile::Builder::new().prefix("triaged-site-").tempdir().expect("a temporary folder");
        let send = format!(
            "[smtp]\nhost = \"127.0.0.1\"\nport = {smtp}\ntls = \"clear-text\"\nfrom = \"triaged@example.org\"\nconnections = 4\n"
        );
        let config = Config {
            top: String::new(),
            store: "triaged.db".into(),
            min_free: "1 MiB".into(),
            send,
            queues: QUEUES.into(),
            limits: "answers_per_hour = 100000\n".into(),
            accounts: Vec::new(),
        };
        Site { dir, child: None, began: 0, env: Vec::new(), config }
    }

    /// The folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The config file.
    pub fn config_file(&self) -> PathBuf {
        self.path("triaged.toml")
    }

    /// Adds an account whose queue is its floor and whose address is `id@example.org`; `mailbox` is its table, from
    /// [`Site::imap`] or [`Site::maildir`], `keys` further keys of the account.
    pub fn account(&mut self, id: &str, queue: &str, keys: &str, mailbox: &str) {
        self.config.accounts.push(format!(
            "[[account]]\nid = \"{id}\"\nqueue = \"{queue}\"\nfloor = \"{queue}\"\n{keys}\n\n\
             [[account.intake]]\naddress = \"{id}@example.org\"\n\n{mailbox}\n"
        ));
    }

    /// The table of a mailbox on a private Dovecot; `tls` is `implicit` or `starttls`. Its password is in `id.password`.
    pub fn imap(&self, dovecot: &Dovecot, id: &str, tls: &str, idle: bool) -> String {
        fs::write(self.path(&format!("{id}.password")), format!("{PASSWORD}\n")).expect("the folder can be written");
        let port = if tls == "implicit" { dovecot.imaps } else { dovecot.imap };
        let ca = dovecot.ca().display();
        format!(
            "[account.imap]\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nca_file = \"{ca}\"\nidle = {idle}\n\
             user = \"{id}@example.org\"\npassword_file = \"{id}.password\"\n"
        )
    }

    /// Sends through a private Postfix, logged in as the user whose password [`Site::imap`] wrote, encrypted by `tls`.
    pub fn submit_to(&mut self, postfix: &Postfix, dovecot: &Dovecot, id: &str, tls: &str) {
        let port = if tls == "implicit" { postfix.smtps } else { postfix.smtp };
        let ca = dovecot.ca().display();
        self.config.send = format!(
            "[smtp]\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nca_file = \"{ca}\"\nfrom = \"triaged@example.org\"\n\
             user = \"{id}@example.org\"\npassword_file = \"{id}.password\"\nconnections = 4\n"
        );
    }

    /// Makes a Maildir `id` in the folder, with a junk folder, and returns its table.
    pub fn maildir(&self, id: &str) -> String {
        for sub in ["new", "cur", "tmp", ".Junk/new", ".Junk/cur", ".Junk/tmp"] {
            fs::create_dir_all(self.path(id).join(sub)).expect("the folder can be made");
        }
        format!("[account.maildir]\npath = \"{id}\"\n")
    }

    /// Delivers into a Maildir of the site as an MTA does: written aside, then moved into place.
    pub fn deliver(&self, id: &str, name: &str, mail: &[u8]) {
        let aside = self.path(id).join("tmp").join(name);
        fs::write(&aside, mail).expect("the Maildir can be written");
        fs::rename(aside, self.path(id).join("new").join(name)).expect("the Maildir can be written");
    }

    /// Writes rule files into the folder `rules` and has the config name it: `(name, text)`.
    pub fn rules(&mut self, files: &[(&str, &str)]) {
        fs::create_dir_all(self.path("rules")).expect("the folder can be made");
        for (name, text) in files {
            replace(&self.path("rules").join(name), text);
        }
        self.config.top = "rules = \"rules\"\n".into();
    }

    /// The config as it would be written.
    pub fn text(&self) -> String {
        let Config { top, store, min_free, send, queues, limits, accounts } = &self.config;
        let accounts = accounts.join("\n");
        format!(
            "{top}\n[identity]\nname = \"Trust & Safety\"\ndomain = \"triaged.example.org\"\ngeneral_contact = \"ca@example.org\"\n\n\
             [store]\npath = \"{store}\"\nmin_free = \"{min_free}\"\n\n{send}\n{queues}\n{accounts}\n[limits]\n{limits}"
        )
    }

    /// Writes the config, in one move as editors do.
    pub fn write(&self) {
        replace(&self.config_file(), &self.text());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_triaged"));
        command.arg("--config").arg(self.config_file()).args(arguments).stdin(Stdio::null());
        // What the machine that tests sets must not reach the daemon: not its log filter, not its service manager.
        for name in ["RUST_LOG", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "TRIAGED_CONFIG"] {
            command.env_remove(name);
        }
        command
    }

    /// Starts the daemon on the config as it lies there and returns at once.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("the log can be written");
        self.began = log.metadata().expect("it is open").len();
        let mut command = self.command(&["run"]);
        command.envs(self.env.iter().cloned()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("the daemon can be started"));
    }

    /// Writes the config, starts the daemon, and returns once every mailbox is being read.
    pub fn start(&mut self) {
        self.write();
        self.spawn();
        let accounts = self.config.accounts.len();
        self.until("every mailbox is being read", || (self.said("reading").len() >= accounts).then_some(()));
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the daemon has ended by itself:\n{}", self.tail());
    }

    /// SIGTERM, and how it ended after how long.
    pub fn stop(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal("TERM");
        let ended = self.ended();
        (ended, asked.elapsed())
    }

    /// SIGTERM, which must end well: exit code 0 in under five seconds.
    pub fn stop_well(&mut self) -> Duration {
        let (status, took) = self.stop();
        assert_eq!(status.code(), Some(0), "SIGTERM ends it with exit code 0:\n{}", self.tail());
        assert!(took < Duration::from_secs(5), "SIGTERM ends it in under 5 s, not {took:?}:\n{}", self.tail());
        took
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let status = super::until("the daemon ends", || child.try_wait().expect("it is our child"));
        drop(child);
        status
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().expect("it is our child")?;
        self.child = None;
        Some(status)
    }

    /// `kill -9`. Fails if it had ended by itself before.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it is our child");
        let status = child.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(9), "it had ended by itself before: {status}\n{}", self.tail());
    }

    /// Runs another command of `triaged` on the same config.
    pub fn triaged(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("triaged can be run")
    }

    /// The JSON lines another command prints; it must end with exit code 0.
    pub fn ask(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.triaged(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"))).collect()
    }

    /// What the daemon logged since it was last started, one object a line.
    pub fn log(&self) -> Vec<Value> {
        let bytes = fs::read(self.path("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes.get(self.began as usize..).unwrap_or_default()).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The whole log file, of every run, as text.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Log lines since the last start whose message begins with `words`.
    pub fn said(&self, words: &str) -> Vec<Value> {
        let is = |line: &Value| line["message"].as_str().is_some_and(|message| message.starts_with(words));
        self.log().into_iter().filter(is).collect()
    }

    /// The end of the log, for a person who has to find out what went wrong.
    pub fn tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The store, as it stands on disk.
    pub fn store(&self) -> rusqlite::Connection {
        let path = self.path(&self.config.store);
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let store = rusqlite::Connection::open_with_flags(path, flags).expect("the store is there");
        store.busy_timeout(Duration::from_secs(20)).expect("a time limit can be set");
        store
    }

    /// One number out of the store; 0 while there is no store, or no schema in it yet.
    pub fn count(&self, sql: &str) -> i64 {
        if !self.path(&self.config.store).exists() {
            return 0;
        }
        match self.store().query_row(sql, [], |row| row.get(0)) {
            Ok(number) => number,
            Err(error) if error.to_string().contains("no such table") => 0,
            Err(error) => panic!("the store cannot be read: {error}\n{}", self.tail()),
        }
    }

    /// Mails stored.
    pub fn stored(&self) -> i64 {
        self.count("SELECT count(*) FROM messages")
    }

    /// The first column of each row, as text.
    pub fn column(&self, sql: &str) -> Vec<String> {
        let store = self.store();
        let mut select = store.prepare(sql).expect("the statement is right");
        let rows = select.query_map([], |row| row.get(0)).expect("the store can be read");
        rows.map(|row| row.expect("it is text")).collect()
    }

    /// Waits until so many mails are stored.
    pub fn wait_stored(&self, mails: usize) {
        self.until(&format!("{mails} mails are stored"), || (self.stored() >= mails as i64).then_some(()));
    }

    /// Waits until nothing is left to be sent.
    pub fn wait_sent(&self) {
        let waiting = "SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending')";
        self.until("everything is sent", || (self.count(waiting) == 0).then_some(()));
    }

    /// Waits for an event of the daemon's, and shows its log if it never comes.
    pub fn until<T>(&self, what: &str, attempt: impl FnMut() -> Option<T>) -> T {
        within(LONG, what, attempt, || self.tail())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("The daemon's last words:\n{}", self.tail());
        }
    }
}

/// Tries until it works; when it does not in time, fails with `what` and what `explain` has to add.
pub fn within<T>(time: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>, explain: impl FnOnce() -> String) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {time:?}: {what}\n{}", explain());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Replaces a file in one move, as editors do: nobody sees half of it.
pub fn replace(path: &Path, text: &str) {
    let aside = path.with_extension("aside");
    fs::write(&aside, text).expect("the folder can be written");
    fs::rename(aside, path).expect("the folder can be written");
}

/// The address of an invented reporter.
pub fn reporter(number: usize) -> String {
    format!("reporter-{number}@example.net")
}

/// A mail that deserves an answer, from a reporter of its own, written now.
pub fn report(number: usize, to: &str) -> Vec<u8> {
    mail_with(&format!("Message-ID: <report-{number}@example.net>\r\nFrom: <{}>\r\n", reporter(number)), number, to)
}

/// A mail with these header lines beside Date, To and Subject.
pub fn mail_with(header: &str, number: usize, to: &str) -> Vec<u8> {
    let date = jiff::fmt::rfc2822::to_string(&jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC)).expect("a date");
    format!(
        "{header}Date: {date}\r\nTo: <{to}>\r\nSubject: Question number {number}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nHello, I have a question about the opening hours of the archive.\r\n\
         It is question number {number}, and I would like to know when somebody can be reached.\r\n"
    )
    .into_bytes()
}

/// The value of a mail's header, unfolded; `None` when it is not there.
pub fn header(mail: &str, name: &str) -> Option<String> {
    let head = mail.split("\r\n\r\n").next().unwrap_or("").split("\n\n").next().unwrap_or("");
    let mut value: Option<String> = None;
    for line in head.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = &mut value {
                value.push(' ');
                value.push_str(line.trim());
            }
            continue;
        }
        if value.is_some() {
            break;
        }
        value = line.split_once(':').filter(|(its, _)| its.eq_ignore_ascii_case(name)).map(|(_, text)| text.trim().to_owned());
    }
    value
}
