//! The steps of `BITFIELD`, and what numbers of bits and bytes mean. Checks no range: servers do.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArgs};

/// What the ends of a part of a value count.
///
/// ```no_run
/// use hitless::{BitUnit, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let set_in_the_first_byte = client.bitcount_range("seen", 0, 7, BitUnit::Bit)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BitUnit {
    /// Bytes, of which the first is 0.
    #[default]
    Byte,
    /// Bits, of which 0 is the highest of the first byte; from 7.0 on.
    Bit,
}

impl ToArgs for BitUnit {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // Servers before 7.0 know neither word, and count bytes.
        if *self == Self::Bit {
            out.write(b"BIT");
        }
    }
}

/// What a number of some bits is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BitfieldType {
    /// With a sign, of 1 to 64 bits.
    Signed(u8),
    /// Without a sign, of 1 to 63 bits.
    Unsigned(u8),
}

/// Where a number begins.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BitfieldOffset {
    /// At a bit: 0 is the highest of the first byte.
    Bit(u64),
    /// At the place of the number in a list of such numbers: 0 is the first, of however many bits it has.
    Index(u64),
}

/// What becomes of a number that is out of range.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BitfieldOverflow {
    /// Its highest bits are lost.
    #[default]
    Wrap,
    /// It becomes the largest or the smallest that there is.
    Saturate,
    /// The step is not done, and yields `None`.
    Fail,
}

/// The steps of `BITFIELD`, which the server does in order. A type or an offset that servers do not have is an
/// error of the server, and no step is done.
///
/// ```no_run
/// use hitless::{Bitfield, BitfieldOffset, BitfieldOverflow, BitfieldType, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// // Counters of 4 bits each, which stay at 15. The third one:
/// let count = Bitfield::new()
///     .overflow(BitfieldOverflow::Saturate)
///     .incr_by(BitfieldType::Unsigned(4), BitfieldOffset::Index(2), 1);
/// let counts: Vec<Option<i64>> = client.bitfield("counters", &count)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bitfield {
    steps: Encoded,
}

impl Bitfield {
    /// No step yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Yields a number.
    #[must_use]
    pub fn get(self, kind: BitfieldType, offset: BitfieldOffset) -> Self {
        self.step("GET", kind, offset)
    }

    /// Sets a number, and yields what it was.
    #[must_use]
    pub fn set(self, kind: BitfieldType, offset: BitfieldOffset, value: i64) -> Self {
        let mut new = self.step("SET", kind, offset);
        new.steps.add(value);
        new
    }

    /// Adds to a number, and yields the sum.
    #[must_use]
    pub fn incr_by(self, kind: BitfieldType, offset: BitfieldOffset, amount: i64) -> Self {
        let mut new = self.step("INCRBY", kind, offset);
        new.steps.add(amount);
        new
    }

    /// What becomes of numbers that are out of range in the steps that follow. Defaults to
    /// [`Wrap`](BitfieldOverflow::Wrap). Yields nothing.
    #[must_use]
    pub fn overflow(mut self, overflow: BitfieldOverflow) -> Self {
        let word = match overflow {
            BitfieldOverflow::Wrap => "WRAP",
            BitfieldOverflow::Saturate => "SAT",
            BitfieldOverflow::Fail => "FAIL",
        };
        self.steps.add(("OVERFLOW", word));
        self
    }

    fn step(mut self, word: &str, kind: BitfieldType, offset: BitfieldOffset) -> Self {
        let kind = match kind {
            BitfieldType::Signed(bits) => format!("i{bits}"),
            BitfieldType::Unsigned(bits) => format!("u{bits}"),
        };
        let offset = match offset {
            BitfieldOffset::Bit(bit) => bit.to_string(),
            BitfieldOffset::Index(index) => format!("#{index}"),
        };
        self.steps.add((word, kind, offset));
        self
    }
}

impl ToArgs for Bitfield {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.steps.write_args(out);
    }
}
