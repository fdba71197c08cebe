//! Commands of a cluster, as one of its nodes sees it. This client sends each to the server that it is
//! connected to, and follows no slots.

/// The commands of a cluster, for a form.
macro_rules! cluster {
    ($form:ident) => { $form! {
        /// `CLUSTER INFO`: whether the cluster works, in numbers.
        fn cluster_info() -> ClusterInfo { "CLUSTER INFO" }

        /// `CLUSTER SHARDS`: the shards, with their slots and nodes. From 7.0 on.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let slot = client.cluster_keyslot("user:7")?;
        /// for shard in client.cluster_shards()? {
        ///     if shard.slots.iter().any(|range| range.contains(&slot)) {
        ///         println!("{:?}", shard.nodes);
        ///     }
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn cluster_shards() -> Vec<ClusterShard> { "CLUSTER SHARDS" }

        /// `CLUSTER SLOTS`: the ranges of slots, with the nodes that have them.
        fn cluster_slots() -> Vec<SlotRange> { "CLUSTER SLOTS" }

        /// `CLUSTER NODES`: all nodes that this server knows, itself included.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for node in client.cluster_nodes()? {
        ///     if node.flags.iter().any(|flag| flag == "fail") {
        ///         println!("{}:{} has failed", node.host, node.port);
        ///     }
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn cluster_nodes() -> Vec<ClusterNode> { "CLUSTER NODES" }

        /// `CLUSTER REPLICAS`: the replicas of a node, by its number.
        fn cluster_replicas(node: &str) -> Vec<ClusterNode> { "CLUSTER REPLICAS" => node }

        /// `CLUSTER LINKS`: the connections from and to other nodes. From 7.0 on.
        fn cluster_links() -> Vec<ClusterLink> { "CLUSTER LINKS" }

        /// `CLUSTER MYID`: the number of this node, 40 hexadecimal digits.
        fn cluster_myid() -> String { "CLUSTER MYID" }

        /// `CLUSTER MYSHARDID`: the number of this node's shard. From 7.2 on.
        fn cluster_myshardid() -> String { "CLUSTER MYSHARDID" }

        /// `CLUSTER KEYSLOT`: the slot of a key, 0 to 16383.
        fn cluster_keyslot(key: impl ToArg) -> u16 { "CLUSTER KEYSLOT" => key }

        /// `CLUSTER COUNTKEYSINSLOT`: how many keys this node has in a slot.
        fn cluster_countkeysinslot(slot: u16) -> u64 { "CLUSTER COUNTKEYSINSLOT" => slot }

        /// `CLUSTER GETKEYSINSLOT`: keys that this node has in a slot, at most `count`.
        fn cluster_getkeysinslot<T>(slot: u16, count: u64) -> T { "CLUSTER GETKEYSINSLOT" => slot, count }

        /// `CLUSTER SLOT-STATS SLOTSRANGE`: what this node counts of its slots from `first` to `last`, both
        /// included. Redis 8.2, Valkey 8.
        fn cluster_slot_stats(first: u16, last: u16) -> Vec<SlotStats> {
            "CLUSTER SLOT-STATS" => "SLOTSRANGE", first, last
        }

        /// `CLUSTER SLOT-STATS ORDERBY`: as [`cluster_slot_stats`](Commands::cluster_slot_stats), of at most
        /// `count` slots of this node, those first that have most of `metric`, such as `key-count`. Redis 8.2,
        /// Valkey 8.
        fn cluster_slot_stats_most(metric: &str, count: u16) -> Vec<SlotStats> {
            "CLUSTER SLOT-STATS" => "ORDERBY", metric, "LIMIT", count, "DESC"
        }

        /// `CLUSTER COUNT-FAILURE-REPORTS`: how many nodes have told this one that a node fails.
        fn cluster_count_failure_reports(node: &str) -> u64 { "CLUSTER COUNT-FAILURE-REPORTS" => node }

        /// `CLUSTER ADDSLOTS`: gives this node slots that nobody has.
        fn cluster_addslots(slots: impl ToArgs) -> () { "CLUSTER ADDSLOTS" => slots }

        /// `CLUSTER ADDSLOTSRANGE`: gives this node ranges of slots that nobody has, by their first and last
        /// ones. From 7.0 on.
        fn cluster_addslotsrange(ranges: impl ToArgs) -> () { "CLUSTER ADDSLOTSRANGE" => ranges }

        /// `CLUSTER DELSLOTS`: makes this node forget who has these slots.
        fn cluster_delslots(slots: impl ToArgs) -> () { "CLUSTER DELSLOTS" => slots }

        /// `CLUSTER DELSLOTSRANGE`: makes this node forget who has these ranges of slots. From 7.0 on.
        fn cluster_delslotsrange(ranges: impl ToArgs) -> () { "CLUSTER DELSLOTSRANGE" => ranges }

        /// `CLUSTER FLUSHSLOTS`: makes this node forget who has slots at all. The server refuses while it has
        /// keys.
        fn cluster_flushslots() -> () { "CLUSTER FLUSHSLOTS" }

        /// `CLUSTER FLUSHSLOT`: removes the keys that this node has in a slot. Valkey 9.
        fn cluster_flushslot(slot: u16) -> () { "CLUSTER FLUSHSLOT" => slot }

        /// `CLUSTER SETSLOT`: changes how this node sees a slot, as a move of it needs.
        fn cluster_setslot(slot: u16, state: SlotState<'_>) -> () { "CLUSTER SETSLOT" => slot, state }

        /// `CLUSTER MEET`: makes this node and another one cluster.
        fn cluster_meet(host: impl ToArg, port: u16) -> () { "CLUSTER MEET" => host, port }

        /// `CLUSTER FORGET`: makes this node forget another for 60 s, within which all others must be told.
        fn cluster_forget(node: &str) -> () { "CLUSTER FORGET" => node }

        /// `CLUSTER REPLICATE`: makes this node a replica of another, by its number.
        fn cluster_replicate(node: &str) -> () { "CLUSTER REPLICATE" => node }

        /// `CLUSTER FAILOVER`: makes this replica the primary of its shard, in agreement with the one before. The
        /// reply comes when the change begins.
        fn cluster_failover() -> () { "CLUSTER FAILOVER" }

        /// `CLUSTER FAILOVER`: makes this replica the primary of its shard, though the one before does not answer.
        fn cluster_failover_mode(mode: ClusterFailover) -> () { "CLUSTER FAILOVER" => mode }

        /// `CLUSTER RESET`: makes this node forget the cluster, and keep its number. The server refuses while it
        /// has keys.
        fn cluster_reset() -> () { "CLUSTER RESET" }

        /// `CLUSTER RESET HARD`: makes this node forget the cluster, and take another number. The server refuses
        /// while it has keys.
        fn cluster_reset_hard() -> () { "CLUSTER RESET" => "HARD" }

        /// `CLUSTER SAVECONFIG`: writes what this node knows of the cluster into its file.
        fn cluster_saveconfig() -> () { "CLUSTER SAVECONFIG" }

        /// `CLUSTER BUMPEPOCH`: raises the number of this node's last change. Yields the server's words: `BUMPED`
        /// or `STILL`, and the number.
        fn cluster_bumpepoch() -> String { "CLUSTER BUMPEPOCH" }

        /// `CLUSTER SET-CONFIG-EPOCH`: sets the number of this node's last change. The server refuses unless it
        /// is new and alone.
        fn cluster_set_config_epoch(epoch: u64) -> () { "CLUSTER SET-CONFIG-EPOCH" => epoch }

        /// `CLUSTER MIGRATESLOTS`: begins to move ranges of slots of this node to another, by its number. Valkey
        /// 9.
        fn cluster_migrateslots(ranges: &[(u16, u16)], node: &str) -> () {
            "CLUSTER MIGRATESLOTS" => "SLOTSRANGE", ranges, "NODE", node
        }

        /// `CLUSTER CANCELSLOTMIGRATIONS`: gives up all moves of slots from this node. Valkey 9.
        fn cluster_cancelslotmigrations() -> () { "CLUSTER CANCELSLOTMIGRATIONS" }

        /// `CLUSTER GETSLOTMIGRATIONS`: the moves of slots from and to this node that go on or have ended of late,
        /// each with the server's names and words for what it is. Valkey 9.
        fn cluster_getslotmigrations() -> Vec<HashMap<String, Value>> { "CLUSTER GETSLOTMIGRATIONS" }
    }};
}
pub(in crate::command) use cluster;
