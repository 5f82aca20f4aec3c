//! Reading what belongs to being on call beside people and ladders: webhooks, the watch over ourselves, the canary, the heartbeat
//! and the listener.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Secret;
use super::read::{Ground, Names, identifier};
use super::server::credential;
use crate::table::{Table, Word};

/// `[[webhook]]`: an alert as an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Name used by ladders and people.
    pub name: String,
    /// What it is told in.
    pub kind: WebhookKind,
    /// Where it goes.
    pub url: Url,
    /// PEM file of a private CA to trust instead of the system's store.
    pub ca_file: Option<PathBuf>,
}

/// Whose language a webhook speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// Our own JSON, signed with HMAC-SHA256 by this key where there is one.
    Json(Option<Secret>),
    /// PagerDuty Events API v2, with this routing key.
    PagerDuty(Secret),
    /// What Slack and Mattermost take at an incoming webhook.
    Slack,
}

/// An address on the web. Some are secrets themselves: then a file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// As it stands in the config.
    Plain(String),
    /// Read anew at each use.
    Kept(Secret),
}

impl Url {
    /// The address.
    ///
    /// # Errors
    /// When its file cannot be read, or holds none; the text names the file, never the content.
    pub fn read(&self) -> anyhow::Result<String> {
        use secrecy::ExposeSecret;
        let Url::Kept(secret) = self else {
            let Url::Plain(url) = self else { unreachable!("the other of two") };
            return Ok(url.clone());
        };
        let url = secret.read()?;
        anyhow::ensure!(is_url(url.expose_secret()), "the file with the address of a webhook holds no https address");
        Ok(url.expose_secret().to_owned())
    }
}

/// `[watch]`: when something is wrong with ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The ladder of those who mend it.
    pub ladder: String,
    /// A mailbox that was not read for so long.
    pub mailbox: Duration,
    /// A forward or an alert that has not left for so long.
    pub outbox: Duration,
}

/// `[canary]`: mails of our own that must come back through every mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// How often.
    pub every: Duration,
    /// By when one must be back.
    pub within: Duration,
}

/// `[heartbeat]`: a sign of life to a dead-man's switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Where it goes.
    pub url: Url,
    /// How often.
    pub every: Duration,
    /// POST instead of GET.
    pub post: bool,
}

/// `[http]`: the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Under which address people reach it, without a slash at its end; with it alerts carry a link to acknowledge.
    pub url: Option<String>,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// All `[[webhook]]`, their names among `names`.
pub(super) fn read_webhooks(root: &Table<'_>, ground: &Ground, names: &mut Names) -> Vec<Webhook> {
    root.tables("webhook").iter().map(|t| read_webhook(t, ground, names)).collect()
}

fn read_webhook(t: &Table<'_>, ground: &Ground, names: &mut Names) -> Webhook {
    let name = identifier(t, "name");
    names.add(t, &name);
    let ca_file = t.text("ca_file").map(|word| ground.path(&word));
    let choices = [("json", 0), ("pagerduty", 1), ("slack", 2)];
    if !t.has("kind") {
        t.missing("kind");
    }
    let kind = t.choice("kind", &choices);
    t.refuse("secret", "secrets never stand in this file", "name the file that holds it: `secret_file = \"...\"`");
    let secret = read_secret(t, ground);
    let kind = match kind {
        Some(1) => WebhookKind::PagerDuty(secret.unwrap_or_else(|| {
            let help = "give `secret_file` or `secret_credential` with the integration's routing key".to_owned();
            t.problem(t.span(), "a PagerDuty webhook needs its routing key", Some(help));
            Secret::File(PathBuf::new())
        })),
        Some(2) => WebhookKind::Slack,
        _ => WebhookKind::Json(secret),
    };
    let usual = matches!(kind, WebhookKind::PagerDuty(_)).then_some("https://events.pagerduty.com/v2/enqueue");
    let url = read_url(t, ground, usual);
    t.finish();
    Webhook { name: name.value, kind, url, ca_file }
}

