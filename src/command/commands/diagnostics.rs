//! Commands that look into the server: what was slow, what takes memory, which commands it has.

/// The commands that look into the server, for a form.
macro_rules! diagnostics {
    ($form:ident) => { $form! {
        /// `SLOWLOG GET`: the newest commands that took longer than the server's setting
        /// `slowlog-log-slower-than`, at most `count`; `i64::MAX` is all of them.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for entry in client.slowlog_get(10)? {
        ///     let name = entry.arguments.first().map(|name| String::from_utf8_lossy(name));
        ///     println!("{:?} took {:?}", name, entry.took);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn slowlog_get(count: i64) -> Vec<SlowlogEntry> { "SLOWLOG GET" => count }

        /// `SLOWLOG LEN`: how many commands the server has noted as slow.
        fn slowlog_len() -> u64 { "SLOWLOG LEN" }

        /// `SLOWLOG RESET`: makes the server forget them.
        fn slowlog_reset() -> () { "SLOWLOG RESET" }

        /// `COMMANDLOG GET`: the newest commands that were slow or large, at most `count`; `i64::MAX` is all of
        /// them. Valkey 8.1.
        ///
        /// ```no_run
        /// use hitless::{CommandlogKind, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for entry in client.commandlog_get(10, CommandlogKind::LargeReply)? {
        ///     println!("{} bytes for {}", entry.amount, entry.address);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn commandlog_get(count: i64, kind: CommandlogKind) -> Vec<CommandlogEntry> {
            "COMMANDLOG GET" => count, kind
        }

        /// `COMMANDLOG LEN`: how many commands the server has noted. Valkey 8.1.
        fn commandlog_len(kind: CommandlogKind) -> u64 { "COMMANDLOG LEN" => kind }

        /// `COMMANDLOG RESET`: makes the server forget them. Valkey 8.1.
        fn commandlog_reset(kind: CommandlogKind) -> () { "COMMANDLOG RESET" => kind }

        /// `LATENCY LATEST`: the last delay of each kind that was longer than the server's setting
        /// `latency-monitor-threshold`.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.config_set("latency-monitor-threshold", 100)?;
        /// for event in client.latency_latest()? {
        ///     println!("{}: {:?}, {:?} at most", event.name, event.last, event.worst);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn latency_latest() -> Vec<LatencyEvent> { "LATENCY LATEST" }

        /// `LATENCY HISTORY`: the last 160 delays of one kind.
        fn latency_history(event: impl ToArg) -> Vec<LatencySample> { "LATENCY HISTORY" => event }

        /// `LATENCY HISTOGRAM`: how long commands took, by name; no names are all that were called. A command
        /// that was never called is left out. From 7.0 on.
        fn latency_histogram(commands: impl ToArgs) -> HashMap<String, LatencyHistogram> {
            "LATENCY HISTOGRAM" => commands
        }

        /// `LATENCY GRAPH`: the delays of one kind, drawn in letters.
        fn latency_graph(event: impl ToArg) -> String { "LATENCY GRAPH" => event }

        /// `LATENCY DOCTOR`: what the server makes of its delays, in words.
        fn latency_doctor() -> String { "LATENCY DOCTOR" }

        /// `LATENCY RESET`: forgets the delays of some kinds; no names are all. Yields how many kinds there were.
        fn latency_reset(events: impl ToArgs) -> u64 { "LATENCY RESET" => events }

        /// `MEMORY USAGE`: how many bytes a key and its value take, worked out from 5 elements where it has
        /// many; `None` if there is no such key.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// if let Some(bytes) = client.memory_usage("session:7")? {
        ///     let all = client.memory_stats()?.total_allocated;
        ///     println!("{bytes} of {all} bytes");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn memory_usage(key: impl ToArg) -> Option<u64> { "MEMORY USAGE" => key }

        /// `MEMORY USAGE ... SAMPLES`: as [`memory_usage`](Commands::memory_usage), worked out from so many
        /// elements; 0 is all of them.
        fn memory_usage_samples(key: impl ToArg, samples: u64) -> Option<u64> {
            "MEMORY USAGE" => key, "SAMPLES", samples
        }

        /// `MEMORY STATS`: where the server's memory is.
        fn memory_stats() -> MemoryStats { "MEMORY STATS" }

        /// `MEMORY DOCTOR`: what the server makes of its memory, in words.
        fn memory_doctor() -> String { "MEMORY DOCTOR" }

        /// `MEMORY MALLOC-STATS`: what the allocator of the server says.
        fn memory_malloc_stats() -> String { "MEMORY MALLOC-STATS" }

        /// `MEMORY PURGE`: makes the allocator give back what it does not use.
        fn memory_purge() -> () { "MEMORY PURGE" }

        /// `COMMAND COUNT`: how many commands the server has.
        fn command_count() -> u64 { "COMMAND COUNT" }

        /// `COMMAND LIST`: the names of all commands. From 7.0 on.
        fn command_list() -> Vec<String> { "COMMAND LIST" }

        /// `COMMAND LIST FILTERBY`: the names of some commands. From 7.0 on.
        fn command_list_filter(filter: &CommandFilter) -> Vec<String> { "COMMAND LIST" => filter }

        /// `COMMAND INFO`: what the server knows of commands, in the order of the names; `None` of one that it
        /// does not have. No names, `()`, are all of them.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let [msetex] = &client.command_info("MSETEX")?[..] else { return Ok(()) };
        /// println!("the server {} MSETEX", if msetex.is_some() { "has" } else { "lacks" });
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn command_info(names: impl ToArgs) -> Vec<Option<CommandInfo>> { "COMMAND INFO" => names }

        /// `COMMAND DOCS`: what the server says of commands for people, by name; no names, `()`, are all of them.
        /// From 7.0 on.
        fn command_docs(names: impl ToArgs) -> HashMap<String, CommandDocs> { "COMMAND DOCS" => names }

        /// `COMMAND GETKEYS`: which of the arguments of a command are keys. The command begins with its name, and
        /// is not executed.
        fn command_getkeys<T>(command: impl ToArgs) -> T { "COMMAND GETKEYS" => command }

        /// `COMMAND GETKEYSANDFLAGS`: the keys of a command, and what it does to each, such as `RW`, `access`,
        /// `update`. From 7.0 on.
        fn command_getkeysandflags<K>(command: impl ToArgs) -> Vec<(K, Vec<String>)> {
            "COMMAND GETKEYSANDFLAGS" => command
        }
    }};
}
pub(in crate::command) use diagnostics;
