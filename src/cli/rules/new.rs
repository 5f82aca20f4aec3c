//! `triaged rules new`: a commented rule file to start from, which passes `rules check` and `rules test` as it is.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::{Answer, Failure, OK, show};

/// The file with NAME in the place of the id.
const STARTER: &str = include_str!("starter.toml");

/// Writes `folder/ID.toml`; a file that is there stays as it is.
pub(super) fn new(id: &str, folder: &Path) -> Answer {
    let fits = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && id.starts_with(|c: char| c.is_ascii_lowercase());
    if !fits {
        let words = format!(
            "error: \"{id}\" is no rule id: small letters, digits and hyphens, beginning with a letter, such as threat-by-post"
        );
        return Err(Failure::Misuse(words));
    }
    let path = folder.join(format!("{id}.toml"));
    let said = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Misuse(format!("error: {} is there already and stays as it is: choose another id", path.display()))
        }
        _ => Failure::Misuse(format!("error: cannot write {}: {error}", path.display())),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(said)?;
    file.write_all(STARTER.replace("NAME", id).as_bytes()).map_err(said)?;
    show::say(format!("{} is written: edit it, then run `triaged rules test --rules {}`", path.display(), folder.display()));
    Ok(OK)
}
