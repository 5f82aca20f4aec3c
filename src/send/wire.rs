//! The connection below SMTP: TCP, and TLS where the config says so, with no fallback from one to the other.
//!
//! STARTTLS is done here and not by lettre because its read buffer survives the handshake: replies that an
//! attacker puts in before TLS would be taken for the server's own (CVE-2011-0411 and its kin). Here a byte that
//! comes before the handshake and was not asked for ends the connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::{Server, Tls};

/// Longest plain-text reply before TLS; a real one has a few hundred bytes.
const LONGEST_REPLY: usize = 16 * 1024;

/// Bytes gathered before they go out without waiting for the next read.
const GATHER: usize = 64 * 1024;

/// A connection that is ready for lettre: what it reads first is the server's greeting.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// The greeting that was read before STARTTLS, to be read again: after the handshake a server sends none.
    greeting: Vec<u8>,
    /// Written but not yet sent. lettre flushes a mail and its final dot one by one; gathered until we want to
    /// read, they are one packet and one TLS record.
    gathered: Vec<u8>,
    peer: SocketAddr,
    /// What we call ourselves on it.
    hello: ClientId,
}

/// With TLS or without.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects, within `connect` for the TCP part and `handshake` for everything after it.
pub(super) async fn open(server: &Server, connect: Duration, handshake: Duration) -> anyhow::Result<Wire> {
    let dial = tokio::time::timeout(connect, TcpStream::connect((server.host.as_str(), server.port)));
    let tcp = dial.await.context("cannot connect: timed out")?.context("cannot connect")?;
    keep_alive(&tcp).context("cannot set up the connection")?;
    let (peer, hello) = (tcp.peer_addr().context("connection lost")?, hello(tcp.local_addr().context("connection lost")?));
    let (stream, greeting) = tokio::time::timeout(handshake, secure(server, tcp, &hello)).await.context("TLS timed out")??;
    Ok(Wire { stream, greeting, gathered: Vec::new(), peer, hello })
}

/// What we call ourselves: the host's full name, or the address where it has none (RFC 5321 4.1.4).
fn hello(local: SocketAddr) -> ClientId {
    match (ClientId::default(), local) {
        (ClientId::Domain(name), _)
            if name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)) =>
        {
            ClientId::Domain(name)
        }
        (_, SocketAddr::V4(local)) => ClientId::Ipv4(*local.ip()),
        (_, SocketAddr::V6(local)) => ClientId::Ipv6(*local.ip()),
    }
}

/// No waiting for more to write (Nagle), and a peer that vanished is noticed within two minutes.
fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let probes = socket2::TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(20));
    socket2::SockRef::from(tcp).set_tcp_keepalive(&probes)
}

/// Brings the connection to where SMTP may be spoken as the config wants it.
async fn secure(server: &Server, mut tcp: TcpStream, hello: &ClientId) -> anyhow::Result<(Stream, Vec<u8>)> {
    let greeting = match server.tls {
        Tls::ClearText => return Ok((Stream::Plain(tcp), Vec::new())),
        Tls::Implicit => Vec::new(),
        Tls::StartTls => start_tls(&mut tcp, hello).await?,
    };
    let name = ServerName::try_from(server.host.clone()).context("the host name cannot stand in a certificate")?;
    let connector = TlsConnector::from(Arc::new(trust(server)?));
    let tls = connector.connect(name, tcp).await.context("TLS failed")?;
    Ok((Stream::Tls(Box::new(tls)), greeting))
}

/// Whose certificates are believed: the private CA's alone where there is one, else the system's.
fn trust(server: &Server) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match &server.ca_file {
        Some(file) => {
            let unreadable = || format!("cannot read the CA certificates in {}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
                roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
            }
            ensure!(!roots.is_empty(), "there is no certificate in {}", file.display());
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(!roots.is_empty(), "the system's certificate store is empty (install ca-certificates, or set ca_file)");
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The plain-text beginning of a STARTTLS connection (RFC 3207). Returns the greeting.
async fn start_tls(tcp: &mut TcpStream, hello: &ClientId) -> anyhow::Result<Vec<u8>> {
    let greeting = ask(tcp, None, "220").await.context("the server does not greet")?;
    let offers = ask(tcp, Some(&format!("EHLO {hello}\r\n")), "250").await?;
    let offered =
        String::from_utf8_lossy(&offers).lines().any(|l| l.get(4..).is_some_and(|o| o.trim().eq_ignore_ascii_case("STARTTLS")));
    ensure!(offered, "the server does not offer STARTTLS, and nothing is sent in clear text");
    ask(tcp, Some("STARTTLS\r\n"), "220").await.context("STARTTLS failed")?;
    Ok(greeting)
}

/// Sends a command and reads exactly one reply with this code; anything beyond it is refused.
async fn ask(tcp: &mut TcpStream, command: Option<&str>, code: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(command) = command {
        tcp.write_all(command.as_bytes()).await.context("connection lost")?;
    }
    let mut reply = Vec::new();
    loop {
        match reply_end(&reply) {
            Some(end) if end == reply.len() && reply.starts_with(code.as_bytes()) => return Ok(reply),
            Some(end) if end == reply.len() => bail!("the server says {}", String::from_utf8_lossy(&reply).trim_end()),
            Some(_) => bail!("the server sent more than it was asked for before TLS"),
            None if reply.len() > LONGEST_REPLY => bail!("the server's reply is too long"),
            None => {}
        }
        let read = tcp.read_buf(&mut reply).await.context("connection lost")?;
        ensure!(read > 0, "connection lost");
    }
}

/// Where the first whole reply ends: after the line whose code is not followed by `-` (RFC 5321 4.2.1).
fn reply_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(length) = bytes[start..].iter().position(|b| *b == b'\n') {
        let last = bytes[start..].get(3) != Some(&b'-');
        start += length + 1;
        if last {
            return Some(start);
        }
    }
    None
}

impl Wire {
    /// What we call ourselves on this connection.
    pub(super) fn hello(&self) -> &ClientId {
        &self.hello
    }

    fn inner(&mut self) -> Pin<&mut dyn ReadWrite> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp),
            Stream::Tls(tls) => Pin::new(tls.as_mut()),
        }
    }

    /// Sends what was gathered.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gathered = std::mem::take(&mut self.gathered);
        let mut sent = 0;
        while sent < gathered.len() {
            match self.inner().poll_write(cx, &gathered[sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => sent += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.gathered = gathered[sent..].to_vec();
                    return Poll::Pending;
                }
            }
        }
        self.inner().poll_flush(cx)
    }
}

/// Both directions, for one pointer to either kind of stream.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let n = self.greeting.len().min(buf.remaining());
            buf.put_slice(&self.greeting[..n]);
            self.greeting.drain(..n);
            return Poll::Ready(Ok(()));
        }
        // We read for an answer: now is the time that what we said must be on its way.
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        self.inner().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHER {
            std::task::ready!(self.poll_send(cx))?;
        }
        let room = bytes.len().min(2 * GATHER - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..room]);
        Poll::Ready(Ok(room))
    }

    /// Does nothing on purpose: see `gathered`.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_send(cx))?;
        self.inner().poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
