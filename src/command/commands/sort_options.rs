//! The options of `SORT` and `SORT_RO`. Sorts nothing, and checks no pattern.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// The optional arguments of `SORT` and `SORT_RO`.
///
/// ```
/// use hitless::SortOptions;
///
/// let page = SortOptions::new().as_text().limit(20, 10);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SortOptions {
    by: Encoded,
    limit: Option<(u64, u64)>,
    get: Encoded,
    descending: bool,
    as_text: bool,
}

impl SortOptions {
    /// No option: all elements, as numbers, the smallest first. An element that is no number is an error of the
    /// server.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sorts by the values of other keys: of those that a pattern such as `score:*` names with the element in the
    /// place of `*`, or of a field of them, `user:*->age`. A pattern without `*` does not sort at all, and what
    /// follows from the other options is done in the order of the elements.
    #[must_use]
    pub fn by(mut self, pattern: impl ToArg) -> Self {
        self.by = Encoded::of("BY");
        self.by.add(pattern);
        self
    }

    /// Leaves out `offset` elements, and all that come after `count` more. Defaults to no limit.
    #[must_use]
    pub fn limit(mut self, offset: u64, count: u64) -> Self {
        self.limit = Some((offset, count));
        self
    }

    /// Yields the values of other keys instead of the elements, which a pattern names as for [`by`](Self::by); nil
    /// for each that is not there. `#` is the element itself. Each call adds one value for each element.
    #[must_use]
    pub fn get(mut self, pattern: impl ToArg) -> Self {
        self.get.add("GET");
        self.get.add(pattern);
        self
    }

    /// The largest first.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// Sorts texts, byte by byte or as the server's locale has it (`ALPHA`). Defaults to numbers.
    #[must_use]
    pub fn as_text(mut self) -> Self {
        self.as_text = true;
        self
    }
}

impl ToArgs for SortOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.by.write_args(out);
        if let Some((offset, count)) = self.limit {
            ("LIMIT", offset, count).write_args(out);
        }
        self.get.write_args(out);
        if self.descending {
            out.write(b"DESC");
        }
        if self.as_text {
            out.write(b"ALPHA");
        }
    }
}
