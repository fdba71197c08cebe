//! The ends of lists, and the options of `LPOS`: words of commands and nothing more.

use crate::command::{ArgWriter, ToArgs};

/// One end of a list.
///
/// ```no_run
/// use hitless::{Commands, Direction};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// // The first of the list becomes its last.
/// let turned: Option<String> = client.lmove("hosts", "hosts", Direction::Left, Direction::Right)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Direction {
    /// The head, where index 0 is.
    Left,
    /// The tail, where index -1 is.
    Right,
}

impl ToArgs for Direction {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        match self {
            Self::Left => out.write(b"LEFT"),
            Self::Right => out.write(b"RIGHT"),
        }
    }
}

/// The optional arguments of `LPOS`: see [`Commands::lpos_options`](crate::Commands::lpos_options).
///
/// ```
/// use hitless::LposOptions;
///
/// let second_from_the_end = LposOptions::new().rank(-2).max_len(1000);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LposOptions {
    rank: Option<i64>,
    max_len: Option<u64>,
}

impl LposOptions {
    /// No option: from the first element of this value on, in the whole list.
    pub fn new() -> Self {
        Self::default()
    }

    /// From which element of this value on: 1 is the first, 2 the second; -1 is the last, and from there on
    /// towards the head. Defaults to 1; 0 is an error of the server.
    #[must_use]
    pub fn rank(mut self, rank: i64) -> Self {
        self.rank = Some(rank);
        self
    }

    /// How many elements the server compares at most. Defaults to all, as does 0.
    #[must_use]
    pub fn max_len(mut self, elements: u64) -> Self {
        self.max_len = Some(elements);
        self
    }
}

impl ToArgs for LposOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        if let Some(rank) = self.rank {
            ("RANK", rank).write_args(out);
        }
        if let Some(elements) = self.max_len {
            ("MAXLEN", elements).write_args(out);
        }
    }
}
