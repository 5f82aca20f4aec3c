//! What a part claims to be, read from its MIME header, and what follows for the way it is read.

use mail_parser::{HeaderName, MessagePart, MimeHeaders, PartType};

use super::parts::Kind;
use super::{disarm, headers};

/// How a part is read.
pub enum Reading {
    /// A multipart the parser could not take apart.
    Structure,
    /// Text that mail programs show.
    Shown(Kind),
    /// Text that they list.
    Attached(Kind),
    /// A mail.
    Mail,
    /// Bytes for the manifest.
    Opaque,
}

impl Reading {
    /// How a part of this media type (lower case) and file name is read.
    pub fn of(media_type: &str, name: Option<&str>) -> Reading {
        let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.trim().to_ascii_lowercase());
        match media_type.split_once('/').unwrap_or((media_type, "")) {
            ("multipart", _) => Reading::Structure,
            ("text", "plain") => Reading::Shown(Kind::Plain),
            ("text", "html" | "enriched" | "richtext") => Reading::Shown(Kind::Html),
            ("text", _) => Reading::Attached(Kind::Plain),
            ("message", "rfc822" | "global" | "news") => Reading::Mail,
            ("message", _) => Reading::Attached(Kind::Plain),
            // Mail programs that do not know a file's type say octet-stream: its name says more.
            ("application", "octet-stream" | "") => match ending.as_deref() {
                Some("eml") => Reading::Mail,
                Some("txt" | "csv" | "log" | "md" | "ics") => Reading::Attached(Kind::Plain),
                Some("html" | "htm") => Reading::Attached(Kind::Html),
                _ => Reading::Opaque,
            },
            _ => Reading::Opaque,
        }
    }
}

/// Text under a type that nobody knows or that is no text type ("plain/text", application/json): nobody may hide words behind a
/// wrong type. Images and the like are left alone, and so are keys and signatures, which are letters but no words.
pub fn text_in<'x>(media_type: &str, bytes: &'x [u8]) -> Option<&'x str> {
    let (kind, subtype) = media_type.split_once('/')?;
    let never = ["image", "audio", "video", "font", "model"].contains(&kind)
        || ["signature", "keys", "encrypted"].iter().any(|end| subtype.ends_with(end));
    let text = std::str::from_utf8(bytes).ok().filter(|_| !never)?;
    (!text.chars().any(|c| c.is_control() && !c.is_whitespace())).then_some(text)
}

/// Whether the blank before a soft line break is no blank of the text (RFC 3676 4.1: format=flowed with DelSp=yes).
pub fn loses_blanks(part: &MessagePart<'_>) -> bool {
    let says = |name: &str, value: &str| {
        part.content_type().and_then(|ct| ct.attribute(name)).is_some_and(|said| said.trim().eq_ignore_ascii_case(value))
    };
    says("format", "flowed") && says("delsp", "yes")
}

/// Whether a text is a calendar or a visiting card, whose lines are folded (RFC 5545 3.1, RFC 6350 3.2).
pub fn is_card(media_type: &str, name: Option<&str>) -> bool {
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.trim().to_ascii_lowercase());
    matches!(media_type, "text/calendar" | "text/vcard" | "text/x-vcard" | "text/directory" | "text/x-vcalendar")
        || matches!(ending.as_deref(), Some("ics" | "vcf"))
}

/// Two Content-Type headers, one of them a multipart: whichever the parser took, the other may be meant.
pub fn is_contradictory(part: &MessagePart<'_>) -> bool {
    let types = part.headers.iter().filter(|header| header.name == HeaderName::ContentType);
    let types: Vec<_> = types.filter_map(|header| header.value.as_content_type()).collect();
    types.len() > 1 && types.iter().any(|value| value.ctype().eq_ignore_ascii_case("multipart"))
}

/// The media type in lower case; text/plain where none is named (RFC 2045 5.2).
pub fn media_type(part: &MessagePart<'_>) -> String {
    let Some(value) = part.content_type() else {
        return if matches!(part.body, PartType::Message(_)) { "message/rfc822".to_owned() } else { "text/plain".to_owned() };
    };
    let token = |text: &str| text.chars().filter(|c| c.is_ascii_graphic()).take(80).collect::<String>().to_ascii_lowercase();
    match (token(value.ctype()).as_str(), token(value.subtype().unwrap_or_default()).as_str()) {
        ("text", "") | ("", _) => "text/plain".to_owned(),
        (kind, subtype) if disarm::original(subtype).is_some() => {
            format!("{kind}/{}", disarm::original(subtype).unwrap_or(subtype))
        }
        (kind, "") => format!("{kind}/octet-stream"),
        (kind, subtype) => format!("{kind}/{subtype}"),
    }
}

/// Content-Transfer-Encoding in lower case, its first word without what does not belong there ("base64;").
pub fn transfer_encoding(part: &MessagePart<'_>) -> String {
    let value = part.content_transfer_encoding().unwrap_or_default().to_ascii_lowercase();
    let mut value = value.trim_start();
    // Comments before it (RFC 2045 6.1 lets them stand anywhere); what is inside one does not count.
    while let Some((_, rest)) = value.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        value = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ')');
    }
    value.split(|c: char| c.is_whitespace() || c == ';' || c == '(').next().unwrap_or_default().trim_matches('"').to_owned()
}

/// Whether the parser took the transfer encoding for what we take it: it knows only the exact words.
pub fn is_exact_encoding(part: &MessagePart<'_>) -> bool {
    match transfer_encoding(part).as_str() {
        "base64" => part.encoding == mail_parser::Encoding::Base64,
        "quoted-printable" => part.encoding == mail_parser::Encoding::QuotedPrintable,
        _ => true,
    }
}

/// Whether the part is what nobody but the recipient's key can read (RFC 3156 4, RFC 8551 3.3).
pub fn is_encrypted(part: &MessagePart<'_>, media_type: &str) -> bool {
    let smime = || part.content_type().and_then(|value| value.attribute("smime-type")).unwrap_or_default().to_ascii_lowercase();
    match media_type {
        "application/pgp-encrypted" => true,
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            !["signed-data", "certs-only", "compressed-data"].contains(&smime().as_str())
        }
        _ => false,
    }
}

/// The file name as the sender wrote it, decoded.
pub fn file_name(part: &MessagePart<'_>) -> Option<String> {
    let name = part.attachment_name()?;
    Some(if name.contains("=?") { headers::decode(name.as_bytes()).0 } else { name.to_owned() })
}
