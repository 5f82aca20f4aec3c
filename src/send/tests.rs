//! Sending, against scripted servers on loopback: every step of SMTP refused, lost and stalled.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::smtp::{Patience, Smtp};
use super::{Parcel, Sender};
use crate::config::{self, Login, LoginMethod, Secret, Server, Tls};
use crate::outbox::Outcome;

/// What the server does in place of its usual answer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Say(&'static str),
    SayAndHangUp(&'static str),
    HangUp,
    Stall,
}
use Act::*;

/// Steps at which a script can step in, beside the first word of a command.
const GREETING: &str = "greeting";
const MAIL_ITSELF: &str = ".";

/// How a scripted server behaves.
#[derive(Clone, Default)]
struct Script {
    /// Extensions it offers.
    offers: Vec<&'static str>,
    /// (connection from 0, step, what happens); at anything else it is friendly.
    acts: Vec<(usize, &'static str, Act)>,
    /// STARTTLS upgrades to this, or TLS begins at once.
    tls: Option<(TlsAcceptor, Tls)>,
}

/// What a server saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, connection: usize, line: &str) {
        self.0.lock().unwrap().push(format!("{connection} {line}"));
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, start: &str) -> usize {
        self.all().iter().filter(|line| line.split_once(' ').unwrap().1.starts_with(start)).count()
    }
}

impl Script {
    fn offering(offers: &[&'static str]) -> Self {
        Script { offers: offers.to_vec(), ..Script::default() }
    }

    fn act(mut self, connection: usize, step: &'static str, act: Act) -> Self {
        self.acts.push((connection, step, act));
        self
    }

    /// Starts the server; it ends with the test.
    async fn start(self) -> (Server, Seen) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Seen::default();
        let (script, log) = (self, seen.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((tcp, _)) = listener.accept().await else { return };
                let (script, log) = (script.clone(), log.clone());
                log.push(number, "CONNECT");
                tokio::spawn(async move {
                    match &script.tls {
                        Some((acceptor, Tls::Implicit)) => {
                            if let Ok(tls) = acceptor.accept(tcp).await {
                                script.talk(number, tls, true, &log).await;
                            }
                        }
                        Some((acceptor, _)) => {
                            let Some(tcp) = script.talk(number, tcp, true, &log).await else { return };
                            if let Ok(tls) = acceptor.accept(tcp).await {
                                log.push(number, "TLS");
                                script.talk(number, tls, false, &log).await;
                            }
                        }
                        None => drop(script.talk(number, tcp, true, &log).await),
                    }
                });
            }
        });
        (Server { host: "localhost".into(), port, tls: Tls::ClearText, ca_file: None }, seen)
    }

    /// One conversation. Returns the stream when STARTTLS was agreed on.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, number: usize, stream: S, greet: bool, seen: &Seen) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greet && !self.answer(number, GREETING, "220 mx.example.org ESMTP", &mut stream).await {
            return None;
        }
        let mut in_mail: Option<String> = None;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                seen.push(number, "END");
                return None;
            }
            if let Some(mail) = &mut in_mail {
                if line != ".\r\n" {
                    mail.push_str(&line);
                    continue;
                }
                seen.push(number, &format!("MAILTEXT {}", in_mail.take().unwrap()));
                if !self.answer(number, MAIL_ITSELF, "250 taken", &mut stream).await {
                    return None;
                }
                continue;
            }
            let line = line.trim_end();
            seen.push(number, line);
            let verb = line.split([' ', ':']).next().unwrap();
            let usual = match verb {
                "EHLO" => self.ehlo(),
                "DATA" => "354 go ahead".into(),
                "STARTTLS" => "220 go ahead".into(),
                "AUTH" => "235 welcome".into(),
                "QUIT" => "221 bye".into(),
                _ => "250 fine".into(),
            };
            let refused = self.acts.iter().any(|(n, step, act)| *n == number && *step == "DATA" && matches!(act, Say(_)));
            if verb == "DATA" && !refused {
                in_mail = Some(String::new());
            }
            if !self.answer(number, verb, &usual, &mut stream).await || verb == "QUIT" {
                return None;
            }
            if verb == "STARTTLS" {
                return Some(stream.into_inner());
            }
        }
    }

    fn ehlo(&self) -> String {
        let mut lines = vec!["mx.example.org"];
        lines.extend(&self.offers);
        let last = lines.len() - 1;
        let marked = lines.iter().enumerate().map(|(i, l)| format!("250{}{l}", if i == last { ' ' } else { '-' }));
        marked.collect::<Vec<_>>().join("\r\n")
    }

    /// Answers as usual or as the script has it; false when the conversation is over.
    async fn answer<S: AsyncWrite + Unpin>(&self, number: usize, step: &str, usual: &str, stream: &mut S) -> bool {
        let act = self.acts.iter().find(|(n, at, _)| *n == number && *at == step).map(|(_, _, act)| *act);
        let (text, on) = match act {
            None => (usual, true),
            Some(Say(text)) => (text, true),
            Some(SayAndHangUp(text)) => (text, false),
            Some(HangUp) => return false,
            Some(Stall) => std::future::pending().await,
        };
        stream.write_all(format!("{text}\r\n").as_bytes()).await.is_ok() && stream.flush().await.is_ok() && on
    }
}

