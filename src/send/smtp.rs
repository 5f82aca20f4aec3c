//! SMTP submission: lettre's connection, driven command by command. One recipient a transaction, so that each row
//! of the outbox has the server's own answer; every step bounded in time, which lettre does not do by itself.
//!
//! What an answer means for the mail depends on the step it came at. A 5xx to MAIL, RCPT or the mail itself is
//! about this mail. A 5xx to the greeting, TLS or the login is about our set-up: a wrong password must never kill a mail.

use std::fmt::{self, Display};
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Ehlo, Quit};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};

use crate::config::{self, LoginMethod};
use crate::outbox::Outcome;
use crate::scrub::scrub;
use crate::send::{Parcel, wire};

/// How long each step may take (RFC 5321 4.5.3.2 is more generous; a worker of ours has other mails waiting).
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// TCP connect.
    pub(super) connect: Duration,
    /// Each of: TLS handshake, greeting with EHLO, login.
    pub(super) login: Duration,
    /// MAIL, RCPT and DATA, each.
    pub(super) command: Duration,
    /// The mail and the final reply; a large mail gets a second more for each 16 KiB.
    pub(super) reply: Duration,
    /// A connection unused for longer is not trusted: servers and firewalls drop idle ones without a word.
    pub(super) idle: Duration,
    /// QUIT.
    pub(super) quit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience {
            connect: seconds(10),
            login: seconds(30),
            command: seconds(30),
            reply: seconds(120),
            idle: seconds(30),
            quit: seconds(2),
        }
    }
}

/// Bytes of a mail that earn its final reply a second more.
const BYTES_PER_SECOND: usize = 16 * 1024;

/// A submission server and at most one connection to it.
pub(super) struct Smtp {
    config: config::Smtp,
    patience: Patience,
    link: Option<Link>,
}

/// An open connection, logged in. It is taken out of [`Smtp`] while it is used and put back only when it is known to
/// be clean: an error, a timeout or a dropped future leaves nothing behind that could mix two mails.
struct Link {
    connection: AsyncSmtpConnection,
    offers: Offers,
    last_used: Instant,
    /// DATA was answered with 354: the next bytes are the mail.
    in_data: bool,
    /// A refused transaction may still be open: the next begins with RSET.
    needs_reset: bool,
}

/// What of the server's extensions we use.
#[derive(Clone, Debug, Default)]
struct Offers {
    name: String,
    all: Vec<String>,
    pipelining: bool,
    eight_bit: bool,
    utf8: bool,
}

/// What went wrong in a conversation.
#[derive(Debug)]
enum Trouble {
    /// Nobody there any more, or nothing that makes sense: the connection is of no use.
    Lost(String),
    /// The server refused, with this code and these words.
    Said(u16, String),
}

impl Smtp {
    /// Not connected yet.
    pub(super) fn new(config: config::Smtp, patience: Patience) -> Self {
        Smtp { config, patience, link: None }
    }

    /// See [`super::Sender::prepare`].
    pub(super) async fn prepare(&mut self, parcel: &Parcel) -> Result<(), Outcome> {
        let kept = self.link.take().filter(|link| !link.in_data && link.last_used.elapsed() < self.patience.idle);
        if let Some(link) = kept {
            match self.transact(link, parcel).await {
                // It died while nobody looked. Nothing was handed over, so another connection may try at once.
                Err(Trouble::Lost(_) | Trouble::Said(421, _)) => {}
                other => return other.map_err(outcome),
            }
        }
        let link = self.connect().await.map_err(Outcome::Later)?;
        self.transact(link, parcel).await.map_err(outcome)
    }

    /// Opens a transaction up to DATA's 354 and keeps the link if it is still good.
    async fn transact(&mut self, mut link: Link, parcel: &Parcel) -> Result<(), Trouble> {
        let result = match Opening::new(&link, parcel) {
            Ok(opening) => link.open_transaction(&opening, self.patience.command).await,
            Err(trouble) => Err(trouble),
        };
        match &result {
            Ok(()) => {}
            Err(trouble) if trouble.leaves_a_session() && !link.in_data => link.needs_reset = true,
            // 354 in spite of a refusal, or confused, or gone: hanging up is the one way that surely delivers nothing (RFC 2920 3.1).
            Err(_) => return result,
        }
        link.last_used = Instant::now();
        self.link = Some(link);
        result
    }

