//! Commands of scripts and functions.

/// The commands of scripts and functions, for a form.
macro_rules! scripting {
    ($form:ident) => {
        $form! {
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
            fn eval<T>(script: &str, keys: impl ToArgs, arguments: impl ToArgs) -> T {
                "EVAL" => script, Counted(keys), arguments
            }
        }
    };
}
pub(in crate::command) use scripting;
