//! What can go wrong, whose fault it is, and whether the command may have run. Logs nothing and decides
//! nothing: who meets an error does.

use crate::protocol::{Endpoint, Maintenance, Malformed, ServerError, Value};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. One pointer in size, cheap to clone.
///
/// [`kind`](Self::kind) says whose fault it is, [`delivery`](Self::delivery) whether the command may
/// have run, [`source`](StdError::source) what lay beneath. A program decides by these and by
/// [`code`](Self::code); the text is for people, and may change with any release. It names the command,
/// the server and the maintenance that went on, and never a value, a key or a secret.
///
/// ```
/// use hitless::{Client, Commands, Delivery, Options};
///
/// fn increment(client: &Client) -> hitless::Result<i64> {
///     match client.incr("visits") {
///         // It did not run: again, whatever the command is.
///         Err(error) if error.is_safe_to_retry() => client.incr("visits"),
///         // It may have run: a second INCR might count twice, so the caller has to know.
///         Err(error) if error.delivery() == Delivery::Unknown => Err(error),
///         // A number, or an answer of the server such as WRONGTYPE.
///         outcome => outcome,
///     }
/// }
/// # let client = Client::lazy(Options::new("localhost:1")?.connect_retries(0))?;
/// # assert!(increment(&client).is_err());
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    text: String,
    endpoint: Option<Endpoint>,
    command: Option<String>,
    index: Option<usize>,
    maintenance: Option<Maintenance>,
    reply: Option<Value>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Whose fault an error is.
