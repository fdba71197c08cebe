//! Many commands in one write. Sends nothing itself, and divides nothing: whoever executes it writes all of
//! it to one connection.

mod by_name;
mod waiting;

use super::convert::{Reply, with_kept};
use super::named::Named;
use super::table::{self, Command, Dispatch};
use super::{ArgWriter, Cmd, Executor, FromValue, arg, name};
#[cfg(doc)]
use crate::error::{Delivery, ErrorKind};
use crate::error::{Error, Result};
use crate::protocol::{Value, encode};
use crate::sorted::in_order;
use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::time::Duration;

/// Commands that are sent in one write and answered together.
///
/// All of them travel on one connection, in order, and no handoff divides them. It has a method for each
/// command that [`Commands`](crate::Commands) has, but for those that block; [`cmd`](Self::cmd) adds any other.
///
/// ```no_run
/// use hitless::{Client, pipe};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let (before, after): (Option<i64>, i64) = pipe().get("n").incr("n").query(&client)?;
///
/// // Step by step, and each result by itself:
/// let mut pipeline = pipe();
/// for user in 1..=1000 {
///     pipeline.hget(format!("user:{user}"), "name");
/// }
/// let names: Vec<Option<String>> = pipeline.query(&client)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Pipeline {
    /// The commands in the form of the wire; those of an atomic pipeline behind `MULTI`.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<u64>,
    /// The places of commands that must not be sent, and why. While there is one, nothing is sent.
    refused: Vec<(usize, Cow<'static, str>)>,
    /// The places of commands that the table does not have.
    unknown: Vec<usize>,
    /// `atomic` was called when there was a command already.
    late: bool,
    /// For how long its commands block on the server (`None`: for ever), if any does.
    pub(crate) blocks: Option<Option<Duration>>,
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) atomic: bool,
    /// A reply may be the only copy of what it says.
    takes: bool,
    /// One of its commands may keep the server busy, as the table says.
    pub(crate) is_long: bool,
}

/// An empty pipeline.
pub fn pipe() -> Pipeline {
    Pipeline::default()
}

impl Pipeline {
    /// As [`pipe`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the server execute the commands without any other client's in between (`MULTI` and
    /// `EXEC`). Must come before the first command.
    ///
    /// It is one write and one wait, like any pipeline. A server that refuses `MULTI` (to a user who
    /// may not use it, for instance) executes the commands behind it all the same, each by itself:
    /// [`run`](Self::run) says so with [`ErrorKind::NotAtomic`]. The client remembers that, and refuses
    /// later atomic pipelines for that server before it sends anything ([`ErrorKind::Usage`]). It asks
    /// again once a minute at most, with a transaction that holds no command.
    pub fn atomic(&mut self) -> &mut Self {
        // MULTI must be the first command on the wire, so it cannot be put in front of others later.
        if self.is_empty() {
            self.atomic = true;
            self.begin();
        } else {
            self.late = true;
        }
        self
    }

    /// Takes everything out, and leaves what an empty pipeline begins with.
    fn begin(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        // A pipeline that is emptied for its next use stays atomic.
        if self.atomic {
            self.push(&Cmd::new("MULTI"));
        }
    }

    /// Adds a command by whatever name. `WAIT` and `WAITAOF`: see [`add`](Self::add).
    pub fn cmd(&mut self, command: Cmd) -> &mut Self {
        self.add(&command)
    }

    /// Adds a command of the table by its name, with the arguments that `write` writes.
    #[inline]
    pub(crate) fn add_named(
        &mut self,
        name: &Named,
        write: impl FnOnce(&mut ArgWriter<'_>),
    ) -> &mut Self {
        // Only the arguments are written by code that is compiled for each method.
        let start = self.open(name);
        let mut count = name.words;
        write(&mut ArgWriter {
            out: &mut self.bytes,
            count: &mut count,
        });
        self.close(name, start, count);
        self
    }

    /// Adds a command of the table that has no arguments but its name.
    pub(crate) fn add_bare(&mut self, name: &Named) -> &mut Self {
        let start = self.open(name);
        self.close(name, start, name.words);
        self
    }

    /// Begins a command of the table. Yields where it begins.
    fn open(&mut self, name: &Named) -> usize {
        self.cut();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.start());
        start
    }

