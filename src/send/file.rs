//! Sending into files: for trials and the demo, where nothing may leave the machine. One `.eml` a mail, whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::outbox::Outcome;
use crate::scrub::scrub;
use crate::send::Parcel;

/// Counts the files of this process, so that two workers never choose one name.
static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// A folder that mails are written to.
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Mails go to `folder`, which is made when the first one comes.
    pub(super) fn new(folder: PathBuf) -> Self {
        Files { folder }
    }

    /// Writes one mail; it is on disk when this returns [`Outcome::Sent`].
    pub(super) async fn write(&self, parcel: &Parcel) -> Outcome {
        let (folder, name, raw) = (self.folder.clone(), name(&parcel.rcpt_to), parcel.raw.clone());
        let written = tokio::task::spawn_blocking(move || write_whole(&folder, &name, &raw)).await;
        match written {
            Ok(Ok(())) => Outcome::Sent,
            // The folder is named, not the file: its name carries the recipient.
            Ok(Err(error)) => Outcome::Later(scrub(&format!("cannot write into {}: {error}", self.folder.display()))),
            Err(_) => Outcome::Later("the writer stopped".into()),
        }
    }

    /// Says where mails go, or why they cannot.
    pub(super) fn probe(&self) -> Result<String, String> {
        let probe = || {
            fs::create_dir_all(&self.folder)?;
            tempfile::tempfile_in(&self.folder).map(drop)
        };
        match probe() {
            Ok(()) => Ok(format!("files in {}", self.folder.display())),
            Err(error) => Err(format!("cannot write into {}: {error}", self.folder.display())),
        }
    }
}

/// `<milliseconds>-<sequence>-<recipient>.eml`, the recipient with nothing in it that a path could trip over.
fn name(recipient: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-_+=".contains(c) { c } else { '_' };
    let recipient: String = recipient.chars().take(100).map(plain).collect();
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    format!("{}-{sequence:06}-{recipient}.eml", Clock::System.now().as_millisecond())
}

/// Under another name first: who watches the folder never sees half a mail.
fn write_whole(folder: &Path, name: &str, raw: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{name}.tmp"));
    let mut file = File::create(&unfinished)?;
    file.write_all(raw)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