///
/// | kind | at fault | did the command run | the connection |
/// |---|---|---|---|
/// | `Server` | the command or the server's state | see [`Delivery`] | serves on |
/// | `Conversion` | the type that was asked for | yes | serves on |
/// | `NotAtomic` | the server's permissions | yes, alone | serves on |
/// | `Conflict` | nobody: another client was faster | no | serves on |
/// | `Cancelled` | nobody: the program has stopped it | see [`Delivery`] | serves on, unless `Unknown` |
/// | `Usage`, `Config`, `Forked` | the program | no | serves on |
/// | `PoolExhausted` | the size of the pool | no | serves on |
/// | `Connect`, `Tls` | network, server or configuration | no | was never made |
/// | `Timeout` | network or server | see [`Phase`] | see [`Phase`] |
/// | `Io`, `Protocol` | network or server | see [`Delivery`] | is replaced |
/// | `Closed` | see [`CloseReason`] | see [`Delivery`] | has ended |
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call was cancelled ([`Canceller`](crate::Canceller)). [`Delivery::NotSent`]: it took nothing, because it
    /// was not sent or the server gave it up; the connection serves on. [`Delivery::Unknown`]: the server did not
    /// give it up within 5 s, and the connection has ended.
    Cancelled,
    /// This client closed the connection, for the reason given. What had not left is
    /// [`Delivery::NotSent`], what was under way [`Delivery::Unknown`].
    Closed(CloseReason),
    /// The options cannot work, whatever the server does. The text names the option, why it cannot be, and
    /// what it may be. Found when the client is made, before anything is sent.
    Config,
    /// A key that was watched has changed, so that `EXEC` executed nothing. Read again what the transaction was made
    /// from, and try again: [`Client::transaction`](crate::Client::transaction) does, and says this when its attempts
    /// are used up.
    Conflict,
    /// No connection could be made: the name has no address, nobody listens, the network leads nowhere, or
    /// what listens closed the connection during its opening. A command that waits for a connection fails
    /// like this after [`connect_retries`](crate::Options::connect_retries) further attempts, and was not
    /// sent. A server that refuses the opening with an error of its own is [`Server`](Self::Server).
    Connect,
    /// The reply does not have the shape that was asked for, such as a text where an `i64` was. The command
    /// ran; [`Error::reply`] has what it replied where that could be lost otherwise. Ask for another type,
    /// or for [`Value`].
    Conversion,
    /// A strict scan ([`ScanOptions::strict`](crate::ScanOptions::strict)) was answered by another server than
    /// the one that gave its cursor; or another scan has begun again 100 times for that reason. Nothing is wrong
    /// with the connection: begin the scan again, by the address of one server.
    CursorLost,
    /// The client was made before a `fork`, and this is the child: its connections and threads belong to
    /// the parent. Nothing was sent. Make a client of its own in the child.
    Forked,
    /// The connection broke: the server closed it, or the system reported an error, which
    /// [`source`](StdError::source) holds. The client makes another by itself.
    Io,
    /// The command of an atomic pipeline was executed, but by itself: the server refused `MULTI` and
    /// took the commands behind it as they came. [`Error::reply`] has its reply. Let the user run `MULTI`
    /// and `EXEC`, or run the pipeline without [`atomic`](crate::Pipeline::atomic).
    NotAtomic,
    /// The mailbox of a [`Subscriber`](crate::Subscriber) was full, and [`Overflow::End`](crate::Overflow::End) ends it
    /// by that. Take messages sooner, or give it more room.
    Overflow,
    /// Commands that block on the server, leases, subscribers and the like held every connection that
    /// [`max_active_connections`](crate::Options::max_active_connections) leaves them, for as long as this
    /// one could wait. Other commands share their connections, and never fail like this. The command was
    /// not sent: raise the bound, or hold fewer at a time.
    PoolExhausted,
    /// The peer sent what is no RESP, or more than [`Limits`](crate::Limits) allow, or a reply that nobody
    /// had asked for: something else than Redis listens there, or a proxy is out of step. Nothing on that
    /// connection can be trusted any more, and it is replaced.
    Protocol,
    /// The server replied with an error, which [`Error::code`] tells apart: `WRONGTYPE`, `NOPERM`,
    /// `READONLY`, `OOM` and so on.
    Server(ServerError),
    /// A time limit passed, in the phase given. While maintenance goes on the limits are longer
    /// ([`relaxed_timeout`](crate::MaintenanceOptions::relaxed_timeout)).
    Timeout(Phase),
    /// The secure channel could not be made: the certificate is not trusted, does not bear the name or has
    /// expired, or the two sides have no version in common. The text has the reason of the TLS library.
    /// Nothing was sent, not even the password.
    Tls,
    /// The caller used the client in a way that cannot work, such as `SELECT` on a connection that others
    /// share. Refused before anything was sent; the text says what to use instead.
    Usage,
}

/// Why a connection was closed by this client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`Client::close`](crate::Client::close) was called or the last handle was dropped. Every later command
    /// fails like this.
    ByUser,
    /// A command that blocked on the server was cancelled ([`Canceller`](crate::Canceller)), and the server did not
    /// give it up in time.
    Cancelled,
    /// A command on the connection timed out, and nothing had arrived since it was sent: the connection may be
    /// dead. One on which other replies arrive serves on, and the late reply reaches nobody.
    Condemned,
    /// The connection had been replaced and its time to finish was over.
    DrainExpired,
    /// The connection had been replaced and had nothing left to do.
    Drained,
    /// The connection served commands that block on the server, and none had used it for 30 s.
    Idle,
    /// A [`Lease`](crate::Lease) has ended that had changed the state of the connection for good, or a command on
    /// it had no reply: nobody else may get a connection like that.
    LeaseEnded,
    /// The thread that reads the connection has panicked, which is a defect of the client. Another connection
    /// is made: a command that was not sent may be sent again.
    ReaderDied,
    /// The connection of a [`Lease`](crate::Lease) has ended, and with it what the lease had set there and no other
    /// connection can be given: an open `MULTI`, another user. Nothing was sent. Take a new lease, and begin again.
    StateLost,
    /// A [`Subscriber`](crate::Subscriber) was stopped or dropped, and its connection closed with it.
    Stopped,
    /// A thread that serves all connections has panicked, which is a defect of the client. The client is
    /// closed, and the program must make a new one.
    ThreadDied,
    /// The keys that a [`Lease`](crate::Lease) watched are watched no longer: the connection has ended, or is about to
    /// be closed because the server moves. Nothing of the transaction was sent: watch, read and try again, as
    /// [`Client::transaction`](crate::Client::transaction) does by itself.
    WatchLost,
}