fn smtp_with(server: Server, login: Option<Login>, patience: Patience) -> Smtp {
    let config = config::Smtp { server, login, from: "desk@example.org".into(), connections: 1 };
    Smtp::new(config, patience)
}

fn smtp(server: Server) -> Smtp {
    smtp_with(server, None, Patience::default())
}

/// So short that a stalled server costs a test little, and long enough for a busy machine.
fn impatient() -> Patience {
    let short = Duration::from_millis(600);
    Patience { login: short, command: short, reply: short, quit: short, ..Patience::default() }
}

fn parcel(to: &str) -> Parcel {
    let raw = format!("To: {to}\r\nSubject: test\r\n\r\nhello\r\n.dots\r\n..more\r\n").into_bytes();
    Parcel { mail_from: None, rcpt_to: to.into(), raw }
}

/// Both halves, as the daemon does them.
async fn send(smtp: &mut Smtp, parcel: &Parcel) -> Outcome {
    match smtp.prepare(parcel).await {
        Ok(()) => smtp.hand_over(parcel).await,
        Err(outcome) => outcome,
    }
}

/// With PIPELINING and without: every law holds for both.
const BOTH: [&[&str]; 2] = [&["PIPELINING", "8BITMIME"], &[]];

#[tokio::test]
async fn parcels_share_a_connection_and_arrive_byte_for_byte() {
    for offers in BOTH {
        let (server, seen) = Script::offering(offers).start().await;
        let mut smtp = smtp(server);
        for to in ["a@example.org", "b@example.org"] {
            assert_eq!(send(&mut smtp, &parcel(to)).await, Outcome::Sent);
        }
        smtp.close().await;
        assert_eq!((seen.count("CONNECT"), seen.count("MAIL FROM:<>"), seen.count("QUIT")), (1, 2, 1));
        assert_eq!(seen.count("RCPT TO:<b@example.org>"), 1);
        // Dots doubled on the way, and no empty line added at the end.
        assert_eq!(seen.count("MAILTEXT To: b@example.org\r\nSubject: test\r\n\r\nhello\r\n..dots\r\n...more\r\n"), 1);
        assert!(seen.all().iter().filter(|l| l.contains("MAILTEXT")).all(|l| l.ends_with("...more\r\n")));
    }
}

#[tokio::test]
async fn nothing_is_delivered_before_hand_over() {
    for offers in BOTH {
        let (server, seen) = Script::offering(offers).start().await;
        let mut smtp = smtp(server);
        smtp.prepare(&parcel("a@example.org")).await.unwrap();
        // Another parcel instead: the first one's transaction must not carry it, nor make it wait.
        let other = parcel("b@example.org");
        let sent = tokio::time::timeout(Duration::from_secs(10), send(&mut smtp, &other)).await;
        assert_eq!(sent, Ok(Outcome::Sent));
        assert_eq!((seen.count("MAILTEXT"), seen.count("CONNECT")), (1, 2));
        assert_eq!(smtp.hand_over(&parcel("a@example.org")).await, Outcome::Later("no transaction was open".into()));
    }
}

#[tokio::test]
async fn each_refusal_means_what_it_says_at_its_step() {
    let later = |text: &str| Outcome::Later(text.into());
    let refused = |text: &str| Outcome::Refused(text.into());
    let table = [
        (GREETING, "554 go away", later("no greeting: 554 go away")),
        (GREETING, "421 busy", later("no greeting: 421 busy")),
        ("EHLO", "550 who", later("no greeting: 550 who")),
        ("MAIL", "451 later", later("451 later")),
        ("MAIL", "550 not you", refused("550 not you")),
        ("MAIL", "530 5.7.0 log in first", later("530 5.7.0 log in first")),
        ("RCPT", "450 greylisted", later("450 greylisted")),
        ("RCPT", "550 5.1.1 <a@example.org>: unknown", refused("550 5.1.1 <address> unknown")),
        ("DATA", "451 no room", later("451 no room")),
        ("DATA", "554 no valid recipients", refused("554 no valid recipients")),
        (MAIL_ITSELF, "452 full", later("452 full")),
        (MAIL_ITSELF, "552 too big", refused("552 too big")),
        (MAIL_ITSELF, "421 going down", later("421 going down")),
    ];
    for offers in BOTH {
        for (step, reply, expected) in &table {
            let script = Script::offering(offers).act(0, step, Say(reply)).act(1, step, Say(reply));
            let (server, _) = script.start().await;
            assert_eq!(&send(&mut smtp(server), &parcel("a@example.org")).await, expected, "{step} {reply} {offers:?}");
        }
    }
}

