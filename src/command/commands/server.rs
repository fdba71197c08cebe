//! Commands of the server as a whole: its data, its settings, its part in replication.

/// The commands of the server, for a form.
macro_rules! server {
    ($form:ident) => { $form! {
        /// `INFO`: the usual sections of what the server says of itself.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let info = client.info()?;
        /// let memory: Option<u64> = info.get("used_memory");
        /// for database in info.keyspace() {
        ///     println!("{}: {} keys", database.number, database.keys);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn info() -> Info { "INFO" }

        /// `INFO`: the sections that are named, such as `memory`, `commandstats` or `everything`. More than one
        /// from 7.0 on.
        fn info_sections(sections: impl ToArgs) -> Info { "INFO" => sections }

        /// `CONFIG GET`: the settings whose names match a pattern. More than one pattern from 7.0 on. A setting that
        /// is no text, such as a password of any bytes, is an error here: `cmd("CONFIG GET")` yields bytes.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.config_set("maxmemory-policy", "allkeys-lru")?;
        /// let settings = client.config_get("maxmemory*")?;
        /// assert_eq!(settings["maxmemory-policy"], "allkeys-lru");
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn config_get(patterns: impl ToArgs) -> HashMap<String, String> { "CONFIG GET" => patterns }

        /// `CONFIG SET`: changes a setting until the server ends.
        fn config_set(name: impl ToArg, value: impl ToArg) -> () { "CONFIG SET" => name, value }

        /// `CONFIG SET`: changes many settings, all or none. From 7.0 on.
        fn config_set_all(pairs: impl ToArgs) -> () { "CONFIG SET" => pairs }

        /// `CONFIG REWRITE`: writes the settings into the server's file. The server refuses where it has none.
        fn config_rewrite() -> () { "CONFIG REWRITE" }

        /// `CONFIG RESETSTAT`: sets the counters of [`info`](Commands::info) to zero.
        fn config_resetstat() -> () { "CONFIG RESETSTAT" }

        /// `DBSIZE`: how many keys the database has, those included that have vanished and are not removed yet.
        fn dbsize() -> u64 { "DBSIZE" }

        /// `FLUSHDB`: removes all keys of the database.
        fn flushdb() -> () { "FLUSHDB" }

        /// `FLUSHDB`: removes all keys of the database, at once or in the background.
        fn flushdb_mode(mode: FlushMode) -> () { "FLUSHDB" => mode }

        /// `FLUSHALL`: removes all keys of all databases.
        fn flushall() -> () { "FLUSHALL" }

        /// `FLUSHALL`: removes all keys of all databases, at once or in the background.
        fn flushall_mode(mode: FlushMode) -> () { "FLUSHALL" => mode }

        /// `SWAPDB`: makes two databases change places, for all clients at once.
        fn swapdb(one: u64, other: u64) -> () { "SWAPDB" => one, other }

        /// `TIME`: the server's clock, in steps of 1 µs.
        fn time() -> SystemTime { "TIME" }

        /// `LASTSAVE`: when the data were last written to the server's disk, in steps of 1 s; the server's start
        /// if they never were.
        fn lastsave() -> SystemTime { "LASTSAVE" }

        /// `SAVE`: writes the data to the server's disk. The server answers nobody until that is done. Not in a
        /// transaction.
        fn save() -> () { "SAVE" }

        /// `BGSAVE`: begins to write the data to the server's disk, in a process of its own. Yields the server's
        /// words. It refuses while that or a rewrite of its log is being done.
        fn bgsave() -> String { "BGSAVE" }

        /// `BGSAVE SCHEDULE`: as [`bgsave`](Commands::bgsave), but begins later where the log is being
        /// rewritten.
        fn bgsave_schedule() -> String { "BGSAVE" => "SCHEDULE" }

        /// `BGREWRITEAOF`: begins to rewrite the server's log, or does so after what is being written. Yields
        /// the server's words.
        fn bgrewriteaof() -> String { "BGREWRITEAOF" }

        /// `ROLE`: the server's part in replication.
        ///
        /// ```no_run
        /// use hitless::{Commands, Role};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// match client.role()? {
        ///     Role::Primary { replicas, .. } => println!("{} replicas", replicas.len()),
        ///     Role::Replica { host, port, .. } => println!("a replica of {host}:{port}"),
        ///     other => println!("{other:?}"),
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn role() -> Role { "ROLE" }

        /// `REPLICAOF`: makes the server a replica of another. Its data go.
        fn replicaof(host: impl ToArg, port: u16) -> () { "REPLICAOF" => host, port }

        /// `REPLICAOF NO ONE`: makes the server a primary, with the data that it has.
        fn replicaof_no_one() -> () { "REPLICAOF" => "NO", "ONE" }

        /// `FAILOVER`: makes a replica of this server its primary. The reply comes when the change begins. From
        /// 6.2 on.
        fn failover(options: &FailoverOptions) -> () { "FAILOVER" => options }

        /// `FAILOVER ABORT`: gives up a [`failover`](Commands::failover) that has begun. From 6.2 on.
        fn failover_abort() -> () { "FAILOVER" => "ABORT" }

        /// `SHUTDOWN`: ends the server.
        ///
        /// A server that ends does not answer: what tells of it is the error of a connection that was lost, with
        /// [`Delivery::Unknown`](crate::Delivery::Unknown). One that answers goes on, and says why. Not in a
        /// transaction.
        fn shutdown(options: &ShutdownOptions) -> () { "SHUTDOWN" => options }

        /// `SHUTDOWN ABORT`: gives up a [`shutdown`](Commands::shutdown) that waits for replicas. From 7.0 on.
        fn shutdown_abort() -> () { "SHUTDOWN" => "ABORT" }

        /// `MODULE LIST`: the modules that the server has loaded.
        fn module_list() -> Vec<ModuleInfo> { "MODULE LIST" }

        /// `MODULE LOAD`: loads a module from a file of the server, with arguments. The server refuses where its
        /// setting `enable-module-command` does.
        fn module_load(path: impl ToArg, arguments: impl ToArgs) -> () { "MODULE LOAD" => path, arguments }

        /// `MODULE LOADEX`: as [`module_load`](Commands::module_load), with settings of the module too. From 7.0
        /// on.
        fn module_loadex(path: impl ToArg, options: &ModuleOptions) -> () {
            "MODULE LOADEX" => path, options
        }

        /// `MODULE UNLOAD`: unloads a module by its name.
        fn module_unload(name: impl ToArg) -> () { "MODULE UNLOAD" => name }

        /// `LOLWUT`: a picture in letters, and the server's version.
        fn lolwut() -> String { "LOLWUT" }

        /// `LOLWUT VERSION`: the picture of a version, with its own arguments.
        fn lolwut_version(version: u64, arguments: impl ToArgs) -> String {
            "LOLWUT" => "VERSION", version, arguments
        }
    }};
}
pub(in crate::command) use server;
