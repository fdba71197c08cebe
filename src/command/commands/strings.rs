//! Commands of strings, and the counters among them.

/// The commands of strings, for a form.
macro_rules! strings {
    ($form:ident) => { $form! {
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
        fn get<T>(key: impl ToArg) -> T { "GET" => key }

        /// `SET`: gives a key a value. The server forgets when the key was to vanish:
        /// [`SetOptions::keep_ttl`] keeps that.
        fn set(key: impl ToArg, value: impl ToArg) -> () { "SET" => key, value }

        /// `SET` with options. False: a condition was not met, and nothing was set.
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
        fn set_options(key: impl ToArg, value: impl ToArg, options: &SetOptions) -> bool {
            "SET" => key, value, options
        }

        /// `SET ... GET`: gives a key a value and yields the one before; nil if there was none.
        fn set_get<T>(key: impl ToArg, value: impl ToArg, options: &SetOptions) -> T {
            "SET" => key, value, options, "GET"
        }

        /// `PSETEX`: gives a key a value and lets it vanish after a time, in steps of 1 ms. The server refuses
        /// less than 1 ms.
        fn set_ex(key: impl ToArg, value: impl ToArg, after: Duration) -> () {
            "PSETEX" => key, after.as_millis(), value
        }

        /// `SETNX`: gives a key a value unless it has one. False: it has.
        fn set_nx(key: impl ToArg, value: impl ToArg) -> bool { "SETNX" => key, value }

        /// `GETSET`: gives a key a value and yields the one before. Servers advise `SET ... GET` instead:
        /// [`set_get`](Commands::set_get).
        fn getset<T>(key: impl ToArg, value: impl ToArg) -> T { "GETSET" => key, value }

        /// `GETDEL`: the value of a key, which is removed.
        fn get_del<T>(key: impl ToArg) -> T { "GETDEL" => key }

        /// `GETEX`: the value of a key, and from now on another end of it.
        ///
        /// ```no_run
        /// use hitless::{Commands, Expiry};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let half_an_hour = Expiry::In(Duration::from_secs(1800));
        /// let session: Option<String> = client.get_ex("session:7", half_an_hour)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn get_ex<T>(key: impl ToArg, expiry: Expiry) -> T { "GETEX" => key, expiry }

        /// `GETEX ... PERSIST`: the value of a key, which no longer vanishes by itself.
        fn get_persist<T>(key: impl ToArg) -> T { "GETEX" => key, "PERSIST" }

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
        fn mget<T>(keys: impl ToArgs) -> T { "MGET" => keys }

        /// `MSET`: gives many keys their values, all at once.
        fn mset(pairs: impl ToArgs) -> () { "MSET" => pairs }

        /// `MSETNX`: gives many keys their values, unless one of them has one. False: one has, and nothing
        /// was set.
        fn mset_nx(pairs: impl ToArgs) -> bool { "MSETNX" => pairs }

        /// `MSETEX`: gives many keys their values, with options. False: a condition was not met, and nothing
        /// was set. Valkey 9.1, Redis 8.4.
        fn mset_ex(pairs: &[(impl ToArg, impl ToArg)], options: &SetOptions) -> bool {
            "MSETEX" => pairs.len(), pairs, options
        }

        /// `APPEND`: adds to the end of a value; yields the length of the whole in bytes.
        fn append(key: impl ToArg, value: impl ToArg) -> u64 { "APPEND" => key, value }

        /// `STRLEN`: how many bytes a value has; 0 if there is no such key.
        fn strlen(key: impl ToArg) -> u64 { "STRLEN" => key }

        /// `GETRANGE`: the bytes of a value from `start` to `end`, both included; negative ones count from its
        /// end.
        fn getrange<T>(key: impl ToArg, start: i64, end: i64) -> T { "GETRANGE" => key, start, end }

        /// `SETRANGE`: overwrites a part of a value from an offset on, in bytes; yields its length then. Where
        /// the value was shorter, zeros fill the gap.
        fn setrange(key: impl ToArg, offset: u64, value: impl ToArg) -> u64 {
            "SETRANGE" => key, offset, value
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
        fn incr(key: impl ToArg) -> i64 { "INCR" => key }

        /// `INCRBY`: adds to a number; yields the sum.
        fn incr_by(key: impl ToArg, amount: i64) -> i64 { "INCRBY" => key, amount }

        /// `INCRBYFLOAT`: adds to a number with a fraction; yields the sum. Servers compute with 17 digits
        /// behind the point.
        fn incr_by_float(key: impl ToArg, amount: f64) -> f64 { "INCRBYFLOAT" => key, amount }

        /// `DECR`: takes 1 from a number; yields the difference.
        fn decr(key: impl ToArg) -> i64 { "DECR" => key }

        /// `DECRBY`: takes from a number; yields the difference.
        fn decr_by(key: impl ToArg, amount: i64) -> i64 { "DECRBY" => key, amount }

        /// `DELIFEQ`: removes a key if it has this value. False: it has another, or there is no such key.
        /// Valkey 9.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// // Releases a lock, unless it is somebody else's by now.
        /// let was_mine: bool = client.del_if_eq("lock", "my token")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn del_if_eq(key: impl ToArg, value: impl ToArg) -> bool { "DELIFEQ" => key, value }

        /// `LCS`: the longest common subsequence of two values.
        fn lcs<T>(one: impl ToArg, other: impl ToArg) -> T { "LCS" => one, other }

        /// `LCS ... LEN`: how many bytes the longest common subsequence of two values has.
        fn lcs_len(one: impl ToArg, other: impl ToArg) -> u64 { "LCS" => one, other, "LEN" }

        /// `LCS ... IDX`: where the common parts of two values are, the last ones first. Parts shorter than
        /// `min_length` bytes are left out; 0 keeps all.
        fn lcs_matches(one: impl ToArg, other: impl ToArg, min_length: u64) -> LcsMatches {
            "LCS" => one, other, "IDX", "MINMATCHLEN", min_length, "WITHMATCHLEN"
        }
    }};
}
pub(in crate::command) use strings;
