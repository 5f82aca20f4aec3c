//! The listener: `/health` and `/metrics` for machines, and the page that an alert's link leads to. The link acknowledges nothing by
//! itself, since mail programs and scanners open links; the one button on its page does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use crate::callout::{self, Phone};
use crate::clock::Clock;
use crate::metrics::Health;
use crate::policy::Policy;
use crate::reply::token;
use crate::store::alerts::{self, AlertRow};
use crate::store::{Result, Store, outbox};

/// A port that is taken is tried again this often.
const AGAIN: Duration = Duration::from_secs(5);
/// No request may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the pages are made from.
#[derive(Clone)]
pub struct Console {
    /// The store.
    pub store: Store,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What time it is.
    pub clock: Clock,
    /// How the daemon is.
    pub health: Health,
    /// End.
    pub stop: CancellationToken,
}

impl Console {
    /// Listens until told to stop. What keeps it from listening is said, and tried again.
    pub async fn serve(self) {
        let Some(http) = self.policy.config.http.clone() else { return };
        while !self.stop.is_cancelled() {
            let (stop, pages) = (self.stop.clone(), self.pages());
            match tokio::net::TcpListener::bind(http.listen).await {
                Ok(listener) => {
                    tracing::info!(at = %http.listen, "listening");
                    self.health.fault("http", None);
                    if let Err(error) = axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await {
                        tracing::error!(%error, "the listener ended");
                    }
                }
                Err(error) => {
                    let words = format!("Nobody can listen at {}: {error}", http.listen);
                    tracing::error!("{words}");
                    self.health.fault("http", Some(words));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// The pages, apart from any socket.
    pub fn pages(&self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/metrics", get(metrics))
            .route("/ack/{token}", get(ask).post(acknowledge))
            .with_state(self.clone())
    }

    /// The alert of a link, if it is one of ours and of this firing.
    async fn alert(&self, text: &str) -> Result<Option<(AlertRow, String)>> {
        let Some((reference, fired, who)) = token::of_link(&self.store.token_key(), text) else { return Ok(None) };
        let found = self.store.read(move |view| alerts::find(view, &reference)).await?;
        Ok(found.filter(|alert| alert.fired.as_millisecond() == fired).map(|alert| (alert, who)))
    }
}

/// 200 while every part moves and every mailbox is read, else 503; the line is the one that the service manager shows.
async fn health(State(console): State<Console>) -> Response {
    let stuck = console.health.stuck();
    let degraded = console.health.accounts_read().iter().any(|(_, _, why)| why.is_some());
    let well = stuck.is_empty() && !degraded && console.health.faults().is_empty();
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let stuck = if stuck.is_empty() { String::new() } else { format!("stuck: {}; ", stuck.join(", ")) };
    (status, safe(), format!("{stuck}{}\n", console.health.status())).into_response()
}

/// OpenMetrics: counts since the start, and what waits in the store.
async fn metrics(State(console): State<Console>) -> Response {
    let mut text = console.health.openmetrics();
    let waiting = console.store.read(|view| Ok((outbox::counts(view)?, alerts::count_firing(view)?))).await;
    if let Ok((rows, firing)) = waiting {
        text.push_str("# TYPE triaged_outbox gauge\n# HELP triaged_outbox Rows of the outbox, by state.\n");
        rows.iter().for_each(|(state, count)| text.push_str(&format!("triaged_outbox{{state=\"{}\"}} {count}\n", state.word())));
        text.push_str("# TYPE triaged_alerts_firing gauge\n# HELP triaged_alerts_firing Alerts that nobody has acknowledged.\n");
        text.push_str(&format!("triaged_alerts_firing {firing}\n"));
    }
    text.push_str("# EOF\n");
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The page of a link: what it is, and one button.
async fn ask(State(console): State<Console>, Path(text): Path<String>) -> Response {
    match tokio::time::timeout(PATIENCE, console.alert(&text)).await {
        Ok(Ok(Some((alert, who)))) if alert.fires() => page(StatusCode::OK, &question(&alert, &who)),
        Ok(Ok(Some((alert, _)))) => page(StatusCode::OK, &stands(&alert)),
        Ok(Ok(None)) => page(StatusCode::NOT_FOUND, NOT_OURS),
        _ => page(StatusCode::SERVICE_UNAVAILABLE, NOT_NOW),
    }
}

/// The button: whoever the link was made for has it.
async fn acknowledge(State(console): State<Console>, Path(text): Path<String>) -> Response {
    let (alert, who) = match tokio::time::timeout(PATIENCE, console.alert(&text)).await {
        Ok(Ok(Some(found))) => found,
        Ok(Ok(None)) => return page(StatusCode::NOT_FOUND, NOT_OURS),
        _ => return page(StatusCode::SERVICE_UNAVAILABLE, NOT_NOW),
    };
    let (policy, key, now) = (Arc::clone(&console.policy), console.store.token_key(), console.clock.now());
    let (taken, name) = (alert.clone(), who.clone());
    let take = move |tx: &crate::store::Tx<'_>| {
        callout::take(tx, &Phone { config: &policy.config, key, now }, &taken, &name, "by its link")
    };
    match console.store.write(take).await {
        Ok(Ok(())) => page(StatusCode::OK, &format!("<h1>{}: you have it</h1><p>Nobody else is called for it.</p>", alert.case)),
        Ok(Err(why)) => page(StatusCode::CONFLICT, &format!("<h1>{}</h1><p>{}.</p>", alert.case, escaped(&why))),
        Err(_) => page(StatusCode::SERVICE_UNAVAILABLE, NOT_NOW),
    }
}

const NOT_OURS: &str = "<h1>This link is not valid</h1><p>It may belong to an earlier alert. Answer the newest alert by mail instead, \
                        or type: triaged alert list</p>";
const NOT_NOW: &str = "<h1>Not now</h1><p>The store cannot be reached. <b>Nothing was acknowledged.</b> Try again, or answer the alert by \
                       mail.</p>";

fn question(alert: &AlertRow, who: &str) -> String {
    let about = alert.trouble.as_ref().map_or(alert.queue.as_str(), |_| "triaged itself");
    format!(
        "<h1>{}</h1><p>{}</p><form method=\"post\"><button>I have it</button></form><p>It stops calling everybody, and says that {} has it.</p>",
        alert.case,
        escaped(about),
        escaped(who)
    )
}

fn stands(alert: &AlertRow) -> String {
    let by = alert.acknowledged_by.as_deref().map_or_else(|| "It is over.".to_owned(), |by| format!("{} has it.", escaped(by)));
    format!("<h1>{}</h1><p>{by}</p>", alert.case)
}

/// Nothing from elsewhere is loaded, nothing frames it, and nobody learns the link from it.
fn safe() -> HeaderMap {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn page(status: StatusCode, body: &str) -> Response {
    let style =
        "body{font:1.2rem/1.5 sans-serif;margin:2rem auto;max-width:32rem;padding:0 1rem}button{font:inherit;padding:1rem 2rem}";
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>triaged</title><style>{style}</style>{body}</html>\n"
    );
    (status, safe(), Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