    /// Ends the command that begins at `start`, now that it has all arguments.
    fn close(&mut self, name: &Named, start: usize, mut count: usize) {
        if !name.command.is_plain() {
            let bytes = self.bytes.split_off(start);
            self.add(&Cmd::of_bytes(name, bytes, count));
            return;
        }
        self.takes |= name.command.takes();
        self.is_long |= name.command.has(table::flags::LONG);
        // More than fit into the digit; the flag of a flaw is a large number, too.
        if count > 9 {
            count = self.judge_count(start, count);
        }
        set_count(&mut self.bytes, start, count);
        self.ends.push(self.bytes.len() as u64);
    }

    /// The number of arguments of the command that begins at `start` and is not counted yet. Refuses one of which
    /// an argument could not be made.
    #[cold]
    fn judge_count(&mut self, start: usize, count: usize) -> usize {
        let (count, is_flawed) = arg::without_flaw(count);
        if is_flawed {
            let body = self.bytes.get(start + "*1\r\n".len()..).unwrap_or_default();
            let why = arg::flaw(name::arguments(body));
            self.refused.push((self.len(), why.into()));
        }
        count
    }

    /// Takes away what is behind the last command: the beginning of one whose arguments panicked.
    #[inline]
    fn cut(&mut self) {
        self.bytes.truncate(self.bytes().len());
    }

    /// Adds a command.
    ///
    /// `WAIT` and `WAITAOF` speak of the writes before them on their own connection, so that they need
    /// a command in front of them. The pipeline then has a connection alone, their time on top of its
    /// own, and cannot be atomic.
    pub fn add(&mut self, command: &Cmd) -> &mut Self {
        // Judged when the command is added, so that nothing is sent of a pipeline that holds one which
        // cannot be.
        let refusal = match command.dispatch() {
            Dispatch::Exclusive(_) => {
                Some("a command that blocks cannot be part of a pipeline".into())
            }
            Dispatch::Behind(_) if self.atomic => Some(Dispatch::NOT_WITHIN.into()),
            Dispatch::Behind(_) if self.is_empty() => Some(Dispatch::BEHIND.into()),
            Dispatch::Behind(time) => {
                let before = self.blocks.unwrap_or(Some(Duration::ZERO));
                // They wait one after the other on the server. One without an end makes the whole
                // without end.
                self.blocks = Some(before.zip(time).map(|(a, b)| a.saturating_add(b)));
                None
            }
            Dispatch::Refused(reason) => Some(command.refusal(reason)),
            Dispatch::Asked => {
                self.unknown.push(self.len());
                None
            }
            Dispatch::Shared => None,
        };
        // The command stays in, so that there is a result for each.
        if let Some(why) = refusal {
            self.refused.push((self.len(), why));
        }
        self.takes |= command.may_take();
        self.is_long |= command.command.has(table::flags::LONG);
        self.push(command);
        self
    }

    fn push(&mut self, command: &Cmd) {
        self.cut();
        command.write_to(&mut self.bytes);
        // Where each command ends on the wire: after a failure this tells which of them had left.
        self.ends.push(self.bytes.len() as u64);
    }

