//! Commands of single bits and of numbers of some bits within a value.

/// The commands of bitmaps, for a form.
macro_rules! bitmaps {
    ($form:ident) => { $form! {
        /// `SETBIT`: sets one bit of a value; yields what it was. Bit 0 is the highest of the first byte.
        ///
        /// ```no_run
        /// use hitless::{BitUnit, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// // Who was here today, by the number of the user.
        /// client.setbit("seen:monday", 7, true)?;
        /// let users = client.bitcount("seen:monday")?;
        /// let of_the_first_thousand = client.bitcount_range("seen:monday", 0, 999, BitUnit::Bit)?;
        /// client.bit_and("seen:both", ["seen:monday", "seen:tuesday"])?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn setbit(key: impl ToArg, offset: u64, value: bool) -> bool { "SETBIT" => key, offset, value }

        /// `GETBIT`: one bit of a value; false behind its end.
        fn getbit(key: impl ToArg, offset: u64) -> bool { "GETBIT" => key, offset }

        /// `BITCOUNT`: how many bits of a value are 1.
        fn bitcount(key: impl ToArg) -> u64 { "BITCOUNT" => key }

        /// `BITCOUNT` of a part: from `start` to `end`, both included; negative ones count from the end.
        fn bitcount_range(key: impl ToArg, start: i64, end: i64, unit: BitUnit) -> u64 {
            "BITCOUNT" => key, start, end, unit
        }

        /// `BITPOS`: where the first bit of this kind is; -1 if there is none. What is behind the end of a value
        /// counts as 0.
        fn bitpos(key: impl ToArg, bit: bool) -> i64 { "BITPOS" => key, bit }

        /// `BITPOS` in a part: from `start` to `end`, both included; negative ones count from the end. Yields where the
        /// bit is in the whole value, in bits; -1 if there is none in the part.
        fn bitpos_range(key: impl ToArg, bit: bool, start: i64, end: i64, unit: BitUnit) -> i64 {
            "BITPOS" => key, bit, start, end, unit
        }

        /// `BITOP AND`: makes a value of the bits that all of the others have; yields its length in bytes, which is
        /// that of the longest.
        fn bit_and(destination: impl ToArg, keys: impl ToArgs) -> u64 { "BITOP" => "AND", destination, keys }

        /// `BITOP OR`: makes a value of the bits that any of the others has; yields its length in bytes.
        fn bit_or(destination: impl ToArg, keys: impl ToArgs) -> u64 { "BITOP" => "OR", destination, keys }

        /// `BITOP XOR`: makes a value of the bits that an odd number of the others has; yields its length in bytes.
        fn bit_xor(destination: impl ToArg, keys: impl ToArgs) -> u64 { "BITOP" => "XOR", destination, keys }

        /// `BITOP NOT`: makes a value of the bits that another has not; yields its length in bytes.
        fn bit_not(destination: impl ToArg, key: impl ToArg) -> u64 { "BITOP" => "NOT", destination, key }

        /// `BITOP DIFF`: makes a value of the bits that the first has and none of the others; yields its length in
        /// bytes. Redis 8.2.
        fn bit_diff(destination: impl ToArg, keys: impl ToArgs) -> u64 { "BITOP" => "DIFF", destination, keys }

        /// `BITOP DIFF1`: makes a value of the bits that any of the others has and the first has not; yields its
        /// length in bytes. Redis 8.2.
        fn bit_diff1(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "BITOP" => "DIFF1", destination, keys
        }

        /// `BITOP ANDOR`: makes a value of the bits that the first has and any of the others; yields its length in
        /// bytes. Redis 8.2.
        fn bit_and_or(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "BITOP" => "ANDOR", destination, keys
        }

        /// `BITOP ONE`: makes a value of the bits that exactly one of the others has; yields its length in bytes.
        /// Redis 8.2.
        fn bit_one(destination: impl ToArg, keys: impl ToArgs) -> u64 { "BITOP" => "ONE", destination, keys }

        /// `BITFIELD`: reads and changes numbers of some bits within a value, in order; yields one number for each
        /// step, `None` for one that was not done because the number would have been out of range.
        fn bitfield(key: impl ToArg, steps: &Bitfield) -> Vec<Option<i64>> { "BITFIELD" => key, steps }

        /// `BITFIELD_RO`: as [`bitfield`](Commands::bitfield), for users who may only read: steps that change are an
        /// error of the server.
        fn bitfield_ro(key: impl ToArg, steps: &Bitfield) -> Vec<i64> { "BITFIELD_RO" => key, steps }
    }};
}
pub(in crate::command) use bitmaps;
