//! One command in the form of the wire. Knows no connection, and does not judge whether it may be sent: the
//! call does.

use super::arg::{self, ArgWriter, ToArg, ToArgs};
use super::convert::Reply;
use super::named::Named;
use super::table::{self, Arguments, Command, Dispatch, RefusalReason, Repeat};
use super::{Executor, FromValue};
use super::{buffer, name};
use crate::error::Result;
use crate::protocol::encode;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The header of a command that has no arguments yet, not even a name.
const HEADER: [u8; 4] = *b"*0\r\n";

/// One command: a name and its arguments, of any kind and number.
///
/// ```
/// let set = hitless::cmd("SET").arg("greeting").arg("hello").arg("EX").arg(60);
/// assert_eq!(format!("{set:?}"), "Cmd(SET, 4 arguments)");
/// ```
#[derive(Clone)]
pub struct Cmd {
    /// Room for the header of a short command, and the arguments, encoded. Behind each change of `count`,
    /// [`seal`](Self::seal) puts it into the header.
    bytes: Vec<u8>,
    /// With the name.
    pub(crate) count: usize,
    /// What is known of the command by its first word.
    pub(crate) command: &'static Command,
    pub(crate) timeout: Option<Option<Duration>>,
}

/// A command with the given name. Words separated by spaces are arguments of their own: `cmd("CLIENT
/// ID")` is `cmd("CLIENT").arg("ID")`. Without a name it is not sent, whatever its arguments are.
///
/// Any command can be sent, also one of a module, a renamed one, or one that is newer than this crate. Of one that
/// it does not know, the client asks the server first, once an hour for each name and server (`COMMAND INFO`): one
/// that blocks gets a connection alone, and for ever unless it has a [`timeout`](Cmd::timeout); one that belongs to
/// its connection is not sent ([`ErrorKind::Usage`](crate::ErrorKind::Usage)); all others share. Where the answer does
/// not come in time nothing is sent, and a server that knows the command no more than the client is asked each time.
pub fn cmd(name: &str) -> Cmd {
    Cmd::new(name)
}

impl Cmd {
    /// A command whose name stands in the source.
    #[inline]
    pub(crate) fn named(name: &Named) -> Self {
        Self {
            bytes: buffer::take_with(name.start()),
            count: name.words,
            command: name.command,
            timeout: None,
        }
    }

    /// Adds the arguments of a command by name, all at once.
    pub(crate) fn with(mut self, write: impl FnOnce(&mut ArgWriter<'_>)) -> Self {
        write(&mut self.writer());
        self.seal();
        self
    }

    /// A command of the table whose arguments, `count` with its name, are encoded behind the name.
    pub(super) fn of_bytes(name: &Named, bytes: Vec<u8>, count: usize) -> Self {
        let mut command = Self {
            bytes,
            count,
            command: name.command,
            timeout: None,
        };
        command.seal();
        command
    }

    /// As [`cmd`].
    pub fn new(name: &str) -> Self {
        let mut new = Self {
            bytes: buffer::take_with(&HEADER),
            count: 0,
            command: &table::NAMELESS,
            timeout: None,
        };
        // The usual case, without a loop: `cmd("GET")`.
        if !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_whitespace()) {
            new.command = table::find(name.as_bytes());
            new.push(name.as_bytes());
            return new;
        }
        // `cmd("CONFIG GET")` is two arguments on the wire: a server knows no name with a space in it.
        for word in name.split_ascii_whitespace() {
            if new.count == 0 {
                new.command = table::find(word.as_bytes());
            }
            new.push(word.as_bytes());
        }
        new
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        encode::argument(&mut self.bytes, bytes);
        self.count += 1;
        self.seal();
    }

