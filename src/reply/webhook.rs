//! Alerts as JSON: our own form, PagerDuty's Events API v2, and what Slack and Mattermost take. As minimal as the mail, and for the
//! same reason. Secrets (PagerDuty's routing key, our signature) are added when it is sent, and are never stored.

use serde_json::{Value, json};

use crate::config::WebhookKind;
use crate::reply::alert::{About, Alert, headline, text};

/// What is said of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It calls.
    Trigger,
    /// Somebody has it.
    Acknowledge {
        /// Who: a sentence.
        words: &'a str,
    },
    /// It is over.
    Resolve {
        /// Why: a sentence.
        words: &'a str,
    },
}

impl Event<'_> {
    fn word(&self) -> &'static str {
        match self {
            Event::Trigger => "trigger",
            Event::Acknowledge { .. } => "acknowledge",
            Event::Resolve { .. } => "resolve",
        }
    }

    fn words(&self) -> Option<&str> {
        match self {
            Event::Trigger => None,
            Event::Acknowledge { words } | Event::Resolve { words } => Some(words),
        }
    }
}

/// The payload, as it is kept until it is sent.
pub fn payload(kind: &WebhookKind, event: Event<'_>, alert: &Alert<'_>) -> Vec<u8> {
    let value = match kind {
        WebhookKind::Json(_) => plain(event, alert),
        WebhookKind::PagerDuty(_) => pagerduty(event, alert),
        WebhookKind::Slack => {
            json!({ "text": event.words().map_or_else(|| text(alert), |words| format!("{words} ({})", alert.reference)) })
        }
    };
    value.to_string().into_bytes()
}

fn plain(event: Event<'_>, alert: &Alert<'_>) -> Value {
    let mut value = json!({
        "event": event.word(),
        "reference": alert.reference,
        "headline": headline(alert),
        "call": alert.call,
        "fired": alert.fired.to_string(),
        "made": alert.now.to_string(),
        "news": alert.again,
        "others": alert.others_in_all,
        "step": alert.step,
        "words": event.words().unwrap_or(alert.words),
        "link": alert.link,
    });
    value["about"] = about(&alert.about);
    value
}

fn about(about: &About<'_>) -> Value {
    match about {
        About::Case { queue, language, received, attachments, why, excerpt } => json!({
            "queue": queue,
            "language": language,
            "received": received.to_string(),
            "attachments": attachments,
            "why": why,
            "excerpt": if excerpt.is_empty() { Value::Null } else { json!(excerpt) },
        }),
        About::Ourselves { what } => json!({ "ourselves": what }),
    }
}

/// A summary has 1,024 characters at most; a dedup_key 255.
fn pagerduty(event: Event<'_>, alert: &Alert<'_>) -> Value {
    let mut value = json!({ "event_action": event.word(), "dedup_key": alert.reference });
    if event == Event::Trigger {
        let (group, severity) = match &alert.about {
            About::Case { queue, .. } => (*queue, "critical"),
            About::Ourselves { .. } => ("triaged", "error"),
        };
        value["payload"] = json!({
            "summary": headline(alert).chars().take(1_024).collect::<String>(),
            "source": "triaged",
            "severity": severity,
            "timestamp": alert.now.to_string(),
            "group": group,
            "custom_details": plain(event, alert),
        });
        value["client"] = json!("triaged");
        if let Some(link) = alert.link {
            value["links"] = json!([{ "href": link, "text": "I have it" }]);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::config::Secret;

    fn alert<'a>(others: &'a [String]) -> Alert<'a> {
        let why = &["Somebody says they will harm others."];
        let received = from_millis(1_800_000_000_000);
        let about = About::Case { queue: "threat-of-harm", language: Some("en"), received, attachments: 1, why, excerpt: "" };
        let (step, link) = ("step 1", Some("https://t.example.org/ack/x"));
        let (fired, now) = (received, from_millis(1_800_000_600_000));
        Alert { reference: "TS-04HMASW9", about, call: 2, fired, words: "", again: 0, others, others_in_all: 0, step, link, now }
    }

    /// The fields that PagerDuty documents for Events API v2: which must be there, and which may.
    #[test]
    fn what_pagerduty_gets_has_its_documented_fields_and_no_others() {
        let kind = WebhookKind::PagerDuty(Secret::Credential("key".into()));
        let value: Value = serde_json::from_slice(&payload(&kind, Event::Trigger, &alert(&[]))).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(keys.iter().all(|key| ["event_action", "dedup_key", "payload", "client", "links"].contains(key)), "{keys:?}");
        let inner = &value["payload"];
        for needed in ["summary", "source", "severity"] {
            assert!(inner[needed].as_str().is_some_and(|text| !text.is_empty()), "{needed}");
        }
        assert!(["critical", "error", "warning", "info"].contains(&inner["severity"].as_str().unwrap()));
        assert!(inner["timestamp"].as_str().unwrap().parse::<crate::clock::Timestamp>().is_ok());
        assert_eq!((value["event_action"].as_str(), value["dedup_key"].as_str()), (Some("trigger"), Some("TS-04HMASW9")));
        for event in [Event::Acknowledge { words: "kim has it" }, Event::Resolve { words: "kim closed it" }] {
            let value: Value = serde_json::from_slice(&payload(&kind, event, &alert(&[]))).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 2, "{value}");
            assert_eq!(value["dedup_key"], "TS-04HMASW9", "the same key closes what it opened");
        }
    }

    #[test]
    fn our_own_form_says_what_the_mail_says() {
        let value: Value = serde_json::from_slice(&payload(&WebhookKind::Json(None), Event::Trigger, &alert(&[]))).unwrap();
        assert_eq!(value["about"]["queue"], "threat-of-harm");
        assert_eq!(value["about"]["excerpt"], Value::Null);
        assert_eq!(value["headline"], "threat-of-harm: TS-04HMASW9 (call 2, waiting for 10 min)");
    }

    #[test]
    fn slack_and_mattermost_get_a_text() {
        let said = |event| String::from_utf8(payload(&WebhookKind::Slack, event, &alert(&[]))).unwrap();
        assert!(said(Event::Trigger).starts_with("{\"text\":\"threat-of-harm: TS-04HMASW9"));
        assert_eq!(said(Event::Acknowledge { words: "kim has it" }), "{\"text\":\"kim has it (TS-04HMASW9)\"}");
    }
}
