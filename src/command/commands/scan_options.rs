//! The options of `SCAN` and its like. Checks none of them: servers do.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// The optional arguments of `SCAN`, `HSCAN`, `SSCAN` and `ZSCAN`.
///
/// ```
/// use hitless::ScanOptions;
///
/// let users = ScanOptions::new().pattern("user:*").count(1000);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScanOptions {
    words: Encoded,
    pub(in crate::command) is_strict: bool,
}

impl ScanOptions {
    /// No option: all elements, about ten for each command.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what matches a pattern, such as `user:*` (`MATCH`). The server looks at all elements all the same.
    #[must_use]
    pub fn pattern(mut self, pattern: impl ToArg) -> Self {
        self.words.add("MATCH");
        self.words.add(pattern);
        self
    }

    /// About how many elements the server looks at for each command (`COUNT`); 10 by itself. More are fewer
    /// commands, during each of which the server serves nobody else: 1000 take it about a millisecond.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.words.add(("COUNT", count));
        self
    }

    /// Only keys whose values are of this type, such as `string` or `hash` (`TYPE`; `SCAN` only).
    #[must_use]
    pub fn key_type(mut self, name: &str) -> Self {
        self.words.add(("TYPE", name));
        self
    }

    /// The fields without their values (`NOVALUES`; `HSCAN` only; Redis 7.4, Valkey 8).
    #[must_use]
    pub fn no_values(mut self) -> Self {
        self.words.add("NOVALUES");
        self
    }

    /// Ends with [`ErrorKind::CursorLost`](crate::ErrorKind::CursorLost) where the iterator would begin again,
    /// because another server answered than the one that gave the cursor.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }
}

impl ToArgs for ScanOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.words.write_args(out);
    }
}