    /// See [`super::Sender::hand_over`].
    pub(super) async fn hand_over(&mut self, parcel: &Parcel) -> Outcome {
        let Some(mut link) = self.link.take().filter(|link| link.in_data) else {
            return Outcome::Later("no transaction was open".into());
        };
        let at_most = self.patience.reply + Duration::from_secs((parcel.raw.len() / BYTES_PER_SECOND) as u64);
        // lettre puts CRLF before the final dot itself: with ours it would be an empty line more.
        let raw = parcel.raw.strip_suffix(b"\r\n").unwrap_or(&parcel.raw);
        let reply = within(at_most, link.connection.message(raw)).await;
        match reply.and_then(|reply| expect(reply, 2)) {
            Ok(()) => {
                self.keep(link);
                Outcome::Sent
            }
            Err(trouble) => {
                if trouble.leaves_a_session() {
                    self.keep(link);
                }
                match trouble {
                    Trouble::Lost(why) => Outcome::Later(format!("no final reply, it may have been delivered: {why}")),
                    said => outcome(said),
                }
            }
        }
    }

    /// Puts back a link whose transaction is over.
    fn keep(&mut self, mut link: Link) {
        link.in_data = false;
        link.last_used = Instant::now();
        self.link = Some(link);
    }

    /// Connects and logs in. What goes wrong here is about us and the server, never about a mail.
    async fn connect(&self) -> Result<Link, String> {
        let wire = wire::open(&self.config.server, self.patience.connect, self.patience.login)
            .await
            .map_err(|error| scrub(&format!("{error:#}")))?;
        let hello = wire.hello().clone();
        let greet = async {
            let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello).await?;
            // Once more for ourselves: lettre does not tell whether PIPELINING is offered.
            let reply = connection.command(Ehlo::new(hello)).await?;
            Ok((connection, Offers::new(&reply)))
        };
        let (mut connection, offers) =
            within(self.patience.login, greet).await.map_err(|trouble| format!("no greeting: {trouble}"))?;
        self.log_in(&mut connection).await?;
        Ok(Link { connection, offers, last_used: Instant::now(), in_data: false, needs_reset: false })
    }

    /// Logs in, if the config says so, with the secret as it is in its file now.
    async fn log_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), String> {
        let Some(login) = &self.config.login else { return Ok(()) };
        let secret = login.secret.read().map_err(|error| scrub(&format!("{error:#}")))?;
        let mechanisms: &[Mechanism] = match login.method {
            LoginMethod::Password => &[Mechanism::Plain, Mechanism::Login],
            LoginMethod::XOAuth2 => &[Mechanism::Xoauth2],
        };
        if connection.server_info().get_auth_mechanism(mechanisms).is_none() {
            return Err("the server does not offer the configured way to log in".into());
        }
        let credentials = Credentials::new(login.user.clone(), secret.expose_secret().to_owned());
        let said = within(self.patience.login, connection.auth(mechanisms, &credentials)).await;
        said.and_then(|reply| expect(reply, 2)).map_err(|trouble| format!("login refused: {trouble}"))
    }

    /// See [`super::Sender::probe`].
    pub(super) async fn probe(&mut self) -> Result<String, String> {
        self.close().await;
        let link = self.connect().await?;
        let offers = link.offers.clone();
        self.link = Some(link);
        self.close().await;
        Ok(format!("{}: {}", scrub(&offers.name), scrub(&offers.all.join(", "))))
    }

    /// See [`super::Sender::close`].
    pub(super) async fn close(&mut self) {
        if let Some(mut link) = self.link.take().filter(|link| !link.in_data) {
            // Whatever it answers, we are gone.
            let _ = within(self.patience.quit, link.connection.command(Quit)).await;
        }
    }
}

impl Link {
    /// Says the opening's commands and reads every reply. With PIPELINING all go out at once: one round trip instead of three.
    async fn open_transaction(&mut self, opening: &Opening, at_most: Duration) -> Result<(), Trouble> {
        let commands = &opening.0;
        let mut first_refusal = None;
        for (i, command) in commands.iter().enumerate() {
            let reply = match (self.offers.pipelining, i) {
                (true, 0) => within(at_most, self.connection.command(commands.concat())).await,
                (true, _) => within(at_most, self.connection.read_response()).await,
                (false, _) => within(at_most, self.connection.command(command)).await,
            };
            let is_data = command == DATA;
            match reply.and_then(|reply| expect(reply, if is_data { 3 } else { 2 })) {
                Ok(()) if is_data => self.in_data = true,
                Ok(()) => {}
                // What came first decides: a server that refuses and hangs up has refused. But who hangs up is gone.
                Err(trouble @ Trouble::Lost(_)) => return Err(first_refusal.unwrap_or(trouble)),
                Err(_) if command == RESET => return Err(Trouble::Lost("the server does not take RSET".into())),
                Err(trouble) if !self.offers.pipelining => return Err(trouble),
                Err(trouble) => first_refusal = first_refusal.or(Some(trouble)),
            }
        }
        self.needs_reset = false;
        first_refusal.map_or(Ok(()), Err)
    }
}

