//! Commands of lists that wait on the server. Pipelines do not have them.

/// The commands of lists that block, for a form.
macro_rules! blocking_lists {
    ($form:ident) => { $form! {
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
        fn blpop<K, T>(keys: impl ToArgs, wait: Duration) -> Option<(K, T)> {
            // In seconds with a fraction, which servers take from 6.0 on.
            "BLPOP" => keys, seconds_up(wait)
        }

        /// `BRPOP`: as [`blpop`](Commands::blpop), at the tail.
        fn brpop<K, T>(keys: impl ToArgs, wait: Duration) -> Option<(K, T)> {
            "BRPOP" => keys, seconds_up(wait)
        }

        /// `BLMPOP`: as [`blpop`](Commands::blpop), up to `count` elements at one end. From 7.0 on.
        fn blmpop<K, T>(keys: impl ToArgs, from: Direction, count: u64, wait: Duration) -> Option<(K, T)> {
            "BLMPOP" => seconds_up(wait), Counted(keys), from, "COUNT", count
        }

        /// `BLMOVE`: as [`lmove`](Commands::lmove), and waits for an element as [`blpop`](Commands::blpop) does.
        /// From 6.2 on.
        fn blmove<T>(
            source: impl ToArg,
            destination: impl ToArg,
            from: Direction,
            to: Direction,
            wait: Duration,
        ) -> Option<T> {
            "BLMOVE" => source, destination, from, to, seconds_up(wait)
        }

        /// `BRPOPLPUSH`: as [`rpoplpush`](Commands::rpoplpush), and waits for an element as [`blpop`](Commands::blpop)
        /// does. Servers advise [`blmove`](Commands::blmove) instead.
        fn brpoplpush<T>(source: impl ToArg, destination: impl ToArg, wait: Duration) -> Option<T> {
            "BRPOPLPUSH" => source, destination, seconds_up(wait)
        }
    }};
}
pub(super) use blocking_lists;
