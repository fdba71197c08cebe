//! Commands of lists that do not block.

/// The commands of lists, for a form.
macro_rules! lists {
    ($form:ident) => { $form! {
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
        fn lpush(key: impl ToArg, elements: impl ToArgs) -> u64 { "LPUSH" => key, elements }

        /// `RPUSH`: puts elements at the tail of a list; yields its length.
        fn rpush(key: impl ToArg, elements: impl ToArgs) -> u64 { "RPUSH" => key, elements }

        /// `LPOP`: takes the element at the head of a list.
        fn lpop<T>(key: impl ToArg) -> Option<T> { "LPOP" => key }

        /// `LRANGE`: the elements from `start` to `stop`, both included; negative ones count from the end.
        fn lrange<T>(key: impl ToArg, start: i64, stop: i64) -> T { "LRANGE" => key, start, stop }

        /// `LLEN`: the length of a list.
        fn llen(key: impl ToArg) -> u64 { "LLEN" => key }
    }};
}
pub(in crate::command) use lists;
