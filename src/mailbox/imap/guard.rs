//! A stream that refuses replies larger than anything we ask for. async-imap allocates the whole of an announced
//! literal at once (up to 512 MiB), and re-parses a long line from its start: both are a broken or hostile server's
//! way to take the daemon down, so the announcement is seen here first (RFC 3501 4.3).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest part of a reply outside literals, bytes: a SEARCH of 20,000 UIDs has 220,000.
const LONGEST_LINE: u64 = 1 << 20;

/// Passes everything through, until a reply grows beyond `limit`.
#[derive(Debug)]
pub struct Guard<S> {
    inner: S,
    scan: Scan,
}

impl<S> Guard<S> {
    /// Lets replies through whose literals sum up to at most `limit` bytes.
    pub fn new(inner: S, limit: u64) -> Self {
        Guard { inner, scan: Scan { limit, ..Scan::default() } }
    }

    /// The stream itself.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// Where in a reply we are. Follows the same grammar as the parser behind it, as far as literals go.
#[derive(Debug, Default)]
struct Scan {
    limit: u64,
    /// Bytes of the present literal still to come.
    skip: u64,
    /// Bytes of this reply announced in literals.
    literals: u64,
    /// Bytes of this reply outside literals.
    line: u64,
    /// The first four bytes of the reply: a status reply has no literals, whatever its text looks like.
    head: [u8; 4],
    mark: Mark,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mark {
    #[default]
    Text,
    /// `{` and the number so far.
    Open(u64),
    /// `{n}`
    Closed(u64),
    /// `{n}` CR
    Return(u64),
}

impl Scan {
    /// Takes in bytes as they come; `false` when the reply is too large.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        while let Some(&byte) = bytes.first() {
            if self.skip > 0 {
                let part = self.skip.min(bytes.len() as u64);
                self.skip -= part;
                bytes = &bytes[part as usize..];
                continue;
            }
            bytes = &bytes[1..];
            self.byte(byte);
            if self.line > LONGEST_LINE || self.literals > self.limit {
                return false;
            }
        }
        true
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.head.get_mut(self.line as usize).filter(|_| self.literals == 0) {
            *place = byte.to_ascii_uppercase();
        }
        self.line += 1;
        self.mark = match (self.mark, byte) {
            (Mark::Return(n), b'\n') if self.may_hold_literals() => {
                self.skip = n;
                // An empty literal counts too: a reply made of nothing else must end as well.
                self.literals = self.literals.saturating_add(n.max(1));
                Mark::Text
            }
            (_, b'\n') => {
                *self = Scan { limit: self.limit, ..Scan::default() };
                Mark::Text
            }
            (_, b'{') => Mark::Open(0),
            (Mark::Open(n), b'0'..=b'9') => Mark::Open(n.saturating_mul(10).saturating_add(u64::from(byte - b'0'))),
            (Mark::Open(n), b'}') => Mark::Closed(n),
            (Mark::Closed(n), b'\r') => Mark::Return(n),
            _ => Mark::Text,
        };
    }

    fn may_hold_literals(&self) -> bool {
        self.head.starts_with(b"* ") && !matches!(&self.head[2..], b"OK" | b"NO" | b"BA" | b"BY" | b"PR")
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        match self.scan.take(&buf.filled()[before..]) {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a reply larger than anything asked for"))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of `reply` when it comes in pieces of `size` bytes.
    fn passes(reply: &str, size: usize) -> bool {
        let mut scan = Scan { limit: 100, ..Scan::default() };
        reply.as_bytes().chunks(size).all(|piece| scan.take(piece))
    }

    #[test]
    fn an_announcement_above_the_limit_is_refused_before_its_bytes_come() {
        for size in [1, 2, 7, 4096] {
            assert!(!passes("* 1 FETCH (BODY[] {500000000}\r\n", size));
            assert!(!passes("* 1 FETCH (BODY[] {99999999999999999999999}\r\n", size));
            assert!(!passes(
                "* 1 FETCH (X {60}\r\n012345678901234567890123456789012345678901234567890123456789 Y {60}\r\n",
                size
            ));
        }
    }

    #[test]
    fn text_that_looks_like_an_announcement_is_no_literal() {
        for size in [1, 3, 4096] {
            assert!(passes("* 1 FETCH (BODY[] {14}\r\n{500000000}\r\n\r)\r\n* OK {900}\r\na1 OK {900}\r\n", size));
            // A status text does not blind the guard to what follows it.
            assert!(!passes("* OK {99}\r\n* 1 FETCH (BODY[] {500000000}\r\n", size));
            assert!(!passes("* 1 FETCH (BODY[] {2}\r\nab)\r\n* 2 FETCH (BODY[] {101}\r\n", size));
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut scan = Scan { limit: 100, ..Scan::default() };
        assert!((0..1000).any(|_| !scan.take(&[b'x'; 4096])));
    }

    proptest::proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(reply in "([*] [0-9O]|[{]|[0-9]{1,2}|[}]\r\n|[}]|\r|\n|a| ){0,60}", size in 1_usize..9) {
            proptest::prop_assert_eq!(passes(&reply, size), passes(&reply, 4096));
        }

        #[test]
        fn whatever_a_mail_says_it_passes(body in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let mut reply = format!("* 1 FETCH (BODY[] {{{}}}\r\n", body.len()).into_bytes();
            reply.extend(&body);
            reply.extend(b")\r\na1 OK\r\n");
            let mut scan = Scan { limit: 100, ..Scan::default() };
            proptest::prop_assert!(scan.take(&reply));
            // The mail's end was found: what comes next is watched again.
            let next = scan.take(b"* 2 FETCH (BODY[] {101}\r\n");
            proptest::prop_assert!(!next);
        }
    }
}
