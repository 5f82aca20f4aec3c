//! Alerts over HTTP: a POST with a bound on its whole time, no redirects (they would take secrets elsewhere), and nothing of the answer
//! kept but its status.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use ring::hmac;
use secrecy::ExposeSecret;

use crate::clock::Clock;
use crate::config::{Heartbeat, Webhook, WebhookKind};
use crate::outbox::Outcome;
use crate::scrub::scrub;
use crate::send::Parcel;
use crate::tls;

/// Everything together: connecting, TLS, sending, the answer's head.
const PATIENCE: Duration = Duration::from_secs(15);
/// A server that asks for more patience than this is asked again all the same: an alert waits behind it.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Milliseconds since 1970, part of what is signed: a receiver refuses what is old.
pub(super) const TIMESTAMP: &str = "X-Triaged-Timestamp";
/// `sha256=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body.
pub(super) const SIGNATURE: &str = "X-Triaged-Signature";

/// One webhook.
pub(super) struct Hook {
    hook: Webhook,
    clock: Clock,
    patience: Duration,
    client: Option<Client>,
}

impl Hook {
    /// Touches nothing yet.
    pub(super) fn new(hook: Webhook, clock: Clock) -> Self {
        Hook { hook, clock, patience: PATIENCE, client: None }
    }

    /// As [`Hook::new`], with less patience: for tests.
    #[cfg(test)]
    pub(super) fn impatient(hook: Webhook, clock: Clock, patience: Duration) -> Self {
        Hook { patience, ..Hook::new(hook, clock) }
    }

    /// Sends one payload.
    pub(super) async fn post(&mut self, parcel: &Parcel) -> Outcome {
        match self.try_post(parcel).await {
            Ok(outcome) => outcome,
            // Setting up is ours to mend, and a server that is away comes back: never a reason to give up.
            Err(error) => Outcome::Later(scrub(&format!("{error:#}"))),
        }
    }

    async fn try_post(&mut self, parcel: &Parcel) -> anyhow::Result<Outcome> {
        let url = self.hook.url.read()?;
        let body = self.body(parcel)?;
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(client(self.hook.ca_file.as_deref(), self.patience)?).clone(),
        };
        let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
        if let WebhookKind::Json(Some(secret)) = &self.hook.kind {
            let (at, signature) = sign(secret.read()?.expose_secret(), self.clock.now().as_millisecond(), &body);
            request = request.header(TIMESTAMP, at).header(SIGNATURE, signature);
        }
        let answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) => {
                // A connection that died while idle must not fail the next one, too.
                self.client = None;
                return Ok(Outcome::Later(said(&error)));
            }
        };
        let pause = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(outcome(answer.status(), pause.map(Duration::from_secs)))
    }

    /// PagerDuty's routing key is part of the payload; it is read now and kept nowhere.
    fn body(&self, parcel: &Parcel) -> anyhow::Result<Vec<u8>> {
        let WebhookKind::PagerDuty(secret) = &self.hook.kind else { return Ok(parcel.raw.clone()) };
        let mut value: serde_json::Value = serde_json::from_slice(&parcel.raw)?;
        value["routing_key"] = secret.read()?.expose_secret().into();
        Ok(serde_json::to_vec(&value)?)
    }
}

/// A client that trusts whom the rest of the program trusts, and follows nobody.
fn client(ca_file: Option<&std::path::Path>, patience: Duration) -> anyhow::Result<Client> {
    let tls = std::sync::Arc::unwrap_or_clone(tls::client_config(ca_file)?);
    let builder = Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none()).no_proxy();
    Ok(builder.timeout(patience).connect_timeout(patience).user_agent(concat!("triaged/", env!("CARGO_PKG_VERSION"))).build()?)
}

/// See [`crate::send::beat`]. A connection of its own each time: what is proved is the whole way.
pub(super) async fn beat(heartbeat: &Heartbeat, patience: Duration) -> Result<(), String> {
    let prepare = || anyhow::Ok((heartbeat.url.read()?, client(None, patience)?));
    let (url, client) = prepare().map_err(|error| scrub(&format!("{error:#}")))?;
    let request = if heartbeat.post { client.post(url) } else { client.get(url) };
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("HTTP {}", answer.status().as_u16())),
        Err(error) => Err(said(&error)),
    }
}

fn outcome(status: StatusCode, pause: Option<Duration>) -> Outcome {
    let words = format!("HTTP {}", status.as_u16());
    let wait = pause.map(|pause| pause.min(LONGEST_PAUSE));
    match status {
        status if status.is_success() => Outcome::Sent,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Outcome::later(words, wait),
        status if status.is_server_error() => Outcome::later(words, wait),
        _ => Outcome::Refused(words),
    }
}

/// What went wrong, without the address: it may be a secret.
fn said(error: &reqwest::Error) -> String {
    match () {
        () if error.is_timeout() => "no answer in time".into(),
        () if error.is_connect() => "cannot connect".into(),
        () => "the connection failed".into(),
    }
}

/// The timestamp and the signature of a body.
pub(super) fn sign(key: &str, at: i64, body: &[u8]) -> (String, String) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{at}.").as_bytes());
    signing.update(body);
    let hex: String = signing.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    (at.to_string(), format!("sha256={hex}"))
}
