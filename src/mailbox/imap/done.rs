//! What happens on the server to mails that are stored: nothing, a keyword, or a move. Nothing here deletes a mail that
//! has not been copied before (law 1).

use super::text::{folder_name, quoted, uid_set};
use super::wire::Wire;
use super::{BATCH, ImapMailbox, folders, parsed};
use crate::config::Done;
use crate::mailbox::{Key, Trouble};

impl ImapMailbox {
    /// See [`crate::mailbox::Mailbox::done`].
    pub async fn done(&mut self, keys: &[Key]) -> Result<(), Trouble> {
        if self.done == Done::Nothing || keys.is_empty() {
            return Ok(());
        }
        let mut wire = self.take()?;
        let done = self.done_all(&mut wire, &parsed(keys)).await;
        self.back(wire, done)
    }

    async fn done_all(&self, wire: &mut Wire, uids: &[u32]) -> Result<(), Trouble> {
        for batch in uids.chunks(BATCH) {
            let set = uid_set(batch);
            match &self.done {
                Done::Nothing => {}
                Done::Keyword(keyword) => self.store(wire, &set, keyword).await?,
                Done::Move(folder) => self.relocate(wire, &set, &folder_name(folder)).await?,
            }
        }
        Ok(())
    }

    async fn store(&self, wire: &mut Wire, set: &str, flag: &str) -> Result<(), Trouble> {
        let is_atom = |c: char| c.is_ascii_graphic() && !"(){%*\"]".contains(c);
        if !flag.chars().all(is_atom) || flag.is_empty() {
            return Err(Trouble::Setup(format!("{flag:?} cannot be a keyword: letters, digits, $ and - are fit for one")));
        }
        wire.order("UID STORE", &format!("UID STORE {set} +FLAGS.SILENT ({flag})"), self.patience.command).await
    }

    async fn relocate(&self, wire: &mut Wire, set: &str, target: &str) -> Result<(), Trouble> {
        if target == self.folder.name {
            return Ok(());
        }
        if wire.offers("MOVE") {
            return self.to_folder(wire, "UID MOVE", set, target).await;
        }
        // Without UID EXPUNGE (RFC 4315) mails that a person marked for deletion would go as well.
        if !wire.offers("UIDPLUS") {
            return Err(Trouble::Setup(
                "the server can neither MOVE nor UID EXPUNGE: set `done` to a keyword or to nothing".into(),
            ));
        }
        self.to_folder(wire, "UID COPY", set, target).await?;
        self.store(wire, set, "\\Deleted").await?;
        wire.order("UID EXPUNGE", &format!("UID EXPUNGE {set}"), self.patience.command).await
    }

    /// UID MOVE or UID COPY, making the target when it is missing.
    async fn to_folder(&self, wire: &mut Wire, name: &'static str, set: &str, target: &str) -> Result<(), Trouble> {
        let limit = self.patience.command;
        let mailbox = quoted(target).ok_or_else(|| Trouble::Setup(format!("no folder can be called {target:?}")))?;
        let line = format!("{name} {set} {mailbox}");
        let reply = wire.run(name, &line, limit, &mut |_| ()).await?;
        if !reply.ok && (reply.try_create || folders::missing(wire, target, limit).await?.is_some()) {
            folders::create(wire, target, limit).await?;
            return wire.order(name, &line, limit).await;
        }
        reply.accepted(name)
    }
}
