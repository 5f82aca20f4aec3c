//! Waiting for news: IDLE (RFC 2177) where the server offers it and keeps its word, else a look now and then. News that
//! come before or after the IDLE itself count as well, and one IDLE never lasts longer than five minutes.

use std::time::Duration;

use async_imap::imap_proto::Response;
use tokio::time::Instant;

use super::ImapMailbox;
use super::wire::{Event, Wire};
use crate::mailbox::{Trouble, Wake};

/// How the server took to IDLE so far.
#[derive(Debug, Default)]
pub struct Idle {
    /// It was refused in this session.
    refused: bool,
    /// Times in a row that IDLE was never answered: twice, and this mailbox is polled from then on.
    unanswered: u8,
}

impl Idle {
    /// A new session may be with a new server.
    pub fn session_begins(&mut self) {
        self.refused = false;
    }
}

impl ImapMailbox {
    /// See [`crate::mailbox::Mailbox::wait`].
    pub async fn wait(&mut self, at_most: Duration) -> Result<Wake, Trouble> {
        let mut wire = self.take()?;
        let until = Instant::now() + at_most;
        let woken = self.wait_on(&mut wire, until).await;
        self.back(wire, woken)
    }

    async fn wait_on(&mut self, wire: &mut Wire, until: Instant) -> Result<Wake, Trouble> {
        if wire.known.news {
            return Ok(Wake::Changed);
        }
        let may_idle = self.config.idle && wire.offers("IDLE") && !self.idle.refused && self.idle.unanswered < 2;
        if may_idle && let Some(wake) = self.idle(wire, until).await? {
            return Ok(wake);
        }
        tokio::time::sleep_until(until).await;
        wire.order("NOOP", "NOOP", self.patience.command).await?;
        Ok(woken(wire))
    }

    /// One IDLE; `None` when the server will not have it.
    async fn idle(&mut self, wire: &mut Wire, until: Instant) -> Result<Option<Wake>, Trouble> {
        let begins = Instant::now() + self.patience.idle_begins;
        wire.send(NAME, NAME, begins).await?;
        self.idle.unanswered += 1;
        let begun = loop {
            match wire.next(NAME, begins, &mut |_| ()).await? {
                Event::Continue => break true,
                Event::Done(_) => break false,
                Event::Untagged => left_alone(wire)?,
            }
        };
        self.idle.unanswered = 0;
        // A server that ends an IDLE by itself would otherwise have us ask again without a pause.
        self.idle.refused = !begun || !self.idle_on(wire, until.min(Instant::now() + self.patience.idle)).await?;
        Ok((!self.idle.refused || wire.known.news).then(|| woken(wire)))
    }

    /// From `+` until there are news or time is up, then DONE. `false`: the server ended it by itself, or by NO or BAD.
    async fn idle_on(&self, wire: &mut Wire, until: Instant) -> Result<bool, Trouble> {
        let mut see = |_: &Response<'_>| ();
        while !wire.known.news && Instant::now() < until {
            let event = tokio::select! {
                biased;
                event = wire.next(NAME, until + Duration::from_secs(60), &mut see) => event?,
                () = tokio::time::sleep_until(until) => break,
            };
            if let Event::Done(_) = event {
                return Ok(false);
            }
            left_alone(wire)?;
        }
        let ends = Instant::now() + self.patience.idle_ends;
        wire.line(NAME, "DONE", ends).await?;
        loop {
            match wire.next(NAME, ends, &mut |_| ()).await? {
                Event::Done(reply) => return Ok(reply.ok),
                Event::Continue | Event::Untagged => left_alone(wire)?,
            }
        }
    }
}

const NAME: &str = "IDLE";

fn woken(wire: &Wire) -> Wake {
    if wire.known.news { Wake::Changed } else { Wake::Elapsed }
}

/// After BYE nothing more will come.
fn left_alone(wire: &Wire) -> Result<(), Trouble> {
    match wire.known.bye {
        Some(_) => Err(wire.lost(NAME, "the server ends the session")),
        None => Ok(()),
    }
}