/// Ends whatever transaction is open.
const RESET: &str = "RSET\r\n";

/// The last command before the mail.
const DATA: &str = "DATA\r\n";

/// The commands of one transaction before the mail, each with its line end.
struct Opening(Vec<String>);

impl Opening {
    /// Checks the addresses: what cannot be said in SMTP, or not to this server, ends here.
    fn new(link: &Link, parcel: &Parcel) -> Result<Opening, Trouble> {
        let from = parcel.mail_from.as_deref().unwrap_or("");
        let speakable = |address: &str| !address.chars().any(|c| c.is_control() || c.is_whitespace() || "<>".contains(c));
        if !speakable(from) || !speakable(&parcel.rcpt_to) || parcel.rcpt_to.is_empty() {
            return Err(Trouble::Said(553, "an address that cannot be said in SMTP".into()));
        }
        let international = !from.is_ascii() || !parcel.rcpt_to.is_ascii();
        if international && !link.offers.utf8 {
            return Err(Trouble::Said(553, "the server takes no address with letters beyond ASCII (SMTPUTF8)".into()));
        }
        // Where 8BITMIME is not offered the bytes go all the same, as every MTA has done for decades: a forward that
        // a picky server might garble is better than none.
        let eight_bit = link.offers.eight_bit && !parcel.raw.is_ascii();
        let parameters = [(eight_bit, " BODY=8BITMIME"), (international, " SMTPUTF8")];
        let parameters: String = parameters.into_iter().filter(|(used, _)| *used).map(|(_, text)| text).collect();
        let mut commands = Vec::with_capacity(4);
        if link.needs_reset {
            commands.push(RESET.to_owned());
        }
        commands.push(format!("MAIL FROM:<{from}>{parameters}\r\n"));
        commands.push(format!("RCPT TO:<{}>\r\n", parcel.rcpt_to));
        commands.push(DATA.to_owned());
        Ok(Opening(commands))
    }
}

impl Offers {
    /// Reads the reply to EHLO: its first line names the server, each other an extension (RFC 5321 4.1.1.1).
    fn new(reply: &Response) -> Self {
        let mut lines = reply.message();
        let name = lines.next().and_then(|line| line.split_whitespace().next()).unwrap_or("").to_owned();
        let all: Vec<String> = lines.map(|line| line.trim().to_uppercase()).collect();
        let offers = |word: &str| all.iter().any(|line| line.split_whitespace().next() == Some(word));
        Offers { name, pipelining: offers("PIPELINING"), eight_bit: offers("8BITMIME"), utf8: offers("SMTPUTF8"), all }
    }
}

/// Waits no longer than `at_most`; what lettre calls an error becomes what it means to us.
async fn within<T>(
    at_most: Duration,
    step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Trouble> {
    match timeout(at_most, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Trouble::from(error)),
        Err(_) => Err(Trouble::Lost("no reply in time".into())),
    }
}

/// The reply must be of this class (first digit); a positive one of another class means we no longer understand each other.
fn expect(reply: Response, class: u16) -> Result<(), Trouble> {
    let code = u16::from(reply.code());
    if code / 100 == class { Ok(()) } else { Err(Trouble::Lost(format!("unexpected reply {code}"))) }
}

impl From<lettre::transport::smtp::Error> for Trouble {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        use std::error::Error;
        let words = error.source().map(|source| scrub(&source.to_string())).unwrap_or_default();
        match error.status() {
            Some(code) => Trouble::Said(u16::from(code), words),
            None => Trouble::Lost(scrub(&error.to_string())),
        }
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Lost(words) => f.write_str(words),
            Trouble::Said(code, words) => write!(f, "{code} {words}"),
        }
    }
}

impl Trouble {
    /// About the session and the login, whatever step it comes at: bad sequence of commands, encryption or authentication
    /// required or failed (RFC 5321 4.2.3, RFC 4954 6).
    fn is_about_the_session(&self) -> bool {
        matches!(self, Trouble::Said(421 | 503 | 523 | 530 | 534 | 535 | 538, _))
    }

    /// The server refused one mail, and the connection can carry the next.
    fn leaves_a_session(&self) -> bool {
        matches!(self, Trouble::Said(..)) && !self.is_about_the_session()
    }
}

/// What a mail's own transaction came to: only a 5xx about the mail is for ever.
fn outcome(trouble: Trouble) -> Outcome {
    let words = scrub(&trouble.to_string());
    match trouble {
        Trouble::Said(500..=599, _) if !trouble.is_about_the_session() => Outcome::Refused(words),
        _ => Outcome::Later(words),
    }
}