    #[inline]
    pub(super) fn writer(&mut self) -> ArgWriter<'_> {
        ArgWriter {
            out: &mut self.bytes,
            count: &mut self.count,
        }
    }

    /// Puts the number of arguments into the header, if it has room for it.
    #[inline]
    pub(super) fn seal(&mut self) {
        // Kept right at every step, so that a command of up to nine arguments is ready to be written as
        // it is. Longer ones get a header of their own when they are sent.
        if let (Some(place), Ok(count @ 0..=9)) = (self.bytes.get_mut(1), u8::try_from(self.count))
        {
            *place = b'0' + count;
        } else {
            self.judge_count();
        }
    }

    /// Lets nothing be sent of a command of which an argument could not be made.
    #[cold]
    fn judge_count(&mut self) {
        let (count, is_flawed) = arg::without_flaw(self.count);
        if is_flawed {
            // From here on it is refused like any other that must not be sent, which costs the rest nothing.
            self.count = count;
            self.command = &table::UNMADE;
        }
    }

    /// Why the command is not sent, for the caller.
    #[cold]
    pub(crate) fn refusal(&self, reason: RefusalReason) -> Cow<'static, str> {
        match reason {
            RefusalReason::Unmade => arg::flaw(self.decoded()).into(),
            reason => reason.text().into(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, value: impl ToArg) -> Self {
        self.add_arg(value);
        self
    }

    /// Adds any number of arguments.
    #[must_use]
    pub fn args(mut self, values: impl ToArgs) -> Self {
        self.add_args(values);
        self
    }

    /// As [`arg`](Self::arg), to a command that is built step by step.
    ///
    /// ```
    /// let mut scan = hitless::cmd("SCAN").arg(0);
    /// let pattern = Some("user:*");
    /// if let Some(pattern) = pattern {
    ///     scan.add_arg("MATCH").add_arg(pattern);
    /// }
    /// assert_eq!(format!("{scan:?}"), "Cmd(SCAN, 3 arguments)");
    /// ```
    #[inline]
    pub fn add_arg(&mut self, value: impl ToArg) -> &mut Self {
        value.write_args(&mut self.writer());
        self.seal();
        self
    }

    /// As [`args`](Self::args), to a command that is built step by step.
    #[inline]
    pub fn add_args(&mut self, values: impl ToArgs) -> &mut Self {
        values.write_args(&mut self.writer());
        self.seal();
        self
    }

    /// Sends the command and yields its reply as a value of this type.
    ///
    /// # Errors
    ///
    /// As [`Commands::query`](crate::Commands::query).
    pub fn query<T: FromValue>(&self, client: &(impl Executor + ?Sized)) -> Result<T> {
        T::from_reply(Reply::new(client.execute(self), self))
    }

    /// Sends the command for what it does: any reply but an error will do.
    ///
    /// ```no_run
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// hitless::cmd("FLUSHDB").exec(&client)?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::execute`](crate::Client::execute).
    pub fn exec(&self, client: &(impl Executor + ?Sized)) -> Result<()> {
        self.query(client)
    }

    /// The time that this command may take, instead of
    /// [`Options::command_timeout`](crate::Options::command_timeout). At least 1 ms: zero counts as that.
    ///
    /// A command that blocks, such as `BLPOP`, has its server wait for this long at most, whether it says a longer
    /// time itself or for ever; the network has [`command_timeout`](crate::Options::command_timeout) on top (as
    /// long again, where there is none) before the connection is given up. Where nothing came, the call is
    /// [`Timeout`](crate::ErrorKind::Timeout) with [`NotSent`](crate::Delivery::NotSent): nothing was taken, and
    /// the connection serves on. Where the command's own time is over first, its reply is that of the server, as
    /// without.
    ///
    /// ```no_run
    /// use hitless::{Client, Commands, cmd};
    /// use std::time::Duration;
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// let pop = cmd("BLPOP").arg("jobs").arg(0).timeout(Duration::from_secs(2));
    /// match client.query::<(String, String)>(&pop) {
    ///     Err(error) if error.is_timeout() && error.is_safe_to_retry() => println!("no job for 2 s"),
    ///     outcome => println!("{}", outcome?.1),
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        // Zero would end the call before its reply could ever come.
        self.timeout = Some(Some(timeout.max(Duration::from_millis(1))));
        self
    }

    /// Lets this command wait for its reply for ever. One that blocks still ends by its own time.
    #[must_use]
    pub fn no_timeout(mut self) -> Self {
        self.timeout = Some(None);
        self
    }

    /// Appends the whole command.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        encode::command_header(out, self.count);
        out.extend_from_slice(self.body());
    }

    /// The whole command, if its header had room in front of it.
    #[inline]
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.count <= 9).then_some(&self.bytes)
    }

    /// The command in two parts: its header, which is written to `header`, and the rest.
    pub(crate) fn parts<'a>(&'a self, header: &'a mut Vec<u8>) -> [&'a [u8]; 2] {
        encode::command_header(header, self.count);
        [header, self.body()]
    }

    /// Writes the header of a command that has no room for it. Yields where the rest begins in
    /// [`encoded`](Self::encoded).
    pub(super) fn write_header(&self, header: &mut Vec<u8>) -> usize {
        if self.whole().is_some() {
            return 0;
        }
        encode::command_header(header, self.count);
        HEADER.len()
    }

    /// The room for the header of a short command, and the arguments.
    pub(super) fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// The same command with these bytes, which are [`encoded`](Self::encoded) as they should be.
    pub(super) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        let Self {
            count,
            command,
            timeout,
            ..
        } = *self;
        Self {
            bytes,
            count,
            command,
            timeout,
        }
    }

    /// The same command, which blocks for this long instead of as long as it says. `None`: the command does not say
    /// it in a place that is known.
    pub(crate) fn blocking_for(&self, time: Duration) -> Option<Self> {
        let (place, unit) = self.command.time()?.place(self)?;
        // The name alone, which the server refuses.
        if place == 0 || place >= self.count {
            return None;
        }
        let word = unit.write(time);
        let mut bytes = Vec::with_capacity(self.bytes.len() + word.len() + HEADER.len());
        bytes.extend_from_slice(&HEADER);
        for (at, argument) in self.decoded().enumerate() {
            let is_time = at == place;
            encode::argument(&mut bytes, if is_time { word.as_bytes() } else { argument });
        }
        let mut command = self.with_bytes(bytes);
        command.seal();
        Some(command)
    }

    /// Whether it reads streams from what is their end when it arrives, so that it means something else each time.
    pub(crate) fn reads_from_now(&self) -> bool {
        self.command.name == "XREAD" && self.decoded().any(|word| word == b"$")
    }

    /// The arguments, encoded.
    fn body(&self) -> &[u8] {
        self.bytes.get(HEADER.len()..).unwrap_or_default()
    }

    /// How the command must be sent.
    #[inline]
    pub(crate) fn dispatch(&self) -> Dispatch {
        if self.command.is_plain() {
            return Dispatch::Shared;
        }
        self.command.dispatch_of(self)
    }

    /// The whole name with its sub-command, to be shown.
    pub(crate) fn full_name(&self) -> String {
        name::shown(self.decoded())
    }

    /// Whether the reply may be the only copy of what it says.
    pub(crate) fn may_take(&self) -> bool {
        self.command.may_take(|| self.nth(1))
    }

    /// Whether it changes nothing, so that it may run twice.
    pub(crate) fn is_read(&self) -> bool {
        let named = self.command.subcommand(self.nth(1));
        named.repeat_of(self) == Repeat::Reads
    }

    /// The encoded argument at `index`, counting the name as 0.
    pub(crate) fn nth(&self, index: usize) -> Option<&[u8]> {
        let mut rest = self.decoded();
        for _ in 0..index {
            rest.next()?;
        }
        rest.next()
    }

    /// The arguments, the name first.
    pub(crate) fn decoded(&self) -> impl Iterator<Item = &[u8]> {
        name::arguments(self.body())
    }
}

impl Arguments for Cmd {
    fn count(&self) -> usize {
        self.count
    }

    fn argument(&self, place: usize) -> Option<&[u8]> {
        self.nth(place)
    }

    fn every_other_from(&self, place: usize, holds: impl Fn(&[u8]) -> bool) -> bool {
        // In one pass: each look at one argument would walk over all in front of it.
        for (at, argument) in self.decoded().enumerate() {
            if at >= place && (at - place) % 2 == 0 && !holds(argument) {
                return false;
            }
        }
        true
    }
}

impl Drop for Cmd {
    #[inline]
    fn drop(&mut self) {
        buffer::give_back(&mut self.bytes);
    }
}

impl fmt::Debug for Cmd {
    /// The name and the number of arguments, never the arguments: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = self.count.saturating_sub(1);
        let plural = if arguments == 1 { "" } else { "s" };
        write!(f, "Cmd({}, {arguments} argument{plural})", self.full_name())
    }
}
