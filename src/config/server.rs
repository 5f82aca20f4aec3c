//! Reading servers and logins: which port, which encryption, and where the secret lies (never what it is).

use super::address::{is_address, is_domain};
use super::read::Ground;
use super::{Login, LoginMethod, Secret, Send, Server, Smtp, Tls};
use crate::table::{Table, Word};

/// What a protocol does where the config leaves it open.
pub(super) struct Protocol {
    tls: Tls,
    implicit: u16,
    starttls: u16,
    clear: u16,
}

/// IMAP: RFC 8314 3.2 prefers implicit TLS.
pub(super) const IMAP: Protocol = Protocol { tls: Tls::Implicit, implicit: 993, starttls: 143, clear: 143 };
/// Mail submission: 587 with STARTTLS is what nearly every server offers (RFC 6409).
const SUBMISSION: Protocol = Protocol { tls: Tls::StartTls, implicit: 465, starttls: 587, clear: 25 };

impl Protocol {
    fn port(&self, tls: Tls) -> u16 {
        match tls {
            Tls::Implicit => self.implicit,
            Tls::StartTls => self.starttls,
            Tls::ClearText => self.clear,
        }
    }
}

/// `host`, `port`, `tls`, `ca_file` of a table.
pub(super) fn read_server(t: &Table<'_>, ground: &Ground, protocol: &Protocol) -> Server {
    let host = t.need_text("host");
    if !host.value.trim().is_empty() && !is_domain(&host.value) && host.value.parse::<std::net::IpAddr>().is_err() {
        let help = "a name such as \"imap.example.org\"; the port has a key of its own".to_owned();
        t.problem(host.span.clone(), format!("`host` is not a host name: \"{}\"", host.value), Some(help));
    }
    let choices = [("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("clear-text", Tls::ClearText)];
    let tls = t.choice("tls", &choices).unwrap_or(protocol.tls);
    let port = t.number("port", 1..=65_535).map_or(protocol.port(tls), |port| port as u16);
    warn_of_doubts(t, &host.value, port, tls, protocol);
    let ca_file = t.text("ca_file").map(|word| ground.path(&word));
    Server { host: host.value, port, tls, ca_file }
}

/// Clear text is the operator's to choose, but not without having been told; a port that belongs to the other kind of TLS just hangs.
fn warn_of_doubts(t: &Table<'_>, host: &str, port: u16, tls: Tls, protocol: &Protocol) {
    if tls == Tls::ClearText && !is_loopback(host) {
        let message = format!("mail and password cross the network to {host} in clear text");
        t.warning(
            t.span_of("tls"),
            message,
            Some("use \"implicit\" or \"starttls\" unless the line is yours from end to end".into()),
        );
    }
    let crossed = (tls == Tls::Implicit && port == protocol.starttls) || (tls == Tls::StartTls && port == protocol.implicit);
    if crossed {
        let message = format!("port {port} usually does not speak {tls}");
        t.warning(t.span_of("port"), message, Some(format!("the usual port for it is {}", protocol.port(tls))));
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The user and the one place of the secret; `None` when the table names neither, or when what it names is wrong.
pub(super) fn read_login(t: &Table<'_>, ground: &Ground) -> Option<Login> {
    let user = t.text("user");
    let inline = refuse_inline_secrets(t);
    let found = read_secret(t, ground);
    match (user, found) {
        (Some(user), Some((secret, method))) => Some(Login { user: user.value, secret, method }),
        (_, None) if inline => None,
        (Some(user), None) => {
            let help = "give one of `password_file`, `password_credential`, `token_file`, `token_credential`".to_owned();
            t.problem(user.span, "a login needs a secret", Some(help));
            None
        }
        (None, Some(_)) => {
            t.missing("user");
            None
        }
        (None, None) => None,
    }
}

fn refuse_inline_secrets(t: &Table<'_>) -> bool {
    let help = "write it to a file that only the daemon can read, and name that file: `password_file = \"...\"`";
    let found = ["password", "token", "secret"].map(|key| t.refuse(key, "secrets never stand in this file", help));
    found.contains(&true)
}

fn read_secret(t: &Table<'_>, ground: &Ground) -> Option<(Secret, LoginMethod)> {
    let file = |word: &Word| Secret::File(ground.path(word));
    let all = [
        t.text("password_file").map(|w| (file(&w), LoginMethod::Password, w)),
        t.text("password_credential").map(|w| (credential(t, &w), LoginMethod::Password, w)),
        t.text("token_file").map(|w| (file(&w), LoginMethod::XOAuth2, w)),
        t.text("token_credential").map(|w| (credential(t, &w), LoginMethod::XOAuth2, w)),
    ];
    let mut given = all.into_iter().flatten();
    let (secret, method, _) = given.next()?;
    for (_, _, second) in given {
        t.problem(second.span, "a login has one secret, this is another", Some("keep one of the two".into()));
    }
    Some((secret, method))
}

/// A credential is named, not pathed: systemd decides where it lies.
pub(super) fn credential(t: &Table<'_>, word: &Word) -> Secret {
    if word.value.is_empty() || word.value.contains(['/', '\\']) || word.value.starts_with('.') {
        let help = "the name in the unit's LoadCredential=, without a path".to_owned();
        t.problem(word.span.clone(), format!("\"{}\" is not the name of a credential", word.value), Some(help));
    }
    Secret::Credential(word.value.clone())
}

/// `[smtp]` or `[files]`: exactly one. `None` when that is not so; it was noted.
pub(super) fn read_send(root: &Table<'_>, ground: &Ground) -> Option<Send> {
    let smtp = root.table("smtp");
    let files = root.table("files");
    if let (Some(_), Some(files)) = (&smtp, &files) {
        let help = "[smtp] sends, [files] writes to a folder for trials: keep one".to_owned();
        root.problem(files.span(), "mail leaves by [smtp] or by [files], not by both", Some(help));
    }
    let by_files = files.map(|t| {
        let path = t.need_text("path");
        t.finish();
        Send::Files(ground.path(&path))
    });
    let by_smtp = smtp.map(|t| Send::Smtp(read_smtp(&t, ground)));
    if by_smtp.is_none() && by_files.is_none() && !root.has("smtp") && !root.has("files") {
        root.problem_whole("[smtp] is missing in the file (or [files], for trials): no mail could leave");
    }
    by_smtp.or(by_files)
}

fn read_smtp(t: &Table<'_>, ground: &Ground) -> Smtp {
    let server = read_server(t, ground, &SUBMISSION);
    let login = read_login(t, ground);
    let from = t.need_text("from");
    if !from.value.is_empty() && !is_address(&from.value) {
        super::read::bad_address(t, &from);
    }
    let connections = t.number("connections", 2..=64).unwrap_or(4) as usize;
    t.finish();
    Smtp { server, login, from: from.value.to_lowercase(), connections }
}
