//! Arguments that were written before the command is known. Shows none of them.

use super::{ArgWriter, FLAW, ToArgs, without_flaw};
use std::fmt;

/// Any number of arguments, in the form of the wire: what options keep of a user's values.
#[derive(Clone, Default, Eq, PartialEq)]
pub(in crate::command) struct Encoded {
    bytes: Vec<u8>,
    count: usize,
}

impl Encoded {
    pub(in crate::command) fn of(values: impl ToArgs) -> Self {
        let mut new = Self::default();
        new.add(values);
        new
    }

    pub(in crate::command) fn add(&mut self, values: impl ToArgs) {
        values.write_args(&mut ArgWriter {
            out: &mut self.bytes,
            count: &mut self.count,
        });
    }

    /// How many arguments these are, whether or not one could not be made.
    pub(in crate::command) fn count(&self) -> usize {
        without_flaw(self.count).0
    }
}

impl fmt::Debug for Encoded {
    /// The number of arguments, never what they are: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({})", self.count())
    }
}

impl ToArgs for Encoded {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.out.extend_from_slice(&self.bytes);
        // A flaw stays one, however many there are.
        let is_flawed = (*out.count | self.count) & FLAW;
        *out.count = ((*out.count & !FLAW) + (self.count & !FLAW)) | is_flawed;
    }
}

/// Arguments behind their number, as `EVAL` and its like have them.
pub(in crate::command) struct Counted<T>(pub(in crate::command) T);

impl<T: ToArgs> ToArgs for Counted<T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Apart from the command, because the number stands in front of what is counted.
        let values = Encoded::of(&self.0);
        values.count().write_args(out);
        values.write_args(out);
    }
}
