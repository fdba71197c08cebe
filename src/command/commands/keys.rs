//! Commands of keys, whatever their values are.

/// The commands of keys, for a form.
macro_rules! keys {
    ($form:ident) => { $form! {
        /// `DEL`: removes keys; yields how many existed.
        fn del(keys: impl ToArgs) -> u64 { "DEL" => keys }

        /// `UNLINK`: removes keys, as `DEL` does, and frees the memory of large values behind other commands;
        /// yields how many existed.
        fn unlink(keys: impl ToArgs) -> u64 { "UNLINK" => keys }

        /// `EXISTS`: how many of the keys exist. A key that is named twice counts twice.
        fn exists(keys: impl ToArgs) -> u64 { "EXISTS" => keys }

        /// `TOUCH`: marks keys as used just now; yields how many exist.
        fn touch(keys: impl ToArgs) -> u64 { "TOUCH" => keys }

        /// `TYPE`: what a key holds.
        fn key_type(key: impl ToArg) -> KeyType { "TYPE" => key }

        /// `KEYS`: the keys that match a pattern, such as `user:*`. The server does nothing else until it has
        /// looked at every key that it has.
        fn keys<T>(pattern: impl ToArg) -> T { "KEYS" => pattern }

        /// `RANDOMKEY`: any key; `None` if there is none.
        fn random_key<T>() -> Option<T> { "RANDOMKEY" }

        /// `COPY`: copies a value to another key. False: there is no such key, or the other has a value already.
        ///
        /// ```no_run
        /// use hitless::{Commands, CopyOptions, KeyType};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let over_what_is_there = CopyOptions::new().replace();
        /// if client.copy_options("report", "report:old", &over_what_is_there)? {
        ///     client.rename("report:new", "report")?;
        /// }
        /// assert_eq!(client.key_type("report")?, KeyType::String);
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn copy(source: impl ToArg, destination: impl ToArg) -> bool { "COPY" => source, destination }

        /// `COPY` with options.
        fn copy_options(source: impl ToArg, destination: impl ToArg, options: &CopyOptions) -> bool {
            "COPY" => source, destination, options
        }

        /// `RENAME`: gives a key another name, over whatever has that name. A key that is not there is an error of
        /// the server.
        fn rename(key: impl ToArg, new_key: impl ToArg) -> () { "RENAME" => key, new_key }

        /// `RENAMENX`: gives a key another name unless that is taken. False: it is.
        fn rename_nx(key: impl ToArg, new_key: impl ToArg) -> bool { "RENAMENX" => key, new_key }

        /// `MOVE`: moves a key to another database of the server. False: there is no such key, or the database has
        /// one of this name.
        fn move_key(key: impl ToArg, database: u32) -> bool { "MOVE" => key, database }

        /// `PEXPIRE`: lets a key vanish after a time, in steps of 1 ms. False: there is no such key. Less than
        /// 1 ms is sent as zero, with which the server removes the key at once.
        ///
        /// ```no_run
        /// use hitless::{Commands, ExpireIf, Ttl};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.expire("session:7", Duration::from_secs(1800))?;
        /// // Longer, never shorter.
        /// client.expire_if("session:7", Duration::from_secs(3600), ExpireIf::Later)?;
        /// match client.ttl("session:7")? {
        ///     Ttl::Left(left) => println!("{} s", left.as_secs()),
        ///     Ttl::Forever => println!("for good"),
        ///     _ => println!("gone"),
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn expire(key: impl ToArg, after: Duration) -> bool {
            // Not EXPIRE, whose seconds would round a short time to nothing.
            "PEXPIRE" => key, after.as_millis()
        }

        /// `PEXPIRE` with a condition. False: it is not met, or there is no such key. From 7.0 on.
        fn expire_if(key: impl ToArg, after: Duration, condition: ExpireIf) -> bool {
            "PEXPIRE" => key, after.as_millis(), condition
        }

        /// `PEXPIREAT`: lets a key vanish at a moment, in steps of 1 ms. False: there is no such key. With a moment
        /// in the past the server removes it at once.
        fn expire_at(key: impl ToArg, at: SystemTime) -> bool { "PEXPIREAT" => key, unix_millis(at) }

        /// `PEXPIREAT` with a condition. False: it is not met, or there is no such key. From 7.0 on.
        fn expire_at_if(key: impl ToArg, at: SystemTime, condition: ExpireIf) -> bool {
            "PEXPIREAT" => key, unix_millis(at), condition
        }

        /// `PTTL`: for how long a key still is there, to 1 ms.
        fn ttl(key: impl ToArg) -> Ttl { "PTTL" => key }

        /// `PEXPIRETIME`: when a key vanishes, to 1 ms. From 7.0 on.
        fn expire_time(key: impl ToArg) -> ExpireTime { "PEXPIRETIME" => key }

        /// `PERSIST`: a key no longer vanishes by itself. False: it did not, or there is no such key.
        fn persist(key: impl ToArg) -> bool { "PERSIST" => key }

        /// `DUMP`: a value in the server's own form, for [`restore`](Commands::restore) on a server of the same
        /// version or a later one; `None` if there is no such key.
        ///
        /// ```no_run
        /// use hitless::{Client, Commands, RestoreOptions};
        ///
        /// let (old, new) = (Client::connect("redis://old")?, Client::connect("redis://new")?);
        /// if let Some(dump) = old.dump("report")? {
        ///     new.restore_options("report", dump, &RestoreOptions::new().replace())?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn dump(key: impl ToArg) -> Option<Vec<u8>> { "DUMP" => key }

        /// `RESTORE`: gives a key the value that [`dump`](Commands::dump) yielded, for good. A key that is there
        /// already is an error of the server, `BUSYKEY`.
        fn restore(key: impl ToArg, dump: impl ToArg) -> () { "RESTORE" => key, 0, dump }

        /// `RESTORE` with options.
        fn restore_options(key: impl ToArg, dump: impl ToArg, options: &RestoreOptions) -> () {
            "RESTORE" => key, options.ttl(), dump, options
        }

        /// `MIGRATE`: moves keys to another server, which this one dials. It does nothing else meanwhile, and gives
        /// up when one step takes longer than `timeout`, in steps of 1 ms.
        ///
        /// ```no_run
        /// use hitless::{Commands, MigrateOptions, Migrated};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let options = MigrateOptions::new().copy().auth("secret");
        /// let timeout = Duration::from_secs(2);
        /// let moved = client.migrate("192.0.2.7", 6379, ["a", "b"], 0, timeout, &options)?;
        /// if moved == Migrated::Nothing {
        ///     println!("there is neither of them");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn migrate(
            host: impl ToArg,
            port: u16,
            keys: impl ToArgs,
            database: u32,
            timeout: Duration,
            options: &MigrateOptions,
        ) -> Migrated {
            // The empty key is how one says that KEYS follow.
            "MIGRATE" => host, port, "", database, millis_up(timeout), options, "KEYS", keys
        }

        /// `OBJECT ENCODING`: how the server keeps a value, such as `listpack`; `None` if there is no such key.
        fn object_encoding(key: impl ToArg) -> Option<String> { "OBJECT ENCODING" => key }

        /// `OBJECT FREQ`: how often a key is used, on the server's logarithmic scale from 0 to 255; `None` if there
        /// is no such key. An error of the server unless its `maxmemory-policy` is one of those with `lfu`.
        fn object_freq(key: impl ToArg) -> Option<u64> { "OBJECT FREQ" => key }

        /// `OBJECT IDLETIME`: for how many seconds a key was not used; `None` if there is no such key. An error of
        /// the server if its `maxmemory-policy` is one of those with `lfu`.
        fn object_idletime(key: impl ToArg) -> Option<u64> { "OBJECT IDLETIME" => key }

        /// `OBJECT REFCOUNT`: how many references the server has to a value; `None` if there is no such key.
        fn object_refcount(key: impl ToArg) -> Option<u64> { "OBJECT REFCOUNT" => key }

        /// `SORT`: the elements of a list, set or sorted set as sorted numbers, or as the options say.
        ///
        /// ```no_run
        /// use hitless::{Commands, SortOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// // The names of the three users with the highest scores, of keys such as score:7 and user:7.
        /// let best = SortOptions::new().by("score:*").descending().limit(0, 3);
        /// let names: Vec<Option<String>> = client.sort("users", &best.get("user:*->name"))?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn sort<T>(key: impl ToArg, options: &SortOptions) -> T { "SORT" => key, options }

        /// `SORT_RO`: as [`sort`](Commands::sort), for users who may only read. From 7.0 on.
        fn sort_ro<T>(key: impl ToArg, options: &SortOptions) -> T { "SORT_RO" => key, options }

        /// `SORT ... STORE`: makes a list of the sorted elements; yields its length. Without elements the key is
        /// removed.
        fn sort_store(key: impl ToArg, options: &SortOptions, destination: impl ToArg) -> u64 {
            "SORT" => key, options, "STORE", destination
        }
    }};
}
pub(in crate::command) use keys;
