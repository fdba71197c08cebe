//! Commands of lists that do not block.

/// The commands of lists, for a form.
macro_rules! lists {
    ($form:ident) => { $form! {
        /// `LPUSH`: puts elements at the head of a list, one after the other, so that the last one is the first then;
        /// yields its length.
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

        /// `LPUSHX`: as [`lpush`](Commands::lpush), if the list is there; yields its length, 0 if it is not.
        fn lpush_exists(key: impl ToArg, elements: impl ToArgs) -> u64 { "LPUSHX" => key, elements }

        /// `RPUSH`: puts elements at the tail of a list; yields its length.
        fn rpush(key: impl ToArg, elements: impl ToArgs) -> u64 { "RPUSH" => key, elements }

        /// `RPUSHX`: as [`rpush`](Commands::rpush), if the list is there; yields its length, 0 if it is not.
        fn rpush_exists(key: impl ToArg, elements: impl ToArgs) -> u64 { "RPUSHX" => key, elements }

        /// `LPOP`: takes the element at the head of a list.
        fn lpop<T>(key: impl ToArg) -> Option<T> { "LPOP" => key }

        /// `LPOP` with a count: takes up to so many elements at the head of a list, in their order. From 6.2 on.
        fn lpop_multiple<T>(key: impl ToArg, count: u64) -> T { "LPOP" => key, count }

        /// `RPOP`: takes the element at the tail of a list.
        fn rpop<T>(key: impl ToArg) -> Option<T> { "RPOP" => key }

        /// `RPOP` with a count: takes up to so many elements at the tail of a list, the last one first. From 6.2 on.
        fn rpop_multiple<T>(key: impl ToArg, count: u64) -> T { "RPOP" => key, count }

        /// `LMPOP`: takes up to `count` elements at one end of the first of these lists that has some. Yields its
        /// key and the elements; `None` if all are empty. From 7.0 on.
        ///
        /// ```no_run
        /// use hitless::{Commands, Direction};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let some: Option<(String, Vec<String>)> =
        ///     client.lmpop(["urgent", "jobs"], Direction::Left, 10)?;
        /// // At least once: whoever has done it removes it from the other list.
        /// let job: Option<String> =
        ///     client.lmove("jobs", "at work", Direction::Right, Direction::Left)?;
        /// if let Some(job) = job {
        ///     client.lrem("at work", 1, job)?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn lmpop<K, T>(keys: impl ToArgs, from: Direction, count: u64) -> Option<(K, T)> {
            "LMPOP" => Counted(keys), from, "COUNT", count
        }

        /// `LMOVE`: takes an element at one end of a list and puts it at one end of another, or of the same; `None`
        /// if there is none. From 6.2 on.
        fn lmove<T>(
            source: impl ToArg,
            destination: impl ToArg,
            from: Direction,
            to: Direction,
        ) -> Option<T> {
            "LMOVE" => source, destination, from, to
        }

        /// `RPOPLPUSH`: takes the element at the tail of a list and puts it at the head of another. Servers advise
        /// [`lmove`](Commands::lmove) instead.
        fn rpoplpush<T>(source: impl ToArg, destination: impl ToArg) -> Option<T> {
            "RPOPLPUSH" => source, destination
        }

        /// `LRANGE`: the elements from `start` to `stop`, both included; negative ones count from the end.
        fn lrange<T>(key: impl ToArg, start: i64, stop: i64) -> T { "LRANGE" => key, start, stop }

        /// `LINDEX`: the element at an index; a negative one counts from the end. Nil if there is none.
        fn lindex<T>(key: impl ToArg, index: i64) -> T { "LINDEX" => key, index }

        /// `LLEN`: the length of a list; 0 if there is no such key.
        fn llen(key: impl ToArg) -> u64 { "LLEN" => key }

        /// `LPOS`: the index of the first element of this value; `None` if there is none. From 6.0.6 on.
        ///
        /// ```no_run
        /// use hitless::{Commands, LposOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.rpush("letters", ["a", "b", "c", "b"])?;
        /// assert_eq!(client.lpos("letters", "b")?, Some(1));
        /// let last = LposOptions::new().rank(-1);
        /// assert_eq!(client.lpos_options("letters", "b", &last)?, Some(3));
        /// assert_eq!(client.lpos_multiple("letters", "b", 0, &LposOptions::new())?, [1, 3]);
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn lpos(key: impl ToArg, element: impl ToArg) -> Option<u64> { "LPOS" => key, element }

        /// `LPOS` with options. From 6.0.6 on.
        fn lpos_options(key: impl ToArg, element: impl ToArg, options: &LposOptions) -> Option<u64> {
            "LPOS" => key, element, options
        }

        /// `LPOS ... COUNT`: the indexes of up to `count` elements of this value; 0 is of all. From 6.0.6 on.
        fn lpos_multiple(
            key: impl ToArg,
            element: impl ToArg,
            count: u64,
            options: &LposOptions,
        ) -> Vec<u64> {
            "LPOS" => key, element, options, "COUNT", count
        }

        /// `LINSERT ... BEFORE`: puts an element in front of the first one of the value `pivot`; yields the length of
        /// the list, -1 if it has no such element, 0 if there is no such list.
        fn linsert_before(key: impl ToArg, pivot: impl ToArg, element: impl ToArg) -> i64 {
            "LINSERT" => key, "BEFORE", pivot, element
        }

        /// `LINSERT ... AFTER`: puts an element behind the first one of the value `pivot`; yields the length of the
        /// list, -1 if it has no such element, 0 if there is no such list.
        fn linsert_after(key: impl ToArg, pivot: impl ToArg, element: impl ToArg) -> i64 {
            "LINSERT" => key, "AFTER", pivot, element
        }

        /// `LSET`: replaces the element at an index; a negative one counts from the end. One that is not there is
        /// an error of the server.
        fn lset(key: impl ToArg, index: i64, element: impl ToArg) -> () { "LSET" => key, index, element }

        /// `LREM`: removes the first `count` elements of this value, if negative the last ones, with 0 all; yields
        /// how many there were.
        fn lrem(key: impl ToArg, count: i64, element: impl ToArg) -> u64 { "LREM" => key, count, element }

        /// `LTRIM`: removes all but the elements from `start` to `stop`, both included; negative ones count from the
        /// end.
        fn ltrim(key: impl ToArg, start: i64, stop: i64) -> () { "LTRIM" => key, start, stop }
    }};
}
pub(in crate::command) use lists;