    /// The time that the whole pipeline may take, instead of
    /// [`Options::command_timeout`](crate::Options::command_timeout). At least 1 ms: zero counts as that.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = Some(Some(timeout.max(Duration::from_millis(1))));
        self
    }

    /// How many commands it holds.
    pub fn len(&self) -> usize {
        self.ends.len() - usize::from(self.atomic)
    }

    /// Whether it holds no command.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all commands out, and keeps the room for the next. The pipeline stays atomic if it was,
    /// and keeps its time.
    pub fn clear(&mut self) {
        self.refused.clear();
        self.unknown.clear();
        self.late = false;
        self.blocks = None;
        self.takes = false;
        self.is_long = false;
        self.begin();
    }

    /// Sends all commands and yields what became of each, in order: as many results as there are
    /// commands, whatever happens. A command that the server refused does not hide the others' replies.
    ///
    /// Blocks until the last reply or the timeout. When the connection breaks, the replies that had
    /// come are kept, and each of the others says for itself whether it may have run
    /// ([`Error::delivery`]).
    ///
    /// If one of the commands must not be sent ([`ErrorKind::Usage`]), none is: it has the reason, and
    /// each of the others names it.
    ///
    /// If the transaction of an atomic pipeline was not executed, a command that the server refused has
    /// that error, and the others have that of `EXEC`. If the connection breaks, all commands are
    /// [`Delivery::NotSent`] where it is known that the transaction had not ended, and
    /// [`Delivery::Unknown`] otherwise. [`ErrorKind::NotAtomic`] with [`Error::reply`]: the command was
    /// executed, but not as part of a transaction.
    pub fn run(&self, client: &(impl Executor + ?Sized)) -> Vec<Result<Value>> {
        client.execute_pipeline(self)
    }

    /// What becomes of each command, with its name where that is an error. `send` is called unless there
    /// is nothing to send, or something that must not be sent.
    pub(crate) fn results(&self, send: impl FnOnce() -> Vec<Result<Value>>) -> Vec<Result<Value>> {
        let results = self.refusals().unwrap_or_else(send);
        self.with_names(results)
    }

    /// These results, where each error says of which command it is.
    fn with_names(&self, mut results: Vec<Result<Value>>) -> Vec<Result<Value>> {
        for (index, result) in results.iter_mut().enumerate() {
            // In place: nearly all of them are no errors.
            if result.is_err() {
                let unnamed = mem::replace(result, Ok(Value::Nil));
                *result = unnamed.map_err(|error| self.named(error, index));
            }
        }
        results
    }

    /// Why each command is not sent, if one of them must not be. Of none there is nothing to send.
    fn refusals(&self) -> Option<Vec<Result<Value>>> {
        if self.is_empty() {
            // Nothing to send: no connection is asked for, and MULTI alone would be for nothing.
            return Some(Vec::new());
        }
        let for_all = if self.late {
            "not sent: atomic() must come before the first command".to_owned()
        } else {
            let (place, why) = self.refused.first()?;
            let name = self.full_name(*place);
            format!("not sent: command {name} at index {place} of the pipeline is refused: {why}")
        };
        let mut errors = vec![Err(Error::usage(for_all)); self.len()];
        // The commands that are refused say why themselves.
        for (place, why) in &self.refused {
            if let Some(error) = errors.get_mut(*place) {
                *error = Err(Error::usage(format!("not sent: {why}")));
            }
        }
        Some(errors)
    }

    /// The arguments of the command at this place, from the form of the wire.
    fn arguments(&self, place: usize) -> impl Iterator<Item = &[u8]> {
        let place = place + usize::from(self.atomic);
        let end = |place: usize| self.ends.get(place).copied().unwrap_or_default() as usize;
        // A command begins where the one before it ends.
        let start = place.checked_sub(1).map_or(0, end);
        let command = self.bytes.get(start..end(place)).unwrap_or_default();
        // Behind `*<count>\r\n`.
        let header = command.iter().position(|byte| *byte == b'\n');
        let body = header.and_then(|end| command.get(end + 1..));
        name::arguments(body.unwrap_or_default())
    }

    /// What is known of the command at this place, by its first word.
    pub(crate) fn command(&self, place: usize) -> &'static Command {
        table::find(self.arguments(place).next().unwrap_or_default())
    }

    /// The whole names of the commands that the table does not have, each once.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let names = self.unknown.iter().map(|place| self.full_name(*place));
        in_order(names)
    }

    /// The whole name of the command at this place, to be shown.
    fn full_name(&self, place: usize) -> String {
        name::shown(self.arguments(place))
    }

    /// Sends all commands and turns their replies into one value, such as a tuple or a list.
    ///
    /// # Errors
    ///
    /// The first command's that failed; [`run`](Self::run) keeps the results of all, and so does a
    /// tuple or list of [`Result`]s. [`Error::index`] says which command it was. Where a command may have taken what it
    /// replied, [`Error::reply`] has all replies as an array, nil for a command that has none, whatever the
    /// failure of one of them: what the others took is not lost with it.
    pub fn query<T: FromValue>(&self, client: &(impl Executor + ?Sized)) -> Result<T> {
        let results = self.run(client);
        // What one command took is not lost because another has failed, or its reply does not fit.
        let kept = (self.may_take() || self.atomic && results.iter().any(was_outside))
            .then(|| whole(&results))
            .flatten();
        T::from_replies(self.replies(results)).map_err(|error| with_kept(error, kept))
    }

    /// What became of the commands, each with its place: one type of iterator, whatever the replies become.
    fn replies(&self, results: Vec<Result<Value>>) -> impl ExactSizeIterator<Item = Reply<'_>> {
        let results = results.into_iter().enumerate();
        results.map(|(index, result)| Reply::of_pipeline(result, self, index))
    }

    /// Sends all commands for what they do: any replies but errors will do.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    pub fn exec(&self, client: &(impl Executor + ?Sized)) -> Result<()> {
        self.query(client)
    }

    /// Whether a reply may be the only copy of what it says.
    pub(crate) fn may_take(&self) -> bool {
        self.takes
    }

    /// The error of the command at this place, with its name.
    pub(crate) fn named(&self, error: Error, index: usize) -> Error {
        error.with_command(self.full_name(index)).with_index(index)
    }

    /// The commands in the form of the wire; behind `MULTI`, if it is atomic.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let end = self.ends.last().copied().unwrap_or_default();
        self.bytes.get(..end as usize).unwrap_or_default()
    }

    /// Where each command ends in [`bytes`](Self::bytes), `MULTI` among them.
    pub(crate) fn ends(&self) -> &[u64] {
        &self.ends
    }
}

