//! What one mail says, as plain values: the only thing that rules, guard and staff ever look at.
//! Made by [`crate::message`], which never fails: what was wrong with the mail is a [`Damage`] mark here.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How a mail came to us, known from the mailbox and not from the mail itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// When the server took it in (IMAP INTERNALDATE, Maildir file time); never the mail's own Date.
    pub received: Timestamp,
    /// It lay in the junk folder.
    pub junk: bool,
    /// Whether all of it was fetched.
    pub extent: Extent,
}

/// How much of a mail we hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its first and last bytes only: it was larger than the limit. The raw bytes hold `head` bytes of its beginning followed by its end.
    Part {
        /// Size on the server, bytes.
        size: u64,
        /// Length of the beginning, bytes.
        head: u64,
    },
    /// Nothing, or its header at most: the server would not hand it over. It is a case all the same (law 2).
    Unfetched,
}

/// One mail, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Message-ID without angle brackets, if it has one (RFC 5322 3.6.4).
    pub message_id: Option<String>,
    /// Message-IDs of In-Reply-To and References, without brackets, oldest first, each once.
    pub references: Vec<String>,
    /// The mail's own Date, for show only.
    pub date: Option<Timestamp>,
    /// From, Reply-To, To, Cc: every mailbox of every header of that name.
    pub from: Vec<Address>,
    /// See `from`.
    pub reply_to: Vec<Address>,
    /// See `from`.
    pub to: Vec<Address>,
    /// See `from`.
    pub cc: Vec<Address>,
    /// The envelope sender as the last server noted it.
    pub return_path: ReturnPath,
    /// Addresses of Delivered-To, X-Original-To and Envelope-To, lower case, topmost first.
    pub delivered_to: Vec<String>,
    /// Every header, name as written, value unfolded and decoded, control characters made blanks; topmost first.
    pub headers: Vec<(String, String)>,
    /// The text, by field.
    pub fields: Fields,
    /// Everything attached, as a manifest (law 5): never the bytes.
    pub attachments: Vec<Attachment>,
    /// Language of what the sender wrote: an ISO 639-1 code, or `None` for unknown.
    pub language: Option<String>,
    /// Why this is a machine's mail, if it is.
    pub automated: Option<Automated>,
    /// What is wrong with the mail.
    pub damage: Vec<Damage>,
    /// It lay in the junk folder.
    pub junk: bool,
    /// When the server took it in.
    pub received: Timestamp,
    /// Size of the raw mail on the server, bytes.
    pub size: u64,
}

impl Report {
    /// A report that says nothing: what the mail itself would have said is left for the caller to fill in.
    pub fn blank(received: Timestamp) -> Self {
        Report {
            message_id: None,
            references: Vec::new(),
            date: None,
            from: Vec::new(),
            reply_to: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            return_path: ReturnPath::Absent,
            delivered_to: Vec::new(),
            headers: Vec::new(),
            fields: Fields::default(),
            attachments: Vec::new(),
            language: None,
            automated: None,
            damage: Vec::new(),
            junk: false,
            received,
            size: 0,
        }
    }
}

/// The texts rules look at (RULES.md "Fields"). Each is plain UTF-8 with `\n` line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The decoded subject.
    pub subject: String,
    /// What this sender wrote; when only a quote remains, the quote.
    pub body: String,
    /// Forwarded mails: nested message/rfc822 and inline forwards.
    pub forwarded: String,
    /// Text of text/* attachments, up to a cap.
    pub attachment: String,
    /// File names, one a line.
    pub filename: String,
    /// Older thread text.
    pub quoted: String,
}

/// One mailbox of an address header. The name is the sender's own words: never in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Display name, control characters removed.
    pub name: Option<String>,
    /// The address as written, trimmed; may be no valid address at all.
    pub address: String,
}

impl Address {
    /// Local part and domain, lower-cased domain, if the address has the form of one (`local@domain`).
    pub fn parts(&self) -> Option<(&str, String)> {
        let (local, domain) = self.address.rsplit_once('@')?;
        (!local.is_empty() && !domain.is_empty()).then(|| (local, domain.to_lowercase()))
    }
}

/// The envelope sender (RFC 5321 4.4, Return-Path).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnPath {
    /// No Return-Path header: unknown.
    Absent,
    /// `<>`: a bounce or another mail that wants no answer.
    Null,
    /// An address.
    Address(String),
}

/// One line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name with path and control characters removed, if it has one.
    pub name: Option<String>,
    /// Media type in lower case, such as `image/png`.
    pub media_type: String,
    /// Decoded size, bytes.
    pub size: u64,
    /// SHA-256 of the decoded bytes, lower-case hex.
    pub sha256: String,
}

/// Why a mail counts as automated: the header, address or text that says so (FIELD.md "When not to acknowledge").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automated {
    /// A short stable word, such as `auto-submitted`, `null-return-path`, `list`, `out-of-office-text`.
    pub reason: String,
    /// One sentence for staff, with no text of the mail beyond a header's fixed word.
    pub why: String,
}

/// Every reason of [`Automated`], in order of the alphabet: what rules may ask for.
pub const AUTOMATED_REASONS: [&str; 16] = [
    "auto-reply-header",
    "auto-submitted",
    "automatic-text",
    "bounce-text",
    "challenge-text",
    "failed-recipients",
    "list",
    "loop-header",
    "noreply-address",
    "null-return-path",
    "out-of-office-text",
    "precedence",
    "receipt-text",
    "report",
    "robot-address",
    "suppress-header",
];

/// What is wrong with a mail. Each is a mark, never a reason to drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Not one byte.
    Empty,
    /// No From header, or no address in it.
    NoFrom,
    /// More than one From header.
    SeveralFrom,
    /// No Message-ID, or none that can be used.
    NoMessageId,
    /// A charset nobody knows, or bytes that are not of the charset named.
    BadCharset,
    /// A transfer encoding that could not be decoded cleanly.
    BadEncoding,
    /// A multipart whose boundary is missing, unclosed or empty.
    BadStructure,
    /// Nested deeper, or in more parts, than we follow; the rest is unread.
    TooDeep,
    /// NUL bytes in the text.
    NulBytes,
    /// Longer than the cap: judged on head and tail.
    TextCut,
    /// Only head and tail were fetched (over the size limit).
    FetchedInPart,
    /// The server would not hand it over.
    Unfetched,
    /// The parser gave up (a panic was caught); the raw text was read as it stands.
    Unparsed,
    /// The time for judging it was up before every rule was asked.
    NotJudgedWhole,
    /// No text at all.
    NoText,
    /// Encrypted: nobody but the recipient's key can read it.
    Encrypted,
}

/// What our own servers found out about the sender (RFC 8601), from the topmost Authentication-Results header of ours.
/// `None`: they did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// DMARC (RFC 7489): does the From domain's policy hold?
    pub dmarc: Option<AuthResult>,
    /// SPF (RFC 7208): may that server send for the envelope sender's domain?
    pub spf: Option<AuthResult>,
    /// DKIM (RFC 6376): did the From domain, or one it belongs to, sign?
    pub dkim: Option<AuthResult>,
}

impl Authentication {
    /// The From address is proven to be the sender's own domain's.
    pub fn proven(&self) -> bool {
        self.dmarc == Some(AuthResult::Pass) || self.dkim == Some(AuthResult::Pass)
    }
}

/// One method's result. Whatever is neither `pass` nor `fail` is unknown, which is not a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthResult {
    /// `pass`
    Pass,
    /// `fail`
    Fail,
    /// Anything else (`none`, `neutral`, `temperror` ...), lower case.
    Other(String),
}
