//! A mail server that takes everything, remembers it, and delivers nothing: what was handed over, to whom, how often. It
//! can refuse a recipient, and be away and come back on the same port.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::daemon::header;

/// A mail that was taken: the server said 250, or was about to.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Envelope sender, `""` for the null sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The mail.
    pub mail: String,
    /// When its last byte had come.
    pub at: Instant,
}

impl Taken {
    /// A header's value, or `""`.
    pub fn header(&self, name: &str) -> String {
        header(&self.mail, name).unwrap_or_default()
    }

    /// It is an acknowledgement: our other mails are generated, not replies.
    pub fn is_answer(&self) -> bool {
        self.header("Auto-Submitted") == "auto-replied"
    }
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Taken>>,
    refused: Mutex<HashSet<String>>,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
    /// Milliseconds between a mail's last byte and its 250.
    thinking: Mutex<Duration>,
}

/// The server. Dropped, it is gone, with every connection.
pub struct Sink {
    /// SMTP in clear text, without login.
    pub port: u16,
    state: Arc<State>,
}

impl Sink {
    /// On a free port.
    pub fn start() -> Self {
        Sink::on(0)
    }

    /// On this port.
    pub fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                shared.open.lock().expect("no thread panicked with it").extend(stream.try_clone());
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that goes away in the middle is what some tests are about.
                    let _ = serve(stream, &shared);
                });
            }
        });
        Sink { port, state }
    }

    /// Takes so long between a mail's last byte and its 250: a wider window for a kill to fall into.
    pub fn think(&self, time: Duration) {
        *self.state.thinking.lock().expect("no thread panicked with it") = time;
    }

    /// Refuses this recipient from now on, or no longer.
    pub fn refuse(&self, address: &str, refused: bool) {
        let mut all = self.state.refused.lock().expect("no thread panicked with it");
        if refused {
            all.insert(address.to_owned());
        } else {
            all.remove(address);
        }
    }

    /// Everything taken so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().expect("no thread panicked with it").clone()
    }

    /// Acknowledgements taken so far.
    pub fn answers(&self) -> Vec<Taken> {
        self.taken().into_iter().filter(Taken::is_answer).collect()
    }

    /// What was taken for this recipient.
    pub fn for_(&self, to: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|taken| taken.to == to).collect()
    }
}

/// How often each Message-ID was taken.
pub fn times(mails: &[Taken]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for mail in mails {
        *times.entry(mail.header("Message-ID")).or_default() += 1;
    }
    times
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends and frees the port.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.state.open.lock().map(|mut open| std::mem::take(&mut *open)).unwrap_or_default() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), String::new());
    out.write_all(b"220 sink.example.org ESMTP\r\n")?;
    loop {
        let line = read_line(&mut lines)?;
        let word = line.split(' ').next().unwrap_or("").to_ascii_uppercase();
        let reply = match word.as_str() {
            "EHLO" => "250-sink.example.org\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n",
            "MAIL" => {
                from = address(&line);
                "250 sender taken\r\n"
            }
            "RCPT" => {
                to = address(&line);
                let refused = state.refused.lock().expect("no thread panicked with it").contains(&to);
                if refused {
                    to.clear();
                    "550 5.1.1 no such mailbox here\r\n"
                } else {
                    "250 recipient taken\r\n"
                }
            }
            "DATA" if to.is_empty() => "503 5.5.1 no recipient\r\n",
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mail = read_mail(&mut lines)?;
                let taken = Taken { from: from.clone(), to: to.clone(), mail, at: Instant::now() };
                state.taken.lock().expect("no thread panicked with it").push(taken);
                to.clear();
                let thinking = *state.thinking.lock().expect("no thread panicked with it");
                if !thinking.is_zero() {
                    std::thread::sleep(thinking);
                }
                "250 taken\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 goodbye\r\n")?;
                return Ok(());
            }
            _ => "250 fine\r\n",
        };
        out.write_all(reply.as_bytes())?;
    }
}

fn read_line(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = Vec::new();
    if lines.read_until(b'\n', &mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

/// Up to the lone dot, which alone makes it a mail: what breaks off before was never taken.
fn read_mail(lines: &mut impl BufRead) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let line = read_line(lines)?;
        if line == "." {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        mail.push_str("\r\n");
    }
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address.to_owned()).unwrap_or_default()
}
