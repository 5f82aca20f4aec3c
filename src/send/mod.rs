//! How mail leaves: by SMTP, or into files for trials. Nothing here knows the store.

/// One mail to hand over: one recipient a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Envelope sender; `None` is `<>` (acknowledgements).
    pub mail_from: Option<String>,
    /// The one recipient.
    pub rcpt_to: String,
    /// The whole mail, CRLF line ends.
    pub raw: Vec<u8>,
}

/// One way out, owned by one worker: it keeps its connection open between parcels.
pub enum Sender {}

impl Sender {
    /// A sender that is not connected yet; touches nothing.
    pub fn new(send: &crate::config::Send) -> Self {
        let _ = send;
        todo!()
    }

    /// Does everything that can be done before the mail itself goes over: connect, log in, MAIL FROM, RCPT TO, DATA's 354.
    /// A bound on every step. `Err` is the outcome when it ends here.
    pub async fn prepare(&mut self, parcel: &Parcel) -> Result<(), crate::outbox::Outcome> {
        let _ = parcel;
        todo!()
    }

    /// Hands over the mail after [`Sender::prepare`] and waits for the final reply.
    pub async fn hand_over(&mut self, parcel: &Parcel) -> crate::outbox::Outcome {
        let _ = parcel;
        todo!()
    }

    /// Logs in and says goodbye: for `check --live`. Returns the server's greeting name and what it offers, or what is wrong.
    pub async fn probe(&mut self) -> Result<String, String> {
        todo!()
    }

    /// Says QUIT, briefly.
    pub async fn close(&mut self) {
        todo!()
    }
}
