//! Judging mails from files with the daemon's own eyes: shared by `classify` and `explain`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::clock::Timestamp;
use crate::message;
use crate::policy::{Judged, Policy};
use crate::report::{Envelope, Extent};

/// No mail file is read beyond this: what is larger is no mail.
const MOST: u64 = 256 << 20;

/// Every mail the operator named: files as they are, the files of a folder in order of name. `-` is standard input.
pub fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let entries = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>, std::io::Error>>());
            let mut inside =
                entries.map_err(|e| Failure::Misuse(format!("error: cannot read the folder {}: {e}", path.display())))?;
            inside.retain(|path| path.is_file());
            inside.sort();
            files.append(&mut inside);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// The bytes of one mail.
///
/// # Errors
/// A sentence that names the file.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let named = |error: std::io::Error| format!("error: cannot read {}: {error}", path.display());
    let mut raw = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MOST).read_to_end(&mut raw).map_err(named)?;
    } else {
        File::open(path).map_err(named)?.take(MOST).read_to_end(&mut raw).map_err(named)?;
    }
    Ok(raw)
}

/// Judges one mail as if it had arrived now, in the inbox of `account`, or of the account whose address it names, or of the first.
pub fn judge(policy: &Policy, account: Option<&str>, raw: &[u8], now: Timestamp) -> (String, Judged) {
    let envelope = Envelope { received: now, junk: false, extent: Extent::Whole };
    let account = match account {
        Some(account) => account.to_owned(),
        None => policy.account_of(&message::read(raw, &envelope)),
    };
    let judged = policy.judge(&account, raw, &envelope);
    (account, judged)
}

/// An account id the operator typed, checked.
pub fn known_account<'a>(policy: &Policy, typed: Option<&'a str>) -> Result<Option<&'a str>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    if policy.config.account(typed).is_some() {
        return Ok(Some(typed));
    }
    let ids = policy.config.accounts.iter().map(|account| account.id.as_str()).collect::<Vec<_>>().join(", ");
    Err(Failure::Misuse(format!("error: there is no account \"{typed}\": the config has {ids}")))
}
