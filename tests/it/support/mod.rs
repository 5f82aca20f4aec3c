//! Private servers for tests: each in a temporary folder, on free ports of the loopback, ended with everything they
//! started when the test is over, also when it fails. Nothing of the system's configuration is read or touched.
#![allow(dead_code, reason = "a harness: tests to come use what today's do not")]

pub mod account;
pub mod daemon;
pub mod dovecot;
pub mod fake_imap;
pub mod imap_client;
pub mod postfix;
pub mod sink;
pub mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The longest any one thing may take in a test before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A TCP port that was free a moment ago. Not one of those that the system gives to outgoing connections (from 32768
/// on): one of them would have it before the server does.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test programs that run at the same time begin at different places.
        let next = std::process::id().wrapping_mul(211).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 12_000 + (next % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Fails with a sentence that says what to install.
pub fn needs(program: &str, package: &str) {
    assert!(Path::new(program).exists(), "{program} is missing: install {package} (apt-get install {package}), or run tests/run");
}

/// Tries until it works, and fails with what `what` says when it never does.
pub fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The first line a server says on `port`, once it says one.
pub fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok().filter(|n| *n > 0).map(|_| line)
}

/// Sends `signal` (such as `KILL`) to `child` and everything it started: it leads a process group.
pub fn signal_group(child: &Child, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), "--", &format!("-{}", child.id())]).output();
}

/// Runs a program to its end and returns what it printed; fails with its own words.
pub fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{command:?} failed: {}{text}", String::from_utf8_lossy(&done.stderr));
    text
}

/// A conversation by lines, as SMTP, LMTP and IMAP are.
pub struct Lines {
    reader: BufReader<TcpStream>,
}

impl Lines {
    /// Connects to a port of the loopback.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        Lines { reader: BufReader::new(stream) }
    }

    /// Sends a line.
    pub fn say(&mut self, line: &str) {
        self.raw(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Reads a line.
    pub fn hear(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).expect("the server answers");
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Reads so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("the server sends what it announced");
        bytes
    }

    /// Says a line (unless it is empty) and returns the SMTP reply, which must begin with `code`.
    pub fn ask(&mut self, line: &str, code: &str) -> String {
        let mut text = String::new();
        if !line.is_empty() {
            self.say(line);
        }
        loop {
            let reply = self.hear();
            assert!(reply.starts_with(code), "to {line:?} the server says {reply:?}");
            text.push_str(&reply);
            if reply.as_bytes().get(3) != Some(&b'-') {
                return text;
            }
        }
    }

    /// Hands over a mail by SMTP or LMTP (`hello` is `EHLO` or `LHLO`).
    pub fn hand_over(&mut self, hello: &str, from: &str, to: &str, mail: &[u8]) {
        self.ask("", "220");
        self.ask(&format!("{hello} client.example.org"), "250");
        self.ask(&format!("MAIL FROM:<{from}>"), "250");
        self.ask(&format!("RCPT TO:<{to}>"), "250");
        self.ask("DATA", "354");
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
            self.raw(&[dot, line, b"\r\n"].concat());
        }
        self.ask(".", "250");
        self.ask("QUIT", "221");
    }
}

/// A short mail of an invented person.
pub fn mail(number: usize) -> Vec<u8> {
    mail_of_size(number, 300)
}

/// A mail of about `size` bytes whose text ends with `end of mail <number>`.
pub fn mail_of_size(number: usize, size: usize) -> Vec<u8> {
    let mut text = format!(
        "Message-ID: <mail-{number}@example.net>\r\nDate: Thu, 5 Nov 2026 10:00:00 +0000\r\nFrom: Ana Example <ana@example.net>\r\n\
         To: emergency@example.org\r\nSubject: report {number}\r\n\r\n"
    );
    while text.len() + 40 < size {
        text.push_str("A line of a report that says nothing at all.\r\n");
    }
    text.push_str(&format!("end of mail {number}\r\n"));
    text.into_bytes()
}