fn read_secret(t: &Table<'_>, ground: &Ground) -> Option<Secret> {
    let file = t.text("secret_file").map(|word| Secret::File(ground.path(&word)));
    let named = t.text("secret_credential").map(|word| credential(t, &word));
    if file.is_some() && named.is_some() {
        t.problem(
            t.span_of("secret_credential"),
            "a webhook has one secret, this is another",
            Some("keep one of the two".into()),
        );
    }
    file.or(named)
}

/// `url`, `url_file` or `url_credential`: exactly one, unless there is a usual one.
fn read_url(t: &Table<'_>, ground: &Ground, usual: Option<&str>) -> Url {
    let plain = t.text("url");
    let kept = t.text("url_file").map(|word| Url::Kept(Secret::File(ground.path(&word))));
    let kept = kept.or(t.text("url_credential").map(|word| Url::Kept(credential(t, &word))));
    match (plain, kept, usual) {
        (Some(word), None, _) => {
            check_url(t, &word);
            Url::Plain(word.value)
        }
        (None, Some(kept), _) => kept,
        (None, None, Some(usual)) => Url::Plain(usual.to_owned()),
        (None, None, None) => {
            t.missing("url");
            Url::Plain(String::new())
        }
        (Some(word), Some(kept), _) => {
            t.problem(word.span, "an address on the web stands here twice", Some("keep one of the two".into()));
            kept
        }
    }
}

fn check_url(t: &Table<'_>, word: &Word) {
    if !is_url(&word.value) {
        let help = "such as \"https://hooks.example.org/alerts\"; plain http only to this machine itself".to_owned();
        t.problem(word.span.clone(), format!("not an address we would send to: \"{}\"", word.value), Some(help));
    }
}

/// https, or http to this machine.
fn is_url(text: &str) -> bool {
    let local = |rest: &str| {
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|host| rest.strip_prefix(host).is_some_and(|after| after.is_empty() || after.starts_with([':', '/'])))
    };
    let safe =
        text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) || text.strip_prefix("http://").is_some_and(local);
    safe && text.len() <= 2_000 && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `[watch]`, if it is there.
pub(super) fn read_watch(root: &Table<'_>, ladders: &Names) -> Option<Watch> {
    let t = root.table("watch")?;
    let ladder = ladders.check(&t, &t.need_text("ladder"));
    let mailbox = t.duration_within("mailbox", 10 * SECOND..=DAY).unwrap_or(10 * MINUTE);
    let outbox = t.duration_within("outbox", 10 * SECOND..=DAY).unwrap_or(10 * MINUTE);
    t.finish();
    Some(Watch { ladder, mailbox, outbox })
}

/// `[canary]`, if it is there.
pub(super) fn read_canary(root: &Table<'_>) -> Option<Canary> {
    let t = root.table("canary")?;
    let every = t.duration_within("every", 10 * SECOND..=DAY).unwrap_or(15 * MINUTE);
    let within = t.duration_within("within", SECOND..=DAY).unwrap_or(5 * MINUTE);
    t.finish();
    Some(Canary { every, within })
}

/// `[heartbeat]`, if it is there.
pub(super) fn read_heartbeat(root: &Table<'_>, ground: &Ground) -> Option<Heartbeat> {
    let t = root.table("heartbeat")?;
    let url = read_url(&t, ground, None);
    let every = t.duration_within("every", SECOND..=DAY).unwrap_or(MINUTE);
    let post = t.choice("method", &[("get", false), ("post", true)]).unwrap_or(false);
    t.finish();
    Some(Heartbeat { url, every, post })
}

/// `[http]`, if it is there.
pub(super) fn read_http(root: &Table<'_>) -> Option<Http> {
    let t = root.table("http")?;
    let listen = t.need_text("listen");
    let address = listen.value.parse::<SocketAddr>().unwrap_or_else(|_| {
        if !listen.value.trim().is_empty() {
            let help = "an IP address and a port, such as \"127.0.0.1:8025\"".to_owned();
            t.problem(listen.span.clone(), format!("nobody can listen at \"{}\"", listen.value), Some(help));
        }
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let url = t.text("url");
    if let Some(word) = &url {
        check_url(&t, word);
    }
    t.finish();
    Some(Http { listen: address, url: url.map(|word| word.value.trim_end_matches('/').to_owned()) })
}