#[tokio::test]
async fn after_a_refusal_the_next_parcel_is_clean() {
    for offers in BOTH {
        let (server, seen) = Script::offering(offers).act(0, "RCPT", Say("550 unknown")).start().await;
        let mut smtp = smtp(server);
        assert!(matches!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Refused(_)));
        // The script refuses every RCPT of the first connection; what matters is how the second transaction begins.
        let _ = send(&mut smtp, &parcel("b@example.org")).await;
        let clean = seen.count("RSET") == 1 || seen.count("CONNECT") == 2;
        assert!(clean, "{:?}", seen.all());
        // With PIPELINING the server said 354 after all: then nothing but hanging up is safe.
        assert_eq!(seen.count("CONNECT"), if offers.is_empty() { 1 } else { 2 }, "{:?}", seen.all());
        assert_eq!(seen.all().iter().filter(|l| l.contains("MAILTEXT To: a@")).count(), 0);
    }
}

#[tokio::test]
async fn a_connection_lost_at_any_step_is_for_later() {
    for offers in BOTH {
        for step in [GREETING, "EHLO", "MAIL", "RCPT", "DATA", MAIL_ITSELF] {
            let (server, _) = Script::offering(offers).act(0, step, HangUp).start().await;
            let mut smtp = smtp(server);
            let outcome = send(&mut smtp, &parcel("a@example.org")).await;
            assert!(matches!(outcome, Outcome::Later(_)), "{step}: {outcome:?}");
            assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent, "the next one, after {step}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stalls_at_any_step_is_left() {
    // All at once, so that the waiting is done once.
    let mut cases = tokio::task::JoinSet::new();
    for offers in BOTH {
        for step in [GREETING, "EHLO", "MAIL", "RCPT", "DATA", MAIL_ITSELF] {
            cases.spawn(async move {
                let (server, seen) = Script::offering(offers).act(0, step, Stall).start().await;
                let mut smtp = smtp_with(server, None, impatient());
                let outcome = send(&mut smtp, &parcel("a@example.org")).await;
                assert!(matches!(&outcome, Outcome::Later(why) if why.ends_with("no reply in time")), "{step}: {outcome:?}");
                assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent, "the next one, after {step}");
                assert_eq!(seen.count("CONNECT"), 2, "a connection that timed out is not used again");
            });
        }
    }
    assert_eq!(cases.join_all().await.len(), 12);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_without_a_word() {
    for offers in BOTH {
        for act in [SayAndHangUp("250 taken"), SayAndHangUp("250 taken\r\n421 idle too long")] {
            let (server, seen) = Script::offering(offers).act(0, MAIL_ITSELF, act).start().await;
            let mut smtp = smtp(server);
            assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent);
            assert_eq!(send(&mut smtp, &parcel("b@example.org")).await, Outcome::Sent);
            assert_eq!((seen.count("CONNECT"), seen.count("MAILTEXT")), (2, 2));
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_idle_too_long_is_not_trusted() {
    let (server, seen) = Script::offering(&["PIPELINING"]).start().await;
    let mut smtp = smtp_with(server, None, Patience { idle: Duration::ZERO, ..Patience::default() });
    for _ in 0..2 {
        assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent);
    }
    assert_eq!(seen.count("CONNECT"), 2);
}

#[tokio::test]
async fn a_dropped_future_leaves_no_half_open_transaction() {
    let (server, seen) = Script::default().act(0, "RCPT", Stall).start().await;
    let mut smtp = smtp(server);
    let first = parcel("a@example.org");
    let cut_off = tokio::time::timeout(Duration::from_millis(100), smtp.prepare(&first)).await;
    assert!(cut_off.is_err());
    assert_eq!(send(&mut smtp, &parcel("b@example.org")).await, Outcome::Sent);
    assert_eq!((seen.count("CONNECT"), seen.count("MAILTEXT")), (2, 1));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_for_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = Server { host: "127.0.0.1".into(), port, tls: Tls::ClearText, ca_file: None };
    let outcome = send(&mut smtp(server), &parcel("a@example.org")).await;
    assert!(matches!(&outcome, Outcome::Later(why) if why.starts_with("cannot connect")), "{outcome:?}");
}

#[tokio::test]
async fn an_address_cannot_smuggle_a_command_or_a_parameter() {
    let (server, seen) = Script::offering(&["SMTPUTF8"]).start().await;
    let mut smtp = smtp(server);
    for evil in ["a@example.org>\r\nRCPT TO:<b@example.org", "a@example.org> NOTIFY=NEVER", "a b@example.org", ""] {
        assert!(matches!(send(&mut smtp, &parcel(evil)).await, Outcome::Refused(_)), "{evil:?}");
        let from = Parcel { mail_from: Some(evil.into()), ..parcel("a@example.org") };
        assert!(evil.is_empty() || matches!(send(&mut smtp, &from).await, Outcome::Refused(_)), "{evil:?}");
    }
    assert_eq!(seen.count("MAIL") + seen.count("RCPT"), 0);
}

#[tokio::test]
async fn what_a_mail_needs_is_asked_for_where_it_is_offered() {
    let mut eight_bit = parcel("ä@example.org");
    eight_bit.raw = b"Subject: x\r\n\r\n\xff\xfe\r\n".to_vec();
    let (server, seen) = Script::offering(&["8BITMIME", "SMTPUTF8"]).start().await;
    assert!(matches!(smtp(server).prepare(&eight_bit).await, Ok(())));
    assert_eq!(seen.count("MAIL FROM:<> BODY=8BITMIME SMTPUTF8"), 1);
    let (server, _) = Script::offering(&["8BITMIME"]).start().await;
    assert!(matches!(smtp(server).prepare(&eight_bit).await, Err(Outcome::Refused(_))), "no SMTPUTF8, no such address");
}

fn login(method: LoginMethod, secret: &str) -> (Login, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, secret).unwrap();
    (Login { user: "desk".into(), secret: Secret::File(file), method }, dir)
}

#[tokio::test]
async fn a_refused_login_is_our_trouble_and_never_kills_a_mail() {
    for (method, offer) in [(LoginMethod::Password, "AUTH PLAIN LOGIN"), (LoginMethod::XOAuth2, "AUTH XOAUTH2")] {
        for reply in ["535 5.7.8 wrong", "454 later", "334 eyJzdGF0dXMiOiI0MDEifQ=="] {
            let (login, _dir) = login(method, "hunter2");
            let (server, seen) = Script::offering(&[offer]).act(0, "AUTH", Say(reply)).start().await;
            let outcome = send(&mut smtp_with(server, Some(login), impatient()), &parcel("a@example.org")).await;
            assert!(matches!(&outcome, Outcome::Later(why) if why.starts_with("login refused")), "{reply}: {outcome:?}");
            assert_eq!(seen.count("MAIL"), 0);
        }
    }
}

#[tokio::test]
async fn the_secret_is_read_anew_at_each_login() {
    let (login, dir) = login(LoginMethod::Password, "old");
    let (server, seen) = Script::offering(&["AUTH PLAIN"]).start().await;
    let mut smtp = smtp_with(server, Some(login), Patience { idle: Duration::ZERO, ..Patience::default() });
    assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent);
    std::fs::write(dir.path().join("secret"), "new\n").unwrap();
    assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent);
    // base64 of "\0desk\0old" and "\0desk\0new".
    assert_eq!((seen.count("AUTH PLAIN AGRlc2sAb2xk"), seen.count("AUTH PLAIN AGRlc2sAbmV3")), (1, 1));
    std::fs::remove_file(dir.path().join("secret")).unwrap();
    assert!(matches!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Later(_)));
}

