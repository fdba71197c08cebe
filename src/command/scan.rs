//! Iterators over `SCAN` and its like. They hold one batch, and no thread, lock or connection: the commands in
//! between are those of anybody.
//!
//! A cursor means something to the server process that gave it, and to no other: it is a place in that
//! process's hash table. An iterator notes which server answered each command, and begins again at 0 when it
//! is another one:
//!
//! ```text
//!   cursor 0 ──> batch, cursor 17 ──> batch, cursor 42 ──> batch, cursor 0: the end
//!      ^                                    |
//!      +── another server answered: begin again (restarts + 1), or an error, if strict
//! ```
//!
//! The batch of the command that shows it is thrown away: that server was asked with a cursor that is not
//! its own, and may have left out anything.

use super::arg::Encoded;
use super::commands::ScanOptions;
use super::executor::Origin;
use super::{Cmd, Executor, FromValue};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Value;
use std::fmt;
use std::iter::FusedIterator;
use std::vec;

/// The elements of a `SCAN`, `HSCAN`, `SSCAN` or `ZSCAN`, one after the other: see
/// [`Commands::scan`](crate::Commands::scan).
///
/// Sends a command when the elements of the last one are used up. After an error, and after the end, it
/// yields nothing more.
///
/// What the server promises: an element that is there from the beginning to the end is yielded; one that
/// comes or goes meanwhile may be; and any of them may be yielded more than once.
///
/// That holds while the client moves to another server, too: the iterator begins again then, because a
/// cursor means nothing to another server, and [`restarts`](Self::restarts) says how often it did. After 100 times it
/// ends with [`ErrorKind::CursorLost`].
#[must_use = "nothing is sent until an element is asked for"]
pub struct Scan<'a, E: ?Sized, T> {
    executor: &'a E,
    /// `SCAN`, or `HSCAN` and its like with their key: what stands before the cursor.
    start: Cmd,
    /// What stands behind it.
    options: Encoded,
    is_strict: bool,
    /// Where the next command goes on; `None`: it was the last.
    cursor: Option<Vec<u8>>,
    /// Who gave the cursor. `None`: nobody, or it is not known.
    origin: Option<Origin>,
    batch: vec::IntoIter<T>,
    restarts: u64,
}

/// Where every scan begins, and what says that it is over.
const ZERO: &[u8] = b"0";

/// How often a scan begins again. Maintenance is a few times; more is an address behind which servers take turns,
/// and a scan there would go on for ever.
const MOST_RESTARTS: u64 = 100;

impl<'a, E: Executor + ?Sized, T: FromValue> Scan<'a, E, T> {
    pub(super) fn new(executor: &'a E, start: Cmd, options: &ScanOptions) -> Self {
        Self {
            executor,
            start,
            options: Encoded::of(options),
            is_strict: options.is_strict,
            cursor: Some(ZERO.to_vec()),
            origin: None,
            batch: Vec::new().into_iter(),
            restarts: 0,
        }
    }

    /// How often the iterator began again, because another server answered: that many times at most, an
    /// element that is there all the time was yielded again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The error of a scan that does not begin again.
    fn lost(&self, command: &Cmd) -> Error {
        let text = if self.is_strict {
            "another server answered than the one that gave the cursor: begin the scan again, or let it begin \
             again by itself (without ScanOptions::strict)"
                .to_owned()
        } else {
            format!(
                "it has begun again {MOST_RESTARTS} times, because each time another server answered than the one \
                 that gave the cursor: scan by the address of one server, not by a name behind which several take \
                 turns"
            )
        };
        Error::new(ErrorKind::CursorLost, Delivery::Replied, text).with_command(command.full_name())
    }

    /// Gets the next batch. An empty one is no end: the server has looked at elements that do not match.
    fn advance(&mut self, cursor: Vec<u8>) -> Result<()> {
        let mut command = self.start.clone();
        command.add_arg(&cursor).add_args(&self.options);
        let (result, origin) = self.executor.execute_traced(&command);
        let reply = result?;
        let is_new = cursor == ZERO;
        // Without an origin nothing can be told, and the executor is trusted.
        if !is_new && origin != self.origin {
            if self.is_strict || self.restarts == MOST_RESTARTS {
                return Err(self.lost(&command));
            }
            self.restarts += 1;
            self.cursor = Some(ZERO.to_vec());
            return Ok(());
        }
        self.origin = origin;
        let (cursor, batch) = <(Vec<u8>, Vec<Value>)>::from_value(reply)
            .and_then(|(cursor, batch)| {
                let batch = Vec::<T>::from_value(Value::Array(batch.into()));
                Ok((cursor, batch?))
            })
            .map_err(|error| match error.command() {
                Some(_) => error,
                None => error.with_command(command.full_name()),
            })?;
        self.cursor = (cursor != ZERO).then_some(cursor);
        self.batch = batch.into_iter();
        Ok(())
    }
}

impl<E: Executor + ?Sized, T: FromValue> Iterator for Scan<'_, E, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(element) = self.batch.next() {
                return Some(Ok(element));
            }
            // Taken out: after an error there is no way on.
            let cursor = self.cursor.take()?;
            if let Err(error) = self.advance(cursor) {
                return Some(Err(error));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let known = self.batch.len();
        (known, self.cursor.is_none().then_some(known))
    }
}

impl<E: Executor + ?Sized, T: FromValue> FusedIterator for Scan<'_, E, T> {}

impl<E: ?Sized, T> fmt::Debug for Scan<'_, E, T> {
    /// How far it is, never what it found: that may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("command", &self.start)
            .field("is_over", &self.cursor.is_none())
            .field("restarts", &self.restarts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
