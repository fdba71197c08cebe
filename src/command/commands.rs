//! The commands by name. Each is a [`Cmd`] and a type; all the rest is
//! [`Client::execute`](crate::Client::execute). None of them is retried or checked here.

use super::cmd::{start, start_length};
use super::convert::Reply;
use super::table;
use super::{ArgWriter, Cmd, Executor, FromValue, ToArg, ToArgs};
use crate::error::Result;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// A command by a name that the compiler looks up in the table and encodes: at run time it is copied.
macro_rules! named {
    ($name:literal) => {{
        // A constant of its own, so that the bytes have an address for the life of the program.
        const START: [u8; start_length($name)] = start($name);
        Cmd::named(const { table::known($name) }, &START)
    }};
}

/// The commands by name: every [`Executor`] has them.
///
/// Return types are fixed where the reply is the server's, and free where it is the user's own data:
/// `let name: Option<String> = client.get("name")?`. A type of the user's own data is any that a reply can
/// become: see [`FromValue`].
///
/// Every command is a row of the crate's table of commands, which says how it is sent: the names here are
/// checked against it when the crate is compiled.
///
/// # Errors
///
/// Those of [`Client::execute`](crate::Client::execute), and
/// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion): the command was executed, and its reply is not of
/// the type asked for. That costs nothing but the reply: the connection is fine.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send commands",
    note = "`hitless::Client` and references to it can; a generic function takes `&impl hitless::Commands`"
)]
pub trait Commands: Executor {
    /// Sends any command, and turns its reply into a type.
    ///
    /// ```no_run
    /// use hitless::{Commands, cmd};
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let keys: i64 = client.query(&cmd("DBSIZE"))?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As everywhere here. After a command that may have taken what it replied,
    /// [`Error::reply`](crate::Error::reply) has all of a reply that does not fit.
    fn query<T: FromValue>(&self, command: &Cmd) -> Result<T> {
        T::from_reply(Reply::new(self.execute(command), command))
    }

    /// `PING`: a round trip to the server.
    fn ping(&self) -> Result<()> {
        self.query(&named!("PING"))
    }

    /// `GET`: the value of a key; nil, which is `None`, if there is none.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// client.set("greeting", "hello")?;
    /// let greeting: Option<String> = client.get("greeting")?;
    /// let bytes: Vec<u8> = client.get("greeting")?; // nil is no bytes
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn get<T: FromValue>(&self, key: impl ToArg) -> Result<T> {
        self.query(&named!("GET").arg(key))
    }

    /// `SET`: gives a key a value. The server forgets when the key was to vanish; [`Expiry::Keep`] keeps that.
    fn set(&self, key: impl ToArg, value: impl ToArg) -> Result<()> {
        self.query(&named!("SET").arg(key).arg(value))
    }

