//! From nothing to a session: TCP, TLS as configured and never less, greeting, login.

use std::time::Duration;

use async_imap::imap_proto::{Response, Status};
use secrecy::ExposeSecret;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::Patience;
use super::text::{base64, quoted};
use super::wire::{Event, Stream, Wire};
use crate::config::{Imap, Login, LoginMethod, Server, Tls};
use crate::mailbox::Trouble;

/// Connects and logs in, by the ways `config` allows. `largest` is the largest reply to let through, bytes.
pub async fn session(config: &Imap, patience: &Patience, largest: u64) -> Result<Wire, Trouble> {
    let server = &config.server;
    let name = format!("{}:{}", server.host, server.port);
    let tcp = tcp(server, &name, patience.connect).await?;
    let mut wire = match server.tls {
        Tls::Implicit => greeted(Box::new(tls(tcp, server, &name, patience).await?), &name, largest, patience).await?,
        Tls::ClearText => greeted(Box::new(tcp), &name, largest, patience).await?,
        Tls::StartTls => {
            let mut plain = greeted(Box::new(tcp), &name, largest, patience).await?;
            let reply = plain.run("STARTTLS", "STARTTLS", patience.login, &mut |_| ()).await?;
            if !reply.ok {
                return Err(
                    plain.lost("STARTTLS", &format!("refused, and nothing goes over the wire in clear text: {}", reply.text))
                );
            }
            // What the server said before TLS, capabilities included, is void (RFC 3501 6.2.1).
            Wire::new(Box::new(tls(plain.into_stream(), server, &name, patience).await?), &name, largest)
        }
    };
    login(&mut wire, &config.login, patience).await?;
    Ok(wire)
}

/// Tries the host's addresses one after the other: a dead IPv6 route must not hide a living IPv4 one.
async fn tcp(server: &Server, name: &str, limit: Duration) -> Result<TcpStream, Trouble> {
    let lost = |problem: String| Trouble::Lost(format!("{name}: {problem}"));
    let found = timeout(limit, tokio::net::lookup_host((server.host.as_str(), server.port))).await;
    let addresses = found
        .map_err(|_| lost("the name service does not answer".into()))?
        .map_err(|error| lost(format!("its address cannot be found: {error}")))?;
    let mut problem = "it has no address".to_owned();
    for address in addresses.take(4) {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return kept_alive(stream).map_err(|error| lost(error.to_string())),
            Ok(Err(error)) => problem = format!("cannot connect: {error}"),
            Err(_) => problem = "cannot connect: no answer in time".to_owned(),
        }
    }
    Err(lost(problem))
}

/// A peer that vanished without a word is noticed within some two minutes, also while nothing is being sent.
fn kept_alive(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

async fn tls<S: Stream>(stream: S, server: &Server, name: &str, patience: &Patience) -> Result<impl Stream + use<S>, Trouble> {
    let config = crate::tls::client_config(server.ca_file.as_deref()).map_err(|error| Trouble::Setup(format!("{error:#}")))?;
    let host = rustls::pki_types::ServerName::try_from(server.host.clone())
        .map_err(|_| Trouble::Setup(format!("\"{}\" is no host name that a certificate could hold", server.host)))?;
    match timeout(patience.tls, tokio_rustls::TlsConnector::from(config).connect(host, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Trouble::Lost(format!("{name}: no TLS: {error}{}", advice(&error, server)))),
        Err(_) => Err(Trouble::Lost(format!("{name}: no TLS: no answer in time"))),
    }
}

/// What to do about a certificate that is not trusted.
fn advice(error: &std::io::Error, server: &Server) -> String {
    let certificate = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match (certificate, &server.ca_file) {
        (Some(rustls::Error::InvalidCertificate(_)), Some(ca)) => {
            format!(" (the certificate must be for \"{}\" and signed by the CA in {})", server.host, ca.display())
        }
        (Some(rustls::Error::InvalidCertificate(_)), None) => {
            format!(
                " (the certificate must be for \"{}\" and signed by a CA of this system; a private CA goes into ca_file)",
                server.host
            )
        }
        _ => String::new(),
    }
}

/// Reads the greeting. PREAUTH would mean to be somebody without having logged in: before STARTTLS it is how TLS is
/// stripped (RFC 9051 11.1), and after it nothing we ask for.
async fn greeted(stream: Box<dyn Stream>, name: &str, largest: u64, patience: &Patience) -> Result<Wire, Trouble> {
    let mut wire = Wire::new(stream, name, largest);
    let mut greeting = None;
    let mut see = |response: &Response<'_>| {
        if let Response::Data { status, .. } = response {
            greeting = Some(*status == Status::Ok);
        }
        if let Response::Data { status: Status::PreAuth, .. } = response {
            greeting = None;
        }
    };
    let event = wire.next("greeting", Instant::now() + patience.greeting, &mut see).await?;
    match (event, greeting) {
        (Event::Untagged, Some(true)) => Ok(wire),
        (Event::Untagged, Some(false)) => Err(wire.lost("greeting", "the server will not serve us")),
        _ => Err(wire.lost("greeting", "not an IMAP greeting, or PREAUTH: logged in as nobody knows whom, so nothing is sent")),
    }
}

async fn login(wire: &mut Wire, login: &Login, patience: &Patience) -> Result<(), Trouble> {
    if wire.known.capabilities.is_none() {
        wire.order("CAPABILITY", "CAPABILITY", patience.command).await?;
    }
    let secret = login.secret.read().map_err(|error| Trouble::Setup(format!("{error:#}")))?;
    let (user, secret) = (&login.user, secret.expose_secret());
    let can_plain = wire.offers("AUTH=PLAIN");
    let may_login = !wire.offers("LOGINDISABLED");
    // They may be others after login (RFC 3501 6.2.2).
    wire.known.capabilities = None;
    let reply = match login.method {
        LoginMethod::XOAuth2 => {
            let proof = base64(format!("user={user}\x01auth=Bearer {secret}\x01\x01").as_bytes());
            wire.authenticate("XOAUTH2", &[proof], patience.login).await?
        }
        LoginMethod::Password if can_plain => {
            let proof = base64(format!("\0{user}\0{secret}").as_bytes());
            wire.authenticate("PLAIN", &[proof], patience.login).await?
        }
        LoginMethod::Password if may_login => {
            let unfit = || Trouble::Setup("user name or password has a line break or NUL, which LOGIN cannot send".into());
            let line = format!("LOGIN {} {}", quoted(user).ok_or_else(unfit)?, quoted(secret).ok_or_else(unfit)?);
            wire.run("LOGIN", &line, patience.login, &mut |_| ()).await?
        }
        LoginMethod::Password => return Err(Trouble::Setup(NO_PASSWORDS.into())),
    };
    if !reply.ok {
        return Err(refusal(wire, reply.text));
    }
    if wire.known.capabilities.is_none() {
        wire.order("CAPABILITY", "CAPABILITY", patience.command).await?;
    }
    Ok(())
}

const NO_PASSWORDS: &str = "the server takes no password on this connection (LOGINDISABLED): choose another `tls`, or XOAUTH2";

/// A login that failed for the server's own reasons (RFC 5530 3) is no wrong password: no person needs to act.
fn refusal(wire: &Wire, text: String) -> Trouble {
    match ["[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]"].iter().any(|code| text.to_ascii_uppercase().starts_with(code)) {
        true => wire.lost("login", &text),
        false => Trouble::Login(text),
    }
}
