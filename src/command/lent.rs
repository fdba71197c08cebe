//! One command whose long arguments stay where the caller has them while it is sent. Copies no such argument,
//! unless whoever sends it takes whole commands only; sends nothing itself.

use super::arg::Lender;
use super::cmd::Cmd;
use super::convert::Reply;
use super::{Executor, FromValue, ToArgs};
use crate::error::Result;
use std::fmt;

/// A command that borrows its long arguments from the caller, who waits until it is answered. The short ones are
/// copied, as in any [`Cmd`].
#[allow(
    unnameable_types,
    reason = "executors of users pass it on as a whole command"
)]
pub struct Lent<'a> {
    /// The command without its long arguments: their lengths and line ends are in it, their bytes are not.
    command: Cmd,
    /// The long arguments, and where in the bytes of `command` each belongs. In their order.
    long: Vec<(usize, &'a [u8])>,
}

impl<'a> Lent<'a> {
    /// The command as far as it goes; what is [added](Self::add) may be lent.
    #[inline]
    pub(crate) fn new(command: Cmd) -> Self {
        let long = Vec::new();
        Self { command, long }
    }

    /// Adds any number of arguments.
    #[inline]
    pub(crate) fn add(&mut self, values: &'a (impl ToArgs + ?Sized)) -> &mut Self {
        let writer = self.command.writer();
        values.lend_args(&mut Lender::new(writer, &mut self.long));
        self
    }

    /// Ends the command: nothing is added behind this.
    #[inline]
    fn seal(&mut self) {
        self.command.seal();
    }

    /// Sends the command and yields its reply as a value of this type.
    #[inline]
    pub(crate) fn query<T: FromValue>(&mut self, client: &(impl Executor + ?Sized)) -> Result<T> {
        // Once, behind the last argument, and not behind each.
        self.seal();
        let result = if self.long.is_empty() {
            client.execute(&self.command)
        } else {
            client.execute_lent(self)
        };
        T::from_reply(Reply::new(result, &self.command))
    }

    /// The command as far as it was copied: its name, its number of arguments and its time are right, and of its
    /// arguments those in front of the first long one.
    pub(crate) fn beginning(&self) -> &Cmd {
        &self.command
    }

    /// The whole command in parts, where they are. `header` is for the header of one with many arguments.
    pub(crate) fn parts<'p>(&'p self, header: &'p mut Vec<u8>) -> Vec<&'p [u8]> {
        // A piece in front of each long argument, one behind the last, and a header.
        let mut parts = Vec::with_capacity(2 * self.long.len() + 2);
        let start = self.command.write_header(header);
        if !header.is_empty() {
            parts.push(&header[..]);
        }
        self.push_pieces(start, &mut parts);
        parts
    }

    /// The whole command, with a copy of the long arguments: for who takes no other.
    pub(crate) fn to_cmd(&self) -> Cmd {
        // With the room for a header, which a command that is built has in front.
        let mut pieces = Vec::with_capacity(2 * self.long.len() + 1);
        self.push_pieces(0, &mut pieces);
        self.command.with_bytes(pieces.concat())
    }

    /// Adds the bytes of the command from `start` on, with the long arguments in their places.
    fn push_pieces<'p>(&'p self, start: usize, pieces: &mut Vec<&'p [u8]>) {
        let bytes = self.command.encoded();
        let mut from = start;
        for &(place, argument) in &self.long {
            pieces.push(bytes.get(from..place).unwrap_or_default());
            pieces.push(argument);
            from = place;
        }
        pieces.push(bytes.get(from..).unwrap_or_default());
    }
}

impl fmt::Debug for Lent<'_> {
    /// As that of a [`Cmd`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::cmd;
    use std::borrow::Cow;
    use std::collections::{BTreeMap, HashMap, VecDeque};
    use std::rc::Rc;
    use std::sync::Arc;

    const LONG: usize = 16 << 10;

    fn whole(command: &Cmd) -> Vec<u8> {
        let mut bytes = Vec::new();
        command.write_to(&mut bytes);
        bytes
    }

    /// Lends these, checks that it is the same command as a copy of them, and yields the places of those that were
    /// not copied.
    fn lent(values: &(impl ToArgs + ?Sized)) -> Vec<usize> {
        let mut lent = Lent::new(cmd("SET").arg("before"));
        lent.add(values).add("behind").seal();
        let copied = cmd("SET").arg("before").args(values).arg("behind");
        let mut header = Vec::new();
        let parts = lent.parts(&mut header);
        assert_eq!(parts.concat(), whole(&copied));
        assert_eq!(whole(&lent.to_cmd()), whole(&copied));
        assert_eq!(format!("{lent:?}"), format!("{copied:?}"));
        assert_eq!(lent.beginning().full_name(), "SET");
        // Copied ones and others take turns.
        let has_header = lent.beginning().count > 9;
        let others = parts.iter().skip(1 + usize::from(has_header));
        others.step_by(2).map(|part| part.as_ptr().addr()).collect()
    }

    #[test]
    fn a_long_argument_stays_where_it_is_whatever_holds_it() {
        let bytes = vec![b'x'; LONG];
        let at = [bytes.as_ptr().addr()];
        let text = std::str::from_utf8(&bytes).unwrap();
        assert_eq!(lent(&bytes), at);
        assert_eq!(lent(&bytes[..]), at);
        assert_eq!(lent(&&&bytes), at);
        assert_eq!(lent(text), at);
        assert_eq!(lent(&Cow::Borrowed(text)), at);
        assert_eq!(lent(&Some(text)), at);
        assert_eq!(lent(&[text]), at);
        assert_eq!(lent(&("field", text, 7)), at);
        assert_eq!(lent(&VecDeque::from([text])), at);
        assert_eq!(lent(&HashMap::from([("field", text)])), at);
        assert_eq!(lent(&BTreeMap::from([(1, &bytes)])), at);
        assert_eq!(lent(&vec![("one", text), ("two", text)]), [at[0], at[0]]);
        let owned = text.to_owned();
        let at = [owned.as_ptr().addr()];
        assert_eq!(lent(&owned), at);
        assert_eq!(lent(&Box::new(&owned)), at);
        assert_eq!(lent(&Rc::new(Arc::new(&owned))), at);
        let array = [b'x'; LONG];
        assert_eq!(lent(&array), [array.as_ptr().addr()]);
    }

    #[test]
    fn what_is_short_or_is_made_for_the_occasion_is_copied() {
        let short = vec![b'x'; LONG - 1];
        assert!(lent(&short).is_empty());
        assert!(lent(&(1, true, 'c', 1.5)).is_empty());
        assert!(lent(&None::<&str>).is_empty());
        assert!(lent(&[1, 2, 3]).is_empty());
        assert!(lent(&()).is_empty());
        let mut lent = Lent::new(cmd("DEL"));
        let long = "x".repeat(LONG);
        let keys = [0, 1].into_iter().map(|number| format!("{long}{number}"));
        lent.add(&keys).seal();
        let parts = lent.parts(&mut Vec::new()).len();
        assert_eq!((parts, lent.beginning().count), (1, 3));
    }

    #[test]
    fn a_command_of_many_arguments_has_a_header_of_its_own() {
        let long = "x".repeat(LONG);
        for count in 1..12_usize {
            let values: Vec<&str> = (0..count)
                .map(|at| if at % 2 == 0 { &long } else { "short" })
                .collect();
            assert_eq!(lent(&values).len(), count.div_ceil(2), "{count}");
        }
    }
}