    /// `SET` with options. False: a condition was not met, and nothing was set. With
    /// `GET` among them use [`set_get`](Self::set_get).
    ///
    /// ```no_run
    /// use hitless::{Commands, Expiry, SetOptions};
    /// use std::time::Duration;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let mine = SetOptions::new().if_absent().expiry(Expiry::In(Duration::from_secs(30)));
    /// let is_mine: bool = client.set_options("lock", "my token", &mine)?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn set_options(
        &self,
        key: impl ToArg,
        value: impl ToArg,
        options: &SetOptions,
    ) -> Result<bool> {
        self.query(&named!("SET").arg(key).arg(value).args(options))
    }

    /// `SET ... GET`: gives a key a value and yields the one before.
    fn set_get<T: FromValue>(
        &self,
        key: impl ToArg,
        value: impl ToArg,
        options: &SetOptions,
    ) -> Result<T> {
        self.query(&named!("SET").arg(key).arg(value).args(options).arg("GET"))
    }

    /// `MGET`: the values of many keys, in their order.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// client.mset([("one", 1), ("two", 2)])?;
    /// let numbers: Vec<Option<i64>> = client.mget(["one", "two", "three"])?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn mget<T: FromValue>(&self, keys: impl ToArgs) -> Result<T> {
        self.query(&named!("MGET").args(keys))
    }

    /// `MSET`: gives many keys their values, all at once.
    fn mset(&self, pairs: impl ToArgs) -> Result<()> {
        self.query(&named!("MSET").args(pairs))
    }

    /// `DEL`: removes keys; yields how many existed.
    fn del(&self, keys: impl ToArgs) -> Result<u64> {
        self.query(&named!("DEL").args(keys))
    }

    /// `EXISTS`: how many of the keys exist.
    fn exists(&self, keys: impl ToArgs) -> Result<u64> {
        self.query(&named!("EXISTS").args(keys))
    }

    /// `PEXPIRE`: lets a key vanish after a time, in steps of 1 ms. False: there is no such key. Less than
    /// 1 ms is sent as zero, with which the server removes the key at once.
    fn expire(&self, key: impl ToArg, after: Duration) -> Result<bool> {
        // Not EXPIRE, whose seconds would round a short time to nothing.
        self.query(&named!("PEXPIRE").arg(key).arg(after.as_millis()))
    }

    /// `INCR`: adds 1 to a number; yields the sum. A key that is not there counts as 0.
    ///
    /// ```no_run
    /// use hitless::{Commands, Delivery};
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// match client.incr("visits") {
    ///     Ok(visits) => println!("{visits}"),
    ///     // It may have been counted: whoever sends it again may count it twice.
    ///     Err(error) if error.delivery() == Delivery::Unknown => {}
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn incr(&self, key: impl ToArg) -> Result<i64> {
        self.query(&named!("INCR").arg(key))
    }

    /// `INCRBY`: adds to a number; yields the sum.
    fn incr_by(&self, key: impl ToArg, amount: i64) -> Result<i64> {
        self.query(&named!("INCRBY").arg(key).arg(amount))
    }

    /// `DECR`: takes 1 from a number; yields the difference.
    fn decr(&self, key: impl ToArg) -> Result<i64> {
        self.query(&named!("DECR").arg(key))
    }

    /// `HSET`: sets one field of a hash. True: it is new.
    ///
    /// ```no_run
    /// use hitless::Commands;
    /// use std::collections::HashMap;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// client.hset("user:7", "name", "Ada")?;
    /// client.hset_multiple("user:7", [("language", "en"), ("city", "London")])?;
    /// let user: HashMap<String, String> = client.hgetall("user:7")?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn hset(&self, key: impl ToArg, field: impl ToArg, value: impl ToArg) -> Result<bool> {
        self.query(&named!("HSET").arg(key).arg(field).arg(value))
    }

    /// `HSET`: sets many fields of a hash; yields how many are new.
    fn hset_multiple(&self, key: impl ToArg, fields: impl ToArgs) -> Result<u64> {
        self.query(&named!("HSET").arg(key).args(fields))
    }

    /// `HGET`: one field of a hash.
    fn hget<T: FromValue>(&self, key: impl ToArg, field: impl ToArg) -> Result<T> {
        self.query(&named!("HGET").arg(key).arg(field))
    }

    /// `HGETALL`: all fields of a hash; none if there is no such key.
    fn hgetall<K, V>(&self, key: impl ToArg) -> Result<HashMap<K, V>>
    where
        K: FromValue + Eq + Hash,
        V: FromValue,
    {
        self.query(&named!("HGETALL").arg(key))
    }

    /// `HDEL`: removes fields of a hash; yields how many existed.
    fn hdel(&self, key: impl ToArg, fields: impl ToArgs) -> Result<u64> {
        self.query(&named!("HDEL").arg(key).args(fields))
    }

    /// `LPUSH`: puts elements at the head of a list; yields its length.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// client.lpush("jobs", ["one", "two"])?;
    /// let jobs: Vec<String> = client.lrange("jobs", 0, -1)?; // two, one
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn lpush(&self, key: impl ToArg, elements: impl ToArgs) -> Result<u64> {
        self.query(&named!("LPUSH").arg(key).args(elements))
    }

    /// `RPUSH`: puts elements at the tail of a list; yields its length.
    fn rpush(&self, key: impl ToArg, elements: impl ToArgs) -> Result<u64> {
        self.query(&named!("RPUSH").arg(key).args(elements))
    }

    /// `LPOP`: takes the element at the head of a list.
    fn lpop<T: FromValue>(&self, key: impl ToArg) -> Result<Option<T>> {
        self.query(&named!("LPOP").arg(key))
    }

    /// `LRANGE`: the elements from `start` to `stop`, both included; negative ones count from the end.
    fn lrange<T: FromValue>(&self, key: impl ToArg, start: i64, stop: i64) -> Result<T> {
        self.query(&named!("LRANGE").arg(key).arg(start).arg(stop))
    }

    /// `LLEN`: the length of a list.
    fn llen(&self, key: impl ToArg) -> Result<u64> {
        self.query(&named!("LLEN").arg(key))
    }

    /// `BLPOP`: takes the element at the head of a list, waiting for one up to `wait` (zero: for
    /// ever). Yields the key and the element; `None` when the wait was over. Keys that may be any bytes
    /// are `Vec<u8>`; one that does not matter is `()`.
    ///
    /// An element that does not become `T` has been taken all the same:
    /// [`Error::reply`](crate::Error::reply) has it.
    ///
    /// Uses a connection alone while it waits. The command may take `wait` and
    /// [`Options::command_timeout`](crate::Options::command_timeout) on top of it.
    ///
    /// ```no_run
    /// use hitless::Commands;
    /// use std::time::Duration;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let next: Option<((), String)> = client.blpop(["urgent", "jobs"], Duration::from_secs(5))?;
    /// if let Some(((), job)) = next {
    ///     println!("{job}");
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn blpop<K: FromValue, T: FromValue>(
        &self,
        keys: impl ToArgs,
        wait: Duration,
    ) -> Result<Option<(K, T)>> {
        // In seconds with a fraction, which servers take from 6.0 on.
        self.query(named!("BLPOP").args(keys).add_arg(wait.as_secs_f64()))
    }

    /// `EVAL`: runs a script with keys and arguments.
    ///
    /// An error of a script never says that nothing ran: the script may have written something before it
    /// failed.
    ///
    /// ```no_run
    /// use hitless::Commands;
    ///
    /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
    /// let script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    /// let sum: i64 = client.eval(script, ["counter"], [5])?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    fn eval<T: FromValue>(
        &self,
        script: &str,
        keys: impl ToArgs,
        arguments: impl ToArgs,
    ) -> Result<T> {
        let mut eval = named!("EVAL").arg(script);
        self.query(eval.add_counted(keys).add_args(arguments))
    }
}

