//! How much of a reply is accepted. Measures nothing itself: the decoder asks before it allocates.

/// What one element costs in memory, whatever it holds: the unit in which [`Limits::total`] counts.
pub const ELEMENT_COST: usize = size_of::<super::Value>();

/// Longest text that is kept only to be shown, in bytes: names of shards, lines of the log. What is
/// longer is cut.
pub(crate) const SHOWN: usize = 4 << 10;

/// The longest beginning of `text` with at most `most` bytes that ends between two letters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let ends = (0..=most).rev();
    let end = ends.into_iter().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Caps on what a server may send. Each is checked against the announced number, before the bytes
/// arrive; a reply beyond one is malformed and costs the connection.
///
/// Any reply that a server of today sends in earnest fits the defaults.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Longest bulk string, in bytes. Defaults to 512 MiB, which is what a server accepts and stores
    /// unless its `proto-max-bulk-len` was raised. Zero leaves only empty strings.
    pub bulk: usize,
    /// How many aggregates may stand inside each other. Defaults to 128: the deepest replies of real
    /// commands nest about ten, and the limit keeps code that walks replies recursively safe.
    pub depth: usize,
    /// Most elements in one aggregate, a map's key and value counted as two. Defaults to 16 777 216,
    /// which as values alone would fill three quarters of the default total.
    pub elements: usize,
    /// Longest line (simple string, error, number), in bytes without its end. Defaults to 64 KiB:
    /// error texts are the longest lines there are, and a line must fit in the read buffer.
    pub line: usize,
    /// Most memory for one reply, in bytes: its strings, and [`ELEMENT_COST`] for each element, so
    /// that millions of three-byte elements are seen for what they cost. Defaults to 1 GiB, room for
    /// the longest bulk string twice.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bulk: 512 << 20,
            depth: 128,
            elements: 1 << 24,
            line: 64 << 10,
            total: 1 << 30,
        }
    }
}
