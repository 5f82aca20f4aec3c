//! How mail leaves: by SMTP, or into files for trials; and how alerts leave beside it: over HTTP. Nothing here knows the store.
//!
//! The work is cut in two so that the caller can hold a lock for as short as possible: [`Sender::prepare`] does
//! everything that cannot yet deliver anything, [`Sender::hand_over`] is the one round trip after which a mail may be out.

mod file;
mod smtp;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::config;
use crate::outbox::Outcome;
pub use crate::outbox::Parcel;

/// One way out, owned by one worker: it keeps its connection open between parcels.
pub struct Sender(Way);

/// Where mail goes.
enum Way {
    /// To a submission server. Boxed: it is far larger than the other.
    Smtp(Box<smtp::Smtp>),
    /// Into a folder.
    Files(file::Files),
    /// To an HTTP server.
    Hook(Box<webhook::Hook>),
}

impl Sender {
    /// A sender that is not connected yet; touches nothing.
    pub fn new(send: &config::Send) -> Self {
        Sender(match send {
            config::Send::Smtp(smtp) => Way::Smtp(Box::new(smtp::Smtp::new(smtp.clone(), smtp::Patience::default()))),
            config::Send::Files(folder) => Way::Files(file::Files::new(folder.clone())),
        })
    }

    /// A sender of payloads to a webhook; touches nothing.
    pub fn webhook(hook: &config::Webhook, clock: Clock) -> Self {
        Sender(Way::Hook(Box::new(webhook::Hook::new(hook.clone(), clock))))
    }

    /// Does everything that can be done before the mail itself goes over: connect, log in, MAIL FROM, RCPT TO, DATA's 354.
    /// A bound on every step. `Err` is the outcome when it ends here: the mail has certainly not been delivered.
    pub async fn prepare(&mut self, parcel: &Parcel) -> Result<(), Outcome> {
        match &mut self.0 {
            Way::Smtp(smtp) => smtp.prepare(parcel).await,
            Way::Files(_) | Way::Hook(_) => Ok(()),
        }
    }

    /// Hands over the mail after [`Sender::prepare`] of the same parcel and waits for the final reply. After
    /// [`Outcome::Later`] it may have been delivered all the same (the reply was lost): try again with the same Message-ID.
    pub async fn hand_over(&mut self, parcel: &Parcel) -> Outcome {
        match &mut self.0 {
            Way::Smtp(smtp) => smtp.hand_over(parcel).await,
            Way::Files(files) => files.write(parcel).await,
            Way::Hook(hook) => hook.post(parcel).await,
        }
    }

    /// Logs in and says goodbye: for `check --live`. Returns the server's greeting name and what it offers, or what is wrong.
    pub async fn probe(&mut self) -> Result<String, String> {
        match &mut self.0 {
            Way::Smtp(smtp) => smtp.probe().await,
            Way::Files(files) => files.probe(),
            // Asking would wake somebody.
            Way::Hook(_) => Ok("a webhook, not tried".into()),
        }
    }

    /// Says QUIT, briefly.
    pub async fn close(&mut self) {
        if let Way::Smtp(smtp) = &mut self.0 {
            smtp.close().await;
        }
    }
}

/// A sign of life: one request. `Err` says why it did not arrive, without the address.
///
/// # Errors
/// The words to log.
pub async fn beat(heartbeat: &config::Heartbeat, patience: std::time::Duration) -> Result<(), String> {
    webhook::beat(heartbeat, patience).await
}
