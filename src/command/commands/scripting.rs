//! Commands of scripts that come with each call, or by their hash. [`Script`](crate::Script) chooses between
//! the two.

/// The commands of scripts, for a form.
macro_rules! scripting {
    ($form:ident) => {
        $form! {
            /// `EVAL`: runs a script with keys and arguments. [`Script`](crate::Script) sends one that runs often
            /// by its hash.
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
            fn eval<T>(script: &str, keys: impl ToArgs, arguments: impl ToArgs) -> T {
                "EVAL" => script, Counted(keys), arguments
            }

            /// `EVAL_RO`: runs a script that may not write. From 7.0 on.
            fn eval_ro<T>(script: &str, keys: impl ToArgs, arguments: impl ToArgs) -> T {
                "EVAL_RO" => script, Counted(keys), arguments
            }

            /// `EVALSHA`: runs a script that the server has, by the SHA-1 of its source in hexadecimal digits. A
            /// server that does not have it refuses with the code `NOSCRIPT`, also in the middle of a transaction:
            /// [`Script`](crate::Script) sends the source then.
            fn evalsha<T>(hash: &str, keys: impl ToArgs, arguments: impl ToArgs) -> T {
                "EVALSHA" => hash, Counted(keys), arguments
            }

            /// `EVALSHA_RO`: as [`evalsha`](Commands::evalsha), of a script that may not write. From 7.0 on.
            fn evalsha_ro<T>(hash: &str, keys: impl ToArgs, arguments: impl ToArgs) -> T {
                "EVALSHA_RO" => hash, Counted(keys), arguments
            }

            /// `SCRIPT LOAD`: gives the server a script without running it; yields its hash.
            ///
            /// ```no_run
            /// use hitless::Commands;
            ///
            /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
            /// let hash = client.script_load("return ARGV[1]")?;
            /// let echo: String = client.evalsha(&hash, (), "hello")?;
            /// assert_eq!(client.script_exists([&hash])?, [true]);
            /// # Ok::<(), hitless::Error>(())
            /// ```
            fn script_load(script: impl ToArg) -> String { "SCRIPT LOAD" => script }

            /// `SCRIPT EXISTS`: whether the server has each of the scripts, by their hashes.
            fn script_exists(hashes: impl ToArgs) -> Vec<bool> { "SCRIPT EXISTS" => hashes }

            /// `SCRIPT SHOW`: the source of a script, by its hash. Valkey 8.
            fn script_show<T>(hash: &str) -> T { "SCRIPT SHOW" => hash }

            /// `SCRIPT FLUSH`: makes the server forget all scripts.
            fn script_flush() -> () { "SCRIPT FLUSH" }

            /// `SCRIPT FLUSH`: as [`script_flush`](Commands::script_flush), at once or in the background. From 6.2
            /// on.
            fn script_flush_mode(mode: FlushMode) -> () { "SCRIPT FLUSH" => mode }

            /// `SCRIPT KILL`: ends the script that runs, unless it has written something. Where none runs, the
            /// server refuses with the code `NOTBUSY`.
            fn script_kill() -> () { "SCRIPT KILL" }
        }
    };
}
pub(in crate::command) use scripting;
