//! The listener over real sockets: what it shows, and that only its button acknowledges.

use super::*;
use crate::store::Role;
use crate::store::alerts::{Fire, Traits};
use crate::store::cases;

struct Site {
    _dir: tempfile::TempDir,
    store: Store,
    at: String,
    stop: CancellationToken,
    health: Health,
}

impl Site {
    async fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("t.db"), Role::Daemon).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        drop(listener);
        let mut policy = Policy::shipped();
        policy.config.http = Some(crate::config::Http { listen, url: None });
        let (stop, health) = (CancellationToken::new(), Health::default());
        let (clock, console_stop) = (Clock::System, stop.clone());
        let console =
            Console { store: store.clone(), policy: Arc::new(policy), clock, health: health.clone(), stop: console_stop };
        tokio::spawn(console.serve());
        Site { _dir: dir, store, at: format!("http://{listen}"), stop, health }
    }

    /// A case with an alert that fires; the end of the link for amara.
    async fn alert(&self) -> String {
        let now = Clock::System.now();
        let reference = crate::case::Reference::from_bits([7; 5]);
        let made = reference.clone();
        self.store
            .write(move |tx| {
                let case_id = cases::open(tx, &made, "threat-of-harm", "a@example.net", None, now)?.expect("a case");
                let (ladder, words, excerpt) = ("emergency", "", "");
                let fire =
                    Fire { case_id, reference: made.as_str(), ladder, words, traits: Traits::default(), excerpt, leader: None };
                alerts::fire(tx, &fire, now)
            })
            .await
            .unwrap();
        token::link(&self.store.token_key(), reference.as_str(), now.as_millisecond(), "amara")
    }

    fn taken_by(&self) -> Option<String> {
        self.store.read_blocking(|view| alerts::list(view, true, 9)).unwrap().pop().and_then(|alert| alert.acknowledged_by)
    }

    async fn ask(&self, post: bool, path: &str) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}{path}", self.at);
        for _ in 0..50 {
            let request = if post { client.post(&url) } else { client.get(&url) };
            if let Ok(answer) = request.send().await {
                let status = answer.status().as_u16();
                assert!(!path.starts_with("/ack") || answer.headers().contains_key("content-security-policy"));
                return (status, answer.text().await.unwrap());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody listens at {url}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn opening_the_link_acknowledges_nothing_and_its_button_does() {
    let site = Site::new().await;
    let link = format!("/ack/{}", site.alert().await);
    // A mail program, and a scanner or two.
    for _ in 0..3 {
        let (status, page) = site.ask(false, &link).await;
        assert!(status == 200 && page.contains("I have it") && page.contains("amara has it"), "{page}");
    }
    assert_eq!(site.taken_by(), None);
    let (status, page) = site.ask(true, &link).await;
    assert!(status == 200 && page.contains("you have it"), "{page}");
    assert_eq!(site.taken_by().as_deref(), Some("amara"));
    let (status, page) = site.ask(true, &link).await;
    assert!(status == 409 && page.contains("amara has it already"), "{page}");
    assert!(site.ask(false, &link).await.1.contains("amara has it"));
}

#[tokio::test]
async fn a_link_that_was_altered_or_belongs_to_an_earlier_firing_acknowledges_nothing() {
    let site = Site::new().await;
    let link = site.alert().await;
    let altered = link.replace(".616d617261.", ".62656e.");
    assert_ne!(link, altered);
    let earlier = token::link(&site.store.token_key(), link.split('.').next().unwrap(), 1, "amara");
    for wrong in [altered.as_str(), earlier.as_str(), "x", "%3Cscript%3E"] {
        let (status, page) = site.ask(true, &format!("/ack/{wrong}")).await;
        assert!(status == 404 && !page.contains("<script>"), "{status} {page}");
    }
    assert_eq!(site.taken_by(), None);
}

#[tokio::test]
async fn health_and_metrics_tell_how_we_are() {
    let site = Site::new().await;
    site.alert().await;
    assert_eq!(site.ask(false, "/health").await.0, 200);
    site.health.account("ca", crate::metrics::Condition::Degraded("login refused".into()));
    let (status, line) = site.ask(false, "/health").await;
    assert!(status == 503 && line.contains("ca degraded: login refused"), "{line}");
    site.health.answer(Some("list"));
    let (_, metrics) = site.ask(false, "/metrics").await;
    for line in [
        "triaged_alerts_firing 1",
        "triaged_answers_withheld_total{reason=\"list\"} 1",
        "triaged_mailbox_reading{account=\"ca\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}