#[tokio::test]
async fn no_login_is_tried_that_the_server_does_not_offer() {
    let (login, _dir) = login(LoginMethod::XOAuth2, "token");
    let (server, seen) = Script::offering(&["AUTH PLAIN"]).start().await;
    let outcome = send(&mut smtp_with(server, Some(login), Patience::default()), &parcel("a@example.org")).await;
    assert_eq!(outcome, Outcome::Later("the server does not offer the configured way to log in".into()));
    assert_eq!(seen.count("AUTH"), 0);
}

/// A private CA in a file, and a server certificate of its making for `localhost`.
fn private_ca() -> (tempfile::TempDir, PathBuf, TlsAcceptor) {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (dir, file, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn mail_goes_over_tls_that_a_private_ca_vouches_for() {
    for tls in [Tls::Implicit, Tls::StartTls] {
        let (_dir, file, acceptor) = private_ca();
        let script = Script { tls: Some((acceptor, tls)), ..Script::offering(&["STARTTLS", "PIPELINING"]) };
        let (server, seen) = script.start().await;
        let mut smtp = smtp(Server { tls, ca_file: Some(file), ..server });
        assert_eq!(send(&mut smtp, &parcel("a@example.org")).await, Outcome::Sent, "{tls:?}");
        if tls == Tls::StartTls {
            let lines = seen.all();
            let at = |what: &str| lines.iter().position(|l| l == what).unwrap();
            assert!(at("0 TLS") < at("0 MAIL FROM:<>"), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_and_nothing_is_sent() {
    for tls in [Tls::Implicit, Tls::StartTls] {
        let (_dir, _, acceptor) = private_ca();
        let (_other, other_ca, _) = private_ca();
        let (server, seen) = Script { tls: Some((acceptor, tls)), ..Script::offering(&["STARTTLS"]) }.start().await;
        let outcome = send(&mut smtp(Server { tls, ca_file: Some(other_ca), ..server }), &parcel("a@example.org")).await;
        assert!(matches!(&outcome, Outcome::Later(why) if why.starts_with("TLS failed")), "{outcome:?}");
        assert_eq!(seen.count("MAIL"), 0);
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said_in_clear() {
    let (login, _dir) = login(LoginMethod::Password, "hunter2");
    for (offers, act) in [(&[][..], None), (&["STARTTLS"][..], Some(Say("454 no TLS today")))] {
        let mut script = Script::offering(&[offers, &["AUTH PLAIN"]].concat());
        script.acts.extend(act.map(|act| (0, "STARTTLS", act)));
        let (server, seen) = script.start().await;
        let server = Server { tls: Tls::StartTls, ..server };
        let outcome = send(&mut smtp_with(server, Some(login.clone()), impatient()), &parcel("a@example.org")).await;
        assert!(matches!(&outcome, Outcome::Later(why) if why.contains("STARTTLS")), "{outcome:?}");
        assert_eq!(seen.count("AUTH") + seen.count("MAIL"), 0, "{:?}", seen.all());
    }
}

#[tokio::test]
async fn replies_slipped_in_before_tls_end_the_connection() {
    let (_dir, file, acceptor) = private_ca();
    let injected = Say("220 go ahead\r\n250-evil.example.net\r\n250 AUTH PLAIN");
    let script = Script { tls: Some((acceptor, Tls::StartTls)), ..Script::offering(&["STARTTLS"]) }.act(0, "STARTTLS", injected);
    let (server, _) = script.start().await;
    let server = Server { tls: Tls::StartTls, ca_file: Some(file), ..server };
    let outcome = send(&mut smtp(server), &parcel("a@example.org")).await;
    assert!(matches!(&outcome, Outcome::Later(why) if why.contains("more than it was asked for")), "{outcome:?}");
}

#[tokio::test]
async fn probe_says_who_is_there_and_what_it_offers() {
    let (server, seen) = Script::offering(&["PIPELINING", "8BITMIME"]).start().await;
    assert_eq!(smtp(server).probe().await, Ok("mx.example.org: PIPELINING, 8BITMIME".into()));
    assert_eq!((seen.count("QUIT"), seen.count("MAIL")), (1, 0));
    let (server, _) = Script::default().act(0, GREETING, Say("554 closed")).start().await;
    assert_eq!(smtp(server).probe().await, Err("no greeting: 554 closed".into()));
}

#[tokio::test]
async fn files_hold_whole_mails_and_their_names_no_path() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let mut sender = Sender::new(&config::Send::Files(folder.clone()));
    for to in ["a@example.org", "../../etc/x@example.org"] {
        let parcel = parcel(to);
        sender.prepare(&parcel).await.unwrap();
        assert_eq!(sender.hand_over(&parcel).await, Outcome::Sent);
    }
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].ends_with("-a@example.org.eml") && names[1].ends_with("-.._.._etc_x@example.org.eml"), "{names:?}");
    assert_eq!(std::fs::read(folder.join(&names[0])).unwrap(), parcel("a@example.org").raw);
    assert!(sender.probe().await.is_ok());
    let mut nowhere = Sender::new(&config::Send::Files("/dev/null/out".into()));
    assert!(matches!(nowhere.hand_over(&parcel("a@example.org")).await, Outcome::Later(_)));
    assert!(nowhere.probe().await.is_err());
}
