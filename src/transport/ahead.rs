//! Encrypted bytes that came before the library asked for them. Decrypts nothing and knows no socket.
//!
//! The library asks for the five bytes of a record's head, then for its body. So its requests end where
//! records end, and what is left here after a step of it begins with a head.

/// Bytes in front of every record: one of type, two of version, two of length.
const HEAD: usize = 5;

/// The largest record of TLS 1.2 with its head (RFC 5246, 6.2.3); those of TLS 1.3 are smaller.
pub(super) const ROOM: usize = HEAD + (16 << 10) + 2048;

/// What one read of the socket has brought and the library has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Without memory until the first read.
    bytes: Vec<u8>,
    /// Invariant: at most `bytes.len()`.
    start: usize,
}

impl Ahead {
    /// Whether there is nothing left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether the library finds a whole record here. The rest of a record that is not whole makes the
    /// socket readable when it comes.
    pub(super) fn holds_record(&self) -> bool {
        match self.rest() {
            [_, _, _, high, low, body @ ..] => {
                body.len() >= usize::from(u16::from_be_bytes([*high, *low]))
            }
            _ => false,
        }
    }

    /// Gives the library what it asks for, as far as it is here.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let rest = self.rest();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.start += count;
        count
    }

    /// Room for one read of the socket; what was here must have been taken. No memory is written before.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.clear();
        self.start = 0;
        self.bytes.reserve_exact(ROOM);
        &mut self.bytes
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}
