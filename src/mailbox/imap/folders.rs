//! Which folders are read: those of the config, or the inbox and whatever the server marks as junk (RFC 6154).

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response};

use super::text::{folder_name, quoted, unescaped};
use super::wire::Wire;
use crate::config;
use crate::mailbox::{Folder, Trouble};

/// Names of junk folders on servers that mark none, lower case, without what stands before the last delimiter.
const JUNK_NAMES: [&str; 6] = ["junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail"];

/// Folders looked at, at most.
const MOST: usize = 10_000;

/// A folder as LIST shows it.
#[derive(Debug)]
struct Listed {
    name: String,
    marked_junk: bool,
    named_junk: bool,
    marked: bool,
}

/// The folders to read, the inbox first.
pub async fn to_read(wire: &mut Wire, config: &config::Imap, limit: Duration) -> Result<Vec<Folder>, Trouble> {
    let junk = match config.junk_folders.as_slice() {
        [] => junk_folders(wire, limit).await?,
        names => names.iter().map(|name| folder_name(name)).collect(),
    };
    let mut names: Vec<String> = config.folders.iter().map(|name| folder_name(name)).collect();
    if names.is_empty() {
        names.push("INBOX".to_owned());
        names.extend(junk.iter().cloned());
    }
    let mut folders: Vec<Folder> = names.into_iter().map(|name| Folder { junk: junk.contains(&name), name }).collect();
    folders.sort_by_key(|folder| !folder.name.eq_ignore_ascii_case("INBOX"));
    Ok(folders)
}

/// Folders that hold junk: by their mark, and only where the server marks none by their name.
async fn junk_folders(wire: &mut Wire, limit: Duration) -> Result<Vec<String>, Trouble> {
    let mut listed = list(wire, "\"\" \"*\"", limit).await?;
    if !listed.iter().any(|folder| folder.marked) && wire.offers("SPECIAL-USE") {
        // Some servers show marks only when asked for them; one that refuses the question has none to show.
        match list(wire, "(SPECIAL-USE) \"\" \"*\"", limit).await {
            Ok(marked) => listed.extend(marked),
            Err(Trouble::Refused { .. }) => {}
            Err(lost) => return Err(lost),
        }
    }
    let any_marked = listed.iter().any(|folder| folder.marked_junk);
    let is_junk = |folder: &&Listed| if any_marked { folder.marked_junk } else { folder.named_junk };
    Ok(listed.iter().filter(is_junk).map(|folder| folder.name.clone()).collect())
}

/// An error that says what is there, if there is no folder of that name.
pub async fn missing(wire: &mut Wire, name: &str, limit: Duration) -> Result<Option<Trouble>, Trouble> {
    let there = match list(wire, "\"\" \"*\"", limit).await {
        Err(lost @ Trouble::Lost(_)) => return Err(lost),
        Err(_) => return Ok(None),
        Ok(listed) => listed,
    };
    if there.iter().any(|folder| folder.name == name) || name.eq_ignore_ascii_case("INBOX") {
        return Ok(None);
    }
    let names: Vec<&str> = there.iter().map(|folder| folder.name.as_str()).take(20).collect();
    Ok(Some(Trouble::Setup(format!("there is no folder {name:?} on the server; there are: {}", names.join(", ")))))
}

async fn list(wire: &mut Wire, arguments: &str, limit: Duration) -> Result<Vec<Listed>, Trouble> {
    let mut listed = Vec::new();
    let mut see = |response: &Response<'_>| {
        if let Response::MailboxData(MailboxDatum::List(data)) = response {
            let attributes = &data.name_attributes;
            if attributes.contains(&NameAttribute::NoSelect) || listed.len() >= MOST {
                return;
            }
            let name = unescaped(&data.name);
            let delimiter = data.delimiter.as_deref().map(unescaped).filter(|d| !d.is_empty());
            let last = delimiter.and_then(|d| name.rsplit(&d).next()).unwrap_or(&name);
            listed.push(Listed {
                named_junk: JUNK_NAMES.contains(&last.to_lowercase().as_str()),
                marked_junk: attributes.contains(&NameAttribute::Junk),
                marked: attributes.iter().any(is_special_use),
                name,
            });
        }
    };
    wire.run("LIST", &format!("LIST {arguments}"), limit, &mut see).await?.accepted("LIST")?;
    Ok(listed)
}

fn is_special_use(attribute: &NameAttribute<'_>) -> bool {
    use NameAttribute::{All, Archive, Drafts, Flagged, Junk, Sent, Trash};
    matches!(attribute, All | Archive | Drafts | Flagged | Junk | Sent | Trash)
}

/// Makes a folder. That it exists already is no error.
pub async fn create(wire: &mut Wire, name: &str, limit: Duration) -> Result<(), Trouble> {
    let mailbox = quoted(name).ok_or_else(|| Trouble::Setup(format!("no folder can be called {name:?}")))?;
    let reply = wire.run("CREATE", &format!("CREATE {mailbox}"), limit, &mut |_| ()).await?;
    if !reply.ok && missing(wire, name, limit).await?.is_some() {
        return Err(Trouble::Setup(format!("the folder {name:?} is missing and the server will not create it: {}", reply.text)));
    }
    Ok(())
}