/// What was being waited for when a time limit passed, and so which option bounds it.
///
/// ```
/// use hitless::{Error, ErrorKind, Phase};
///
/// /// Whether a longer `command_timeout` would have helped.
/// fn is_slow_server(error: &Error) -> bool {
///     matches!(error.kind(), ErrorKind::Timeout(Phase::AwaitReply | Phase::Write))
/// }
/// # assert!(!is_slow_server(&Error::conversion("no")));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// The reply to a command ([`command_timeout`](crate::Options::command_timeout)). The command may have
    /// run. The connection serves on if anything has arrived on it since the command was sent.
    AwaitReply,
    /// A connection to send the command on ([`checkout_timeout`](crate::Options::checkout_timeout)). Nothing
    /// was sent.
    Checkout,
    /// The connection to the server, up to the end of its opening
    /// ([`connect_timeout`](crate::Options::connect_timeout)). Nothing was sent.
    Connect,
    /// Room in the socket for the command ([`command_timeout`](crate::Options::command_timeout)): the server
    /// does not read. If a part of the command had left, the connection ends, because nothing may follow
    /// that part; the command did not run.
    Write,
}

/// What became of the command that failed: what a program needs to know before it sends it again.
///
/// ```
/// use hitless::{Client, Commands, Delivery, Options};
///
/// let client = Client::lazy(Options::new("localhost:1")?.connect_retries(0))?;
/// // Nobody listens there, so nothing was sent.
/// assert_eq!(client.incr("visits").unwrap_err().delivery(), Delivery::NotSent);
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Delivery {
    /// The server did not execute it: sending it again is safe, whatever it is. Either its last byte never
    /// left, or the server said that it does not execute it (`LOADING`, `READONLY`, `MOVED` and so on), or it waited
    /// on the server, such as `BLPOP`, and was ended before it took anything.
    NotSent,
    /// The server answered, and the answer is the error or is in it. Sending the command again is a new
    /// command.
    Replied,
    /// The server may or may not have executed it: its last byte had left and no reply came. A read may be
    /// sent again; for anything else the caller has to look, or to live with twice.
    Unknown,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, delivery: Delivery, text: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            delivery,
            text: text.into(),
            endpoint: None,
            command: None,
            index: None,
            maintenance: None,
            reply: None,
            source: None,
        }))
    }

    /// A reply that does not fit, for a [`FromValue`](crate::FromValue) of your own. The text says what
    /// does not fit, in lower case and without the values themselves; the client adds the command and
    /// the place inside the reply.
    pub fn conversion(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conversion, Delivery::Replied, text)
    }

    /// The caller's mistake, found before anything was sent.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, Delivery::NotSent, text)
    }

    /// An impossible configuration.
    pub(crate) fn config(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, Delivery::NotSent, text)
    }

    /// The call was cancelled, and has taken nothing.
    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, Delivery::NotSent, "cancelled")
    }

    pub(crate) fn closed_by_user() -> Self {
        let kind = ErrorKind::Closed(CloseReason::ByUser);
        Self::new(kind, Delivery::NotSent, "the client is closed")
    }

    pub(crate) fn thread_died() -> Self {
        let kind = ErrorKind::Closed(CloseReason::ThreadDied);
        let text =
            "a thread of the client has panicked, which is a defect of the client: make a new one";
        Self::new(kind, Delivery::NotSent, text)
    }

    /// The client belongs to the process that this one was forked from.
    pub(crate) fn forked() -> Self {
        let text = "the client was made in the parent process, before a fork; \
                    make one in this process";
        Self::new(ErrorKind::Forked, Delivery::NotSent, text)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(self.inner());
        self
    }

    /// Its parts, to be changed: a copy of them where other clones of the error hold the same. Compiled once for
    /// all changes.
    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    pub(crate) fn with_endpoint(self, endpoint: Endpoint) -> Self {
        self.edit(|inner| inner.endpoint = Some(endpoint))
    }

    pub(crate) fn with_maintenance(self, maintenance: Option<Maintenance>) -> Self {
        if maintenance.is_none() {
            return self;
        }
        self.edit(|inner| inner.maintenance = maintenance)
    }

    /// Names the command; one without a name has none.
    pub(crate) fn with_command(self, name: String) -> Self {
        self.edit(|inner| inner.command = Some(name).filter(|name| !name.is_empty()))
    }

    pub(crate) fn with_delivery(self, delivery: Delivery) -> Self {
        if self.0.delivery == delivery {
            return self;
        }
        self.edit(|inner| inner.delivery = delivery)
    }

    pub(crate) fn with_reply(self, reply: Value) -> Self {
        self.edit(|inner| inner.reply = Some(reply))
    }

    pub(crate) fn with_index(self, index: usize) -> Self {
        self.edit(|inner| inner.index = Some(index))
    }

    /// Says more behind the text.
    pub(crate) fn explained(self, more: fmt::Arguments<'_>) -> Self {
        self.edit(|inner| inner.text = format!("{}; {more}", inner.text))
    }

    /// The error of a part of the reply: says which part, and no longer has a reply, which would be
    /// taken for the whole.
    #[cold]
    pub(crate) fn within(self, part: fmt::Arguments<'_>) -> Self {
        if self.0.kind != ErrorKind::Conversion {
            return self;
        }
        self.edit(|inner| {
            inner.text = format!("{part}: {}", inner.text);
            inner.reply = None;
        })
    }

    /// What lay beneath, for [`source`](StdError::source): an error of your own, or a text.
    ///
    /// ```
    /// use hitless::Error;
    ///
    /// let cause = "x".parse::<u16>().unwrap_err();
    /// let error = Error::conversion("not a port").with_source(cause);
    /// assert_eq!(error.to_string(), "not a port");
    /// ```
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Arc::from(source.into());
        self.edit(|inner| inner.source = Some(source))
    }

    /// Whose fault it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the command may have run.
    ///
    /// [`Delivery::NotSent`] means that it did not and may be sent again whatever it is;
    /// [`Delivery::Unknown`] that nobody can tell.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The server concerned, as it was dialled; `None` where the failure concerns none, such as a wrong
    /// option.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.0.endpoint.as_ref()
    }

    /// The name of the command that failed, where there is one, with its sub-command: `GET`,
    /// `CONFIG GET`; never its arguments.
    pub fn command(&self) -> Option<&str> {
        self.0.command.as_deref()
    }

    /// The place of the command that failed in its pipeline, the first being 0. `None` outside of
    /// pipelines.
    pub fn index(&self) -> Option<usize> {
        self.0.index
    }

    /// The maintenance during which the connection failed or the command timed out, or shortly before.
    pub fn maintenance(&self) -> Option<Maintenance> {
        self.0.maintenance
    }

    /// The error that the server replied; `None` for every other kind.
    pub fn server_error(&self) -> Option<&ServerError> {
        match &self.0.kind {
            ErrorKind::Server(error) => Some(error),
            _ => None,
        }
    }

    /// The first word of the server's error, for example `WRONGTYPE`; `None` where the server replied none.
    /// Servers keep these words over their versions, unlike the rest of the line.
    ///
    /// ```
    /// use hitless::{Client, Commands};
    ///
    /// fn length(client: &Client, key: &str) -> hitless::Result<Option<u64>> {
    ///     match client.llen(key) {
    ///         Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
    ///         outcome => outcome.map(Some),
    ///     }
    /// }
    /// ```
    pub fn code(&self) -> Option<&str> {
        self.server_error().map(|error| error.code())
    }

    /// The reply that the command had, whole, so that what a command took is not lost with the error:
    /// with [`ErrorKind::NotAtomic`] always; with [`ErrorKind::Conversion`] always after a command that
    /// may have taken what it replied, such as `LPOP` or a script, and after others where keeping it
    /// costs nothing; with [`ErrorKind::Server`] where the error is one part of a reply of such a command. From
    /// [`Pipeline::query`](crate::Pipeline::query) it is an array with the replies of all commands, nil for one that
    /// has none, whatever the error, if one of them may have taken something. `None` for all other errors. `Debug`
    /// of the error shows its type and length only.
    pub fn reply(&self) -> Option<&Value> {
        self.0.reply.as_ref()
    }

    /// Whether a time limit passed, in whichever [`Phase`].
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(_))
    }

    /// Whether sending the command again is safe whatever it is: the server did not execute it. False as
    /// well where it would fail again for sure: wrong options, wrong use, a client that is closed for good
    /// or belongs to the parent process; and where the connection has lost what the command relied on, such as
    /// keys that were watched.
    pub fn is_safe_to_retry(&self) -> bool {
        self.0.delivery == Delivery::NotSent
            && !matches!(
                self.0.kind,
                ErrorKind::Usage
                    | ErrorKind::Config
                    | ErrorKind::Forked
                    | ErrorKind::Closed(
                        CloseReason::ByUser
                            | CloseReason::StateLost
                            | CloseReason::ThreadDied
                            | CloseReason::WatchLost
                    )
            )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of `write!` the compiler puts a hundred lines of its code into each place: here they are once.
        let mut write = |text: fmt::Arguments<'_>| f.write_fmt(text);
        match &self.0.kind {
            ErrorKind::Server(error) if self.0.text.is_empty() => {
                write(format_args!("server error: {error}"))?;
            }
            _ => write(format_args!("{}", self.0.text))?,
        }
        if let Some(command) = &self.0.command {
            write(format_args!(" (command {command}"))?;
            if let Some(index) = self.0.index {
                write(format_args!(", at index {index} of the pipeline"))?;
            }
            if let Some(endpoint) = &self.0.endpoint {
                write(format_args!(" at {endpoint}"))?;
            }
            write(format_args!(")"))?;
        } else if let Some(endpoint) = &self.0.endpoint {
            write(format_args!(" (at {endpoint})"))?;
        }
        if let Some(maintenance) = &self.0.maintenance {
            write(format_args!(" during {maintenance}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("delivery", &self.0.delivery)
            .field("text", &self.0.text)
            .field("endpoint", &self.0.endpoint)
            .field("command", &self.0.command)
            .field("index", &self.0.index)
            .field("maintenance", &self.0.maintenance)
            .field("reply", &self.0.reply.as_ref().map(Outline))
            .field("source", &self.0.source)
            .finish()
    }
}

/// A reply without what it says, which may be secret.
struct Outline<'a>(&'a Value);

impl fmt::Debug for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.plain();
        let length = match value {
            Value::Map(pairs) => Some(pairs.len()),
            value => (value.as_items().map(|items| items.len()))
                .or_else(|| value.as_bytes().map(<[u8]>::len)),
        };
        match length {
            Some(length) => write!(f, "{} of length {length}", value.kind()),
            None => f.write_str(value.kind()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Self::new(ErrorKind::Server(error), Delivery::Replied, "")
    }
}

/// Lets [`Options`](crate::Options) stand where a URL may.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        let text = format!("the server broke the protocol: {malformed}");
        Self::new(ErrorKind::Protocol, Delivery::Unknown, text)
    }
}

const _: () = {
    const fn send_sync<T: Send + Sync>() {}
    send_sync::<Error>();
    assert!(size_of::<Error>() == size_of::<usize>());
};
