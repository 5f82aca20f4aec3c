//! Webhooks against a local HTTP server that does what servers do at the worst moment.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock::from_millis;
use crate::config::{Secret, Url};
use crate::outbox::{Kind, Next, next};

/// What the server was sent, whole requests.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that gives each request the next of `answers`; an empty one is never given. Returns its address.
async fn server(answers: Vec<&'static str>) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Heard::default();
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !whole(&request) {
                match socket.read(&mut part).await {
                    Ok(1..) => request.extend_from_slice(&part[..]),
                    _ => break,
                }
                let end = request.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
                request.truncate(end);
                part = [0; 4096];
            }
            hears.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, heard)
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

fn hook(url: &str, kind: WebhookKind, patience: Duration) -> Hook {
    let hook = Webhook { name: "pager".into(), kind, url: Url::Plain(url.into()), ca_file: None };
    Hook::impatient(hook, Clock::manual(from_millis(1_800_000_000_000)), patience)
}

fn parcel() -> Parcel {
    Parcel { mail_from: None, rcpt_to: "pager".into(), raw: b"{\"dedup_key\":\"TS-04HMASW9\"}".to_vec() }
}

async fn outcome_of(answer: &'static str) -> Outcome {
    let (url, _) = server(vec![answer]).await;
    hook(&url, WebhookKind::Slack, Duration::from_secs(5)).post(&parcel()).await
}

#[tokio::test]
async fn what_a_server_answers_decides_what_becomes_of_the_alert() {
    assert_eq!(outcome_of("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await, Outcome::Sent);
    assert_eq!(outcome_of("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await, Outcome::Refused("HTTP 400".into()));
    assert_eq!(outcome_of("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").await, Outcome::Later("HTTP 500".into()));
    let busy = |seconds| Outcome::Busy { why: "HTTP 429".into(), wait: Duration::from_secs(seconds) };
    assert_eq!(outcome_of("HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n").await, busy(7));
    assert_eq!(
        outcome_of("HTTP/1.1 429 Slow\r\nretry-after: 99999\r\ncontent-length: 0\r\n\r\n").await,
        busy(300),
        "an alert waits"
    );
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example.net/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(outcome_of(elsewhere).await, Outcome::Refused("HTTP 302".into()), "secrets are taken nowhere else");
    assert!(matches!(outcome_of("nonsense\r\n\r\n").await, Outcome::Later(_)));
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_is_for_later_in_bounded_time() {
    let (url, _) = server(vec![""]).await;
    let began = tokio::time::Instant::now();
    let outcome = hook(&url, WebhookKind::Slack, Duration::from_millis(300)).post(&parcel()).await;
    assert_eq!(outcome, Outcome::Later("no answer in time".into()));
    assert!(began.elapsed() < Duration::from_secs(5));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(
        hook(&url, WebhookKind::Slack, Duration::from_secs(2)).post(&parcel()).await,
        Outcome::Later("cannot connect".into())
    );
    // Never given up, and tried again within the minute.
    let Next::Ready(wait) = next(Kind::Alert, 1_000, &Outcome::Later("no answer in time".into()), 1.0) else {
        panic!("given up")
    };
    assert!(wait <= Duration::from_secs(75));
}

#[tokio::test]
async fn our_own_form_is_signed_over_its_time_and_body_and_a_changed_body_shows() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "correct horse\n").unwrap();
    let (url, heard) = server(vec!["HTTP/1.1 204 No\r\n\r\n"]).await;
    let kind = WebhookKind::Json(Some(Secret::File(key)));
    assert_eq!(hook(&url, kind, Duration::from_secs(5)).post(&parcel()).await, Outcome::Sent);
    let request = heard.lock().unwrap().pop().unwrap();
    let header = |name: &str| request.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned)).unwrap();
    assert_eq!(header("x-triaged-timestamp: "), "1800000000000");
    // Known answer: Python's hmac.new(b"correct horse", b'1800000000000.{"dedup_key":"TS-04HMASW9"}', "sha256").
    let python = std::process::Command::new("python3")
        .args([
            "-c",
            "import hmac;print(hmac.new(b'correct horse',b'1800000000000.{\"dedup_key\":\"TS-04HMASW9\"}','sha256').hexdigest())",
        ])
        .output()
        .unwrap();
    assert_eq!(header("x-triaged-signature: "), format!("sha256={}", String::from_utf8_lossy(&python.stdout).trim()));
    assert_ne!(sign("correct horse", 1, b"a"), sign("correct horse", 1, b"b"));
    assert_ne!(sign("correct horse", 1, b"a").1, sign("correct horse", 2, b"a").1);
}

#[tokio::test]
async fn pagerdutys_key_is_added_when_it_is_sent_and_a_missing_key_is_ours_to_mend() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let (url, heard) = server(vec!["HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"]).await;
    let mut hook = hook(&url, WebhookKind::PagerDuty(Secret::File(key.clone())), Duration::from_secs(5));
    assert!(matches!(hook.post(&parcel()).await, Outcome::Later(_)), "not given up");
    std::fs::write(&key, "R0UT1NG").unwrap();
    assert_eq!(hook.post(&parcel()).await, Outcome::Sent);
    assert!(heard.lock().unwrap().pop().unwrap().contains("\"routing_key\":\"R0UT1NG\""));
}

#[tokio::test]
async fn an_address_that_is_a_secret_is_read_from_its_file_and_stands_in_no_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("url");
    std::fs::write(&file, "http://127.0.0.1:1/s3cret").unwrap();
    let hook = Webhook { name: "chat".into(), kind: WebhookKind::Slack, url: Url::Kept(Secret::File(file)), ca_file: None };
    let outcome = Hook::impatient(hook, Clock::System, Duration::from_secs(1)).post(&parcel()).await;
    let Outcome::Later(why) = outcome else { panic!("{outcome:?}") };
    assert!(!why.contains("s3cret"), "{why}");
}

#[tokio::test]
async fn a_heartbeat_is_one_request_and_says_when_it_does_not_arrive() {
    let (url, heard) =
        server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"]).await;
    let heartbeat = Heartbeat { url: Url::Plain(url), every: Duration::from_secs(60), post: false };
    assert_eq!(beat(&heartbeat, Duration::from_secs(5)).await, Ok(()));
    assert!(heard.lock().unwrap()[0].starts_with("GET /hook "));
    assert_eq!(beat(&heartbeat, Duration::from_secs(5)).await, Err("HTTP 503".into()));
}