/// Nobody else implements [`Commands`], so that it can grow.
impl<E: Executor + ?Sized> Commands for E {}

/// The optional arguments of `SET`.
///
/// ```
/// use hitless::{Expiry, SetOptions};
/// use std::time::Duration;
///
/// let only_if_absent = SetOptions::new().if_absent().expiry(Expiry::In(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SetOptions {
    condition: Option<Condition>,
    expiry: Option<Expiry>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Condition {
    Absent,
    Present,
}

/// When a key vanishes.
///
/// ```no_run
/// use hitless::{Client, Commands, Expiry, SetOptions};
/// use std::time::Duration;
///
/// let client = Client::connect("redis://127.0.0.1:6379")?;
/// let session = SetOptions::new().expiry(Expiry::In(Duration::from_secs(1800)));
/// client.set_options("session:7", "anna", &session)?;
/// // A new value, and the half hour goes on from where it was.
/// client.set_options("session:7", "berta", &SetOptions::new().expiry(Expiry::Keep))?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// At a moment, in milliseconds since 1970 (`PXAT`).
    At(u64),
    /// After a time, in steps of 1 ms; zero is an error of the server (`PX`).
    In(Duration),
    /// When the value before would have (`KEEPTTL`).
    Keep,
}

impl SetOptions {
    /// No option: as a plain `SET`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets only if there is no such key (`NX`). The last of this and
    /// [`if_present`](Self::if_present) counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.condition = Some(Condition::Absent);
        self
    }

    /// Sets only if there is such a key (`XX`).
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.condition = Some(Condition::Present);
        self
    }

    /// When the key vanishes. Defaults to never.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }
}

impl ToArgs for SetOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // The order is free: servers read the options of SET in any.
        match self.condition {
            Some(Condition::Absent) => out.write(b"NX"),
            Some(Condition::Present) => out.write(b"XX"),
            None => {}
        }
        match self.expiry {
            // `PXAT` came with 6.2, `KEEPTTL` with 6.0: an older server answers with a syntax error.
            Some(Expiry::At(millis)) => ("PXAT", millis).write_args(out),
            Some(Expiry::In(after)) => ("PX", after.as_millis()).write_args(out),
            Some(Expiry::Keep) => out.write(b"KEEPTTL"),
            None => {}
        }
    }
}
