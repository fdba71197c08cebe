//! Commands of sorted sets that wait on the server. Pipelines do not have them.

/// The commands of sorted sets that block, for a form.
macro_rules! blocking_sorted_sets {
    ($form:ident) => { $form! {
        /// `BZPOPMIN`: takes the member with the smallest score from the first key that has one, waiting for it up
        /// to `wait` (zero: for ever). Yields the key, the member and its score; `None` when the wait was over.
        ///
        /// A member that does not become `T` has been taken all the same:
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
        /// let next: Option<((), String, f64)> = client.bzpopmin(["urgent", "due"], Duration::from_secs(5))?;
        /// if let Some(((), job, due)) = next {
        ///     println!("{job} was due at {due}");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn bzpopmin<K, T>(keys: impl ToArgs, wait: Duration) -> Option<(K, T, f64)> {
            "BZPOPMIN" => keys, seconds_up(wait)
        }

        /// `BZPOPMAX`: as [`bzpopmin`](Commands::bzpopmin), the member with the greatest score.
        fn bzpopmax<K, T>(keys: impl ToArgs, wait: Duration) -> Option<(K, T, f64)> {
            "BZPOPMAX" => keys, seconds_up(wait)
        }

        /// `BZMPOP ... MIN`: takes up to `count` members with the smallest scores from the first key that has some,
        /// waiting as [`bzpopmin`](Commands::bzpopmin) does. Yields the key and them; `None` when the wait was over.
        fn bzmpop_min<K, T>(keys: impl ToArgs, count: u64, wait: Duration) -> Option<(K, Vec<(T, f64)>)> {
            "BZMPOP" => seconds_up(wait), Counted(keys), "MIN", "COUNT", count
        }

        /// `BZMPOP ... MAX`: as [`bzmpop_min`](Commands::bzmpop_min), those with the greatest scores.
        fn bzmpop_max<K, T>(keys: impl ToArgs, count: u64, wait: Duration) -> Option<(K, Vec<(T, f64)>)> {
            "BZMPOP" => seconds_up(wait), Counted(keys), "MAX", "COUNT", count
        }
    }};
}
pub(super) use blocking_sorted_sets;
