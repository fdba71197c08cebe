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
/// arrive; a reply beyond one is malformed and costs the connection: the command fails with
/// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol).
///
/// Any reply that a server of today sends in earnest fits the defaults.
///
/// ```
/// use hitless::{Limits, Options};
///
/// // Nothing in this database is larger than a megabyte.
/// let limits = Limits::new().bulk(1 << 20).total(64 << 20);
/// assert_eq!(limits.get_depth(), 128);
/// let options = Options::new("localhost:6379")?.limits(limits);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    pub(crate) bulk: usize,
    pub(crate) depth: usize,
    pub(crate) elements: usize,
    pub(crate) line: usize,
    pub(crate) total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl Limits {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            bulk: 512 << 20,
            depth: 128,
            elements: 1 << 24,
            line: 64 << 10,
            total: 1 << 30,
        }
    }

    /// Longest bulk string, in bytes. Defaults to 512 MiB, which is what a server accepts and stores
    /// unless its `proto-max-bulk-len` was raised. Zero leaves only empty strings.
    #[must_use]
    pub const fn bulk(mut self, bytes: usize) -> Self {
        self.bulk = bytes;
        self
    }

    /// How many aggregates may stand inside each other. Defaults to 128: the deepest replies of real
    /// commands nest about ten, and the limit keeps code that walks replies recursively safe. Zero refuses
    /// every aggregate.
    #[must_use]
    pub const fn depth(mut self, aggregates: usize) -> Self {
        self.depth = aggregates;
        self
    }

    /// Most elements in one aggregate, a map's key and value counted as two. Defaults to 16 777 216,
    /// which as values alone would fill three quarters of the default total. Zero leaves only empty
    /// aggregates.
    #[must_use]
    pub const fn elements(mut self, count: usize) -> Self {
        self.elements = count;
        self
    }

    /// Longest line (simple string, error, number), in bytes without its end. Defaults to 64 KiB:
    /// error texts are the longest lines there are, and a line must fit in the read buffer. Zero refuses
    /// every line with a text. What a [`Monitor`](crate::Monitor) is told comes in lines, which may be as long as
    /// [`total`](Self::total).
    #[must_use]
    pub const fn line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// Most memory for one reply, in bytes: its strings, and the size of a [`Value`](super::Value) for each
    /// element, so that millions of three-byte elements are seen for what they cost. Defaults to 1 GiB, room
    /// for the longest bulk string twice. Zero leaves replies that own no memory, such as numbers.
    #[must_use]
    pub const fn total(mut self, bytes: usize) -> Self {
        self.total = bytes;
        self
    }

    /// See [`bulk`](Self::bulk).
    pub const fn get_bulk(&self) -> usize {
        self.bulk
    }

    /// See [`depth`](Self::depth).
    pub const fn get_depth(&self) -> usize {
        self.depth
    }

    /// See [`elements`](Self::elements).
    pub const fn get_elements(&self) -> usize {
        self.elements
    }

    /// See [`line`](Self::line).
    pub const fn get_line(&self) -> usize {
        self.line
    }

    /// See [`total`](Self::total).
    pub const fn get_total(&self) -> usize {
        self.total
    }
}
