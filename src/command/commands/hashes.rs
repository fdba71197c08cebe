//! Commands of hashes.

/// The commands of hashes, for a form.
macro_rules! hashes {
    ($form:ident) => { $form! {
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
        fn hset(key: impl ToArg, field: impl ToArg, value: impl ToArg) -> bool {
            "HSET" => key, field, value
        }

        /// `HSET`: sets many fields of a hash; yields how many are new.
        fn hset_multiple(key: impl ToArg, fields: impl ToArgs) -> u64 { "HSET" => key, fields }

        /// `HSETNX`: sets one field of a hash unless it is there. False: it is.
        fn hset_nx(key: impl ToArg, field: impl ToArg, value: impl ToArg) -> bool {
            "HSETNX" => key, field, value
        }

        /// `HSETEX`: sets fields of a hash, and when they vanish. False: a condition was not met, and nothing was
        /// set. Redis 8.0, Valkey 9.
        ///
        /// ```no_run
        /// use hitless::{Commands, Expiry, HSetOptions, Ttl};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let half_an_hour = HSetOptions::new().expiry(Expiry::In(Duration::from_secs(1800)));
        /// client.hset_ex("user:7", &[("token", "secret"), ("device", "phone")], &half_an_hour)?;
        /// let left: Vec<Ttl> = client.httl("user:7", ["token", "name"])?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn hset_ex(key: impl ToArg, fields: &[(impl ToArg, impl ToArg)], options: &HSetOptions) -> bool {
            "HSETEX" => key, options, "FIELDS", fields.len(), fields
        }

        /// `HGET`: one field of a hash.
        fn hget<T>(key: impl ToArg, field: impl ToArg) -> T { "HGET" => key, field }

        /// `HMGET`: many fields of a hash, in their order; nil for each that is not there.
        fn hmget<T>(key: impl ToArg, fields: impl ToArgs) -> T { "HMGET" => key, fields }

        /// `HGETALL`: all fields of a hash, as a map or a list of pairs; none if there is no such key.
        fn hgetall<T>(key: impl ToArg) -> T { "HGETALL" => key }

        /// `HGETEX`: fields of a hash in their order, and from now on another end of them; nil for each that is
        /// not there. Redis 8.0, Valkey 9.
        fn hget_ex<T>(key: impl ToArg, fields: impl ToArgs, expiry: Expiry) -> T {
            "HGETEX" => key, expiry, "FIELDS", Counted(fields)
        }

        /// `HGETEX ... PERSIST`: fields of a hash in their order, which no longer vanish by themselves; nil for
        /// each that is not there. Redis 8.0, Valkey 9.
        fn hget_persist<T>(key: impl ToArg, fields: impl ToArgs) -> T {
            "HGETEX" => key, "PERSIST", "FIELDS", Counted(fields)
        }

        /// `HGETDEL`: fields of a hash in their order, which are removed; nil for each that is not there.
        /// Redis 8.0, Valkey 9.1.
        fn hget_del<T>(key: impl ToArg, fields: impl ToArgs) -> T {
            "HGETDEL" => key, "FIELDS", Counted(fields)
        }

        /// `HDEL`: removes fields of a hash; yields how many existed.
        fn hdel(key: impl ToArg, fields: impl ToArgs) -> u64 { "HDEL" => key, fields }

        /// `HEXISTS`: whether a hash has a field.
        fn hexists(key: impl ToArg, field: impl ToArg) -> bool { "HEXISTS" => key, field }

        /// `HLEN`: how many fields a hash has; 0 if there is no such key.
        fn hlen(key: impl ToArg) -> u64 { "HLEN" => key }

        /// `HSTRLEN`: how many bytes the value of a field has; 0 if there is none.
        fn hstrlen(key: impl ToArg, field: impl ToArg) -> u64 { "HSTRLEN" => key, field }

        /// `HKEYS`: the names of all fields of a hash.
        fn hkeys<T>(key: impl ToArg) -> T { "HKEYS" => key }

        /// `HVALS`: the values of all fields of a hash.
        fn hvals<T>(key: impl ToArg) -> T { "HVALS" => key }

        /// `HINCRBY`: adds to a number in a field; yields the sum. A field that is not there counts as 0.
        fn hincr_by(key: impl ToArg, field: impl ToArg, amount: i64) -> i64 {
            "HINCRBY" => key, field, amount
        }

        /// `HINCRBYFLOAT`: adds to a number with a fraction in a field; yields the sum.
        fn hincr_by_float(key: impl ToArg, field: impl ToArg, amount: f64) -> f64 {
            "HINCRBYFLOAT" => key, field, amount
        }

        /// `HRANDFIELD`: the name of any field of a hash; nil if there is no such key. From 6.2 on.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.hset_multiple("stock", [("tea", 12), ("rice", 3)])?;
        /// client.hincr_by("stock", "tea", -1)?;
        /// let any: Option<String> = client.hrandfield("stock")?;
        /// let three: Vec<(String, i64)> = client.hrandfield_withvalues("stock", 3)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn hrandfield<T>(key: impl ToArg) -> T { "HRANDFIELD" => key }

        /// `HRANDFIELD` with a count: the names of so many fields, or of all if there are fewer. A negative count
        /// is met in any case, with fields that may come more than once. From 6.2 on.
        fn hrandfield_multiple<T>(key: impl ToArg, count: i64) -> T { "HRANDFIELD" => key, count }

        /// `HRANDFIELD ... WITHVALUES`: as [`hrandfield_multiple`](Commands::hrandfield_multiple), with the values, as
        /// a map or a list of pairs. From 6.2 on.
        fn hrandfield_withvalues<T>(key: impl ToArg, count: i64) -> T {
            "HRANDFIELD" => key, count, "WITHVALUES"
        }

        /// `HPEXPIRE`: lets fields of a hash vanish after a time, in steps of 1 ms; yields what became of each.
        /// Less than 1 ms is sent as zero, with which the server removes them at once. Redis 7.4, Valkey 9.
        ///
        /// ```no_run
        /// use hitless::{Commands, ExpireIf, FieldExpire};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let hour = Duration::from_secs(3600);
        /// let became = client.hexpire_if("user:7", hour, ["token", "code"], ExpireIf::Later)?;
        /// if became.contains(&FieldExpire::Absent) {
        ///     println!("one of them is gone");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn hexpire(key: impl ToArg, after: Duration, fields: impl ToArgs) -> Vec<FieldExpire> {
            "HPEXPIRE" => key, after.as_millis(), "FIELDS", Counted(fields)
        }

        /// `HPEXPIRE` with a condition, which each field meets or does not. Redis 7.4, Valkey 9.
        fn hexpire_if(
            key: impl ToArg,
            after: Duration,
            fields: impl ToArgs,
            condition: ExpireIf,
        ) -> Vec<FieldExpire> {
            "HPEXPIRE" => key, after.as_millis(), condition, "FIELDS", Counted(fields)
        }

        /// `HPEXPIREAT`: lets fields of a hash vanish at a moment, in steps of 1 ms; yields what became of each.
        /// With a moment in the past the server removes them at once. Redis 7.4, Valkey 9.
        fn hexpire_at(key: impl ToArg, at: SystemTime, fields: impl ToArgs) -> Vec<FieldExpire> {
            "HPEXPIREAT" => key, unix_millis(at), "FIELDS", Counted(fields)
        }

        /// `HPEXPIREAT` with a condition, which each field meets or does not. Redis 7.4, Valkey 9.
        fn hexpire_at_if(
            key: impl ToArg,
            at: SystemTime,
            fields: impl ToArgs,
            condition: ExpireIf,
        ) -> Vec<FieldExpire> {
            "HPEXPIREAT" => key, unix_millis(at), condition, "FIELDS", Counted(fields)
        }

        /// `HPTTL`: for how long each of these fields still is there, to 1 ms. Redis 7.4, Valkey 9.
        fn httl(key: impl ToArg, fields: impl ToArgs) -> Vec<Ttl> {
            "HPTTL" => key, "FIELDS", Counted(fields)
        }

        /// `HPEXPIRETIME`: when each of these fields vanishes, to 1 ms. Redis 7.4, Valkey 9.
        fn hexpire_time(key: impl ToArg, fields: impl ToArgs) -> Vec<ExpireTime> {
            "HPEXPIRETIME" => key, "FIELDS", Counted(fields)
        }

        /// `HPERSIST`: fields of a hash no longer vanish by themselves; yields what became of each. Redis 7.4,
        /// Valkey 9.
        fn hpersist(key: impl ToArg, fields: impl ToArgs) -> Vec<FieldPersist> {
            "HPERSIST" => key, "FIELDS", Counted(fields)
        }
    }};
}
pub(in crate::command) use hashes;