/// Corrects the number of arguments of the command that begins at `start`, with a header of one digit.
#[inline]
fn set_count(bytes: &mut Vec<u8>, start: usize, count: usize) {
    match (bytes.get_mut(start + 1), count) {
        (Some(digit), 0..=9) => *digit = b'0' + count as u8,
        _ => widen_count(bytes, start, count),
    }
}

/// As [`set_count`], where one digit is too few: the arguments move up.
#[cold]
fn widen_count(bytes: &mut Vec<u8>, start: usize, count: usize) {
    let arguments = bytes.split_off(start + "*1\r\n".len());
    bytes.truncate(start);
    encode::command_header(bytes, count);
    bytes.extend_from_slice(&arguments);
}

/// Whether the command was executed by itself, against the wish of the caller.
fn was_outside(result: &Result<Value>) -> bool {
    // No other error has a reply before it was to become a type.
    let error = result.as_ref().err();
    error.is_some_and(|error| error.reply().is_some())
}

/// All replies as one, nil for a command that has none. Nothing where no command succeeded: nothing was taken then.
fn whole(results: &[Result<Value>]) -> Option<Value> {
    if !results.iter().any(|one| one.is_ok() || was_outside(one)) {
        return None;
    }
    let mut values = Vec::with_capacity(results.len());
    for result in results {
        values.push(match result {
            Ok(value) => value.clone(),
            Err(error) => match (error.reply(), error.server_error()) {
                (Some(reply), _) => reply.clone(),
                (None, Some(error)) => Value::Error(error.clone()),
                // Of one that was lost there is nothing to be had, but those before it may have taken something.
                (None, None) => Value::Nil,
            },
        });
    }
    Some(Value::array(values))
}

impl fmt::Debug for Pipeline {
    /// The number of commands, never their arguments: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({} commands)", self.len())
    }
}
