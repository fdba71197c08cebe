//! A script of the user with the hash by which servers know it. Keeps no record of which server has it: the
//! server is asked, and its answer decides.

use super::arg::Encoded;
use super::convert::Reply;
use super::named::{Named, named};
use super::{Cmd, Executor, FromValue, ToArgs};
use crate::error::Result;
use std::fmt;

/// A script that runs on the server, sent by its hash wherever the server has it.
///
/// A call sends `EVALSHA`. A server that does not have the script (one that took over, or after `SCRIPT
/// FLUSH`) answers `NOSCRIPT`, having run nothing, and the call sends the whole script with `EVAL`, from which
/// that server has it. Each of the two has the whole
/// [`Options::command_timeout`](crate::Options::command_timeout).
///
/// ```no_run
/// use hitless::{Client, Script};
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let limit = Script::new(
///     "local used = redis.call('INCR', KEYS[1])
///      if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
///      return used <= tonumber(ARGV[2])",
/// );
/// // Keys and arguments are of any types; one or many at a time.
/// let may_pass: bool = limit.key("calls:anna").arg(60_000).arg(100).invoke(&client)?;
/// let may_pass: bool = limit.key("calls:anna").arg((60_000, 100)).invoke(&client)?;
///
/// let time: Vec<u64> = Script::new("return redis.call('TIME')").invoke(&client)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone)]
pub struct Script {
    code: String,
    hash: String,
    read_only: bool,
}

/// A [`Script`] with its keys and arguments.
#[derive(Clone, Debug)]
#[must_use = "it is sent by `invoke`, or added to a pipeline by `Pipeline::invoke_script`"]
pub struct ScriptInvocation<'a> {
    script: &'a Script,
    keys: Encoded,
    arguments: Encoded,
}

impl Script {
    /// A script of this source. Sends nothing.
    pub fn new(code: impl Into<String>) -> Self {
        let code = code.into();
        // Of the very bytes: with one space more it is another script to the server.
        let hash = sha1_smol::Sha1::from(&code).digest().to_string();
        Self {
            code,
            hash,
            read_only: false,
        }
    }

    /// Sends it with `EVALSHA_RO` and `EVAL_RO`: the server refuses every write in it, and a replica runs it
    /// too. From 7.0 on.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The SHA-1 of the source as 40 hexadecimal digits in lower case: what `EVALSHA` and `SCRIPT EXISTS`
    /// take.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The source.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Gives the server the script without running it. No call needs this before it.
    ///
    /// # Errors
    ///
    /// As [`Commands::script_load`](crate::Commands::script_load).
    pub fn load(&self, client: &(impl Executor + ?Sized)) -> Result<()> {
        // The hash in the reply is the one that is here already.
        Cmd::named(named!("SCRIPT LOAD"))
            .with(|out| self.code.write_args(out))
            .exec(client)
    }

    /// A call with these keys: none, one or many.
    pub fn key(&self, keys: impl ToArgs) -> ScriptInvocation<'_> {
        self.prepare_invoke().key(keys)
    }

    /// A call without keys and with these arguments: none, one or many.
    pub fn arg(&self, arguments: impl ToArgs) -> ScriptInvocation<'_> {
        self.prepare_invoke().arg(arguments)
    }

    /// A call that has neither keys nor arguments yet.
    pub fn prepare_invoke(&self) -> ScriptInvocation<'_> {
        ScriptInvocation {
            script: self,
            keys: Encoded::default(),
            arguments: Encoded::default(),
        }
    }

    /// Runs it without keys and arguments.
    ///
    /// # Errors
    ///
    /// As [`ScriptInvocation::invoke`].
    pub fn invoke<T: FromValue>(&self, client: &(impl Executor + ?Sized)) -> Result<T> {
        self.prepare_invoke().invoke(client)
    }
}

impl ScriptInvocation<'_> {
    /// Adds keys: none, one or many. The script has them as `KEYS`.
    pub fn key(mut self, keys: impl ToArgs) -> Self {
        self.keys.add(keys);
        self
    }

    /// Adds arguments: none, one or many. The script has them as `ARGV`.
    pub fn arg(mut self, arguments: impl ToArgs) -> Self {
        self.arguments.add(arguments);
        self
    }

    /// Runs the script and yields its reply as a value of this type. Blocks until the reply or the timeout.
    ///
    /// A script must not make an error of its own that begins with `NOSCRIPT`: it would run a second time.
    ///
    /// # Errors
    ///
    /// As [`Client::execute`](crate::Client::execute). An error of a script never says that nothing ran: it may
    /// have written something before it failed.
    pub fn invoke<T: FromValue>(&self, client: &(impl Executor + ?Sized)) -> Result<T> {
        let by_hash = self.by_hash();
        match client.execute(&by_hash) {
            // The server looks for the script before it runs anything, so that this is no second run. Its words
            // differ: only the code is the same on all.
            Err(error) if error.code() == Some("NOSCRIPT") => self.whole().query(client),
            result => T::from_reply(Reply::new(result, &by_hash)),
        }
    }

    fn by_hash(&self) -> Cmd {
        let name = if self.script.read_only {
            named!("EVALSHA_RO")
        } else {
            named!("EVALSHA")
        };
        self.command(name, &self.script.hash)
    }

    /// The call with the source of the script, for a server that may not have it.
    pub(super) fn whole(&self) -> Cmd {
        let name = if self.script.read_only {
            named!("EVAL_RO")
        } else {
            named!("EVAL")
        };
        self.command(name, &self.script.code)
    }

    fn command(&self, name: &Named, script: &str) -> Cmd {
        Cmd::named(name).with(|out| {
            // The number tells the server where the keys end.
            (script, self.keys.count()).write_args(out);
            self.keys.write_args(out);
            self.arguments.write_args(out);
        })
    }
}

impl fmt::Debug for Script {
    /// The hash, and not the source, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_its_keys_behind_their_number() {
        let script = Script::new("return 1");
        assert_eq!(script.hash(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        let call = script.key("a").key(["b", "c"]).arg((1, "x")).arg(b"\xff");
        let words = |command: &Cmd| -> Vec<Vec<u8>> {
            let all = (0..command.count).filter_map(|at| command.nth(at));
            all.map(<[u8]>::to_vec).collect()
        };
        let rest: [&[u8]; 7] = [b"3", b"a", b"b", b"c", b"1", b"x", b"\xff"];
        let whole = words(&call.whole());
        assert_eq!(whole[..2], [b"EVAL".to_vec(), b"return 1".to_vec()]);
        assert_eq!(whole[2..], rest);
        let by_hash = words(&call.by_hash());
        assert_eq!(by_hash[..2], [b"EVALSHA".to_vec(), script.hash().into()]);
        assert_eq!(by_hash[2..], rest);
        let read_only = script.clone().read_only();
        assert_eq!(words(&read_only.prepare_invoke().whole())[0], b"EVAL_RO");
        assert_eq!(
            words(&read_only.prepare_invoke().by_hash())[0],
            b"EVALSHA_RO"
        );
        assert!(!format!("{script:?}{call:?}").contains("return"));
    }
}
