//! Commands of the groups that read streams together, without waiting.

/// The commands of groups, for a form.
macro_rules! stream_groups {
    ($form:ident) => { $form! {
        /// `XGROUP CREATE`: makes a group that reads what is behind an ID: `"0"` is all, `"$"` only what comes from now
        /// on. An error of the server with the code `BUSYGROUP` if there is one of this name.
        ///
        /// ```no_run
        /// use hitless::{Commands, XReadOptions};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// match client.xgroup_create_mkstream("orders", "billing", "$") {
        ///     Err(error) if error.code() == Some("BUSYGROUP") => {}
        ///     made => made?,
        /// }
        /// let ten = XReadOptions::new().count(10);
        /// let wait = Duration::from_secs(5);
        /// let read = client.xreadgroup_block::<()>("billing", "me", "orders", ">", wait, &ten)?;
        /// for entry in read.into_iter().flat_map(|(_, entries)| entries) {
        ///     let order: Option<String> = entry.get("order")?;
        ///     println!("{order:?}");
        ///     client.xack("orders", "billing", entry.id)?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn xgroup_create(key: impl ToArg, group: impl ToArg, id: impl ToArg) -> () {
            "XGROUP CREATE" => key, group, id
        }

        /// `XGROUP CREATE ... MKSTREAM`: makes a group, and an empty stream if there is none.
        fn xgroup_create_mkstream(key: impl ToArg, group: impl ToArg, id: impl ToArg) -> () {
            "XGROUP CREATE" => key, group, id, "MKSTREAM"
        }

        /// `XGROUP CREATE` with options.
        fn xgroup_create_options(
            key: impl ToArg,
            group: impl ToArg,
            id: impl ToArg,
            options: &XGroupCreateOptions,
        ) -> () {
            "XGROUP CREATE" => key, group, id, options
        }

        /// `XGROUP SETID`: lets a group go on behind another ID.
        fn xgroup_setid(key: impl ToArg, group: impl ToArg, id: impl ToArg) -> () {
            "XGROUP SETID" => key, group, id
        }

        /// `XGROUP SETID ... ENTRIESREAD`: lets a group go on behind another ID, and says how many entries it counts as
        /// read.
        fn xgroup_setid_entries(key: impl ToArg, group: impl ToArg, id: impl ToArg, entries_read: u64) -> () {
            "XGROUP SETID" => key, group, id, "ENTRIESREAD", entries_read
        }

        /// `XGROUP CREATECONSUMER`: makes a consumer. False: there is one of this name. Reading makes one, too.
        fn xgroup_createconsumer(key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> bool {
            "XGROUP CREATECONSUMER" => key, group, consumer
        }

        /// `XGROUP DELCONSUMER`: removes a consumer; yields how many entries were pending with it, which nobody can
        /// claim any more.
        fn xgroup_delconsumer(key: impl ToArg, group: impl ToArg, consumer: impl ToArg) -> u64 {
            "XGROUP DELCONSUMER" => key, group, consumer
        }

        /// `XGROUP DESTROY`: removes a group with all that is pending in it. False: there is none of this name.
        fn xgroup_destroy(key: impl ToArg, group: impl ToArg) -> bool { "XGROUP DESTROY" => key, group }

        /// `XREADGROUP`: reads as a consumer of a group, one ID for each key. `">"` takes entries that nobody of the
        /// group has got yet, which then are pending with this consumer until [`xack`](Commands::xack); any other ID
        /// yields again what is pending with it behind that ID. Does not wait:
        /// [`xreadgroup_block`](Commands::xreadgroup_block) does.
        ///
        /// Entries have their fields as bytes, so that none is lost to its content. If a key does not become `K`,
        /// [`Error::reply`](crate::Error::reply) has all that was taken.
        fn xreadgroup<K>(
            group: impl ToArg,
            consumer: impl ToArg,
            keys: impl ToArgs,
            ids: impl ToArgs,
        ) -> Vec<(K, Vec<StreamEntry>)> {
            "XREADGROUP" => "GROUP", group, consumer, "STREAMS", keys, ids
        }

        /// `XREADGROUP` with options.
        fn xreadgroup_options<K>(
            group: impl ToArg,
            consumer: impl ToArg,
            keys: impl ToArgs,
            ids: impl ToArgs,
            options: &XReadOptions,
        ) -> Vec<(K, Vec<StreamEntry>)> {
            "XREADGROUP" => "GROUP", group, consumer, options, "STREAMS", keys, ids
        }

        /// `XACK`: entries are done with, and pending no more; yields how many were pending.
        fn xack(key: impl ToArg, group: impl ToArg, ids: impl ToArgs) -> u64 { "XACK" => key, group, ids }

        /// `XACKDEL`: entries are done with and deleted; yields what became of each, in their order. Redis 8.2.
        fn xack_del(
            key: impl ToArg,
            group: impl ToArg,
            ids: impl ToArgs,
            policy: StreamDeletionPolicy,
        ) -> Vec<StreamDeletion> {
            "XACKDEL" => key, group, policy, "IDS", Counted(ids)
        }

        /// `XPENDING`: how much is pending in a group, and with whom.
        fn xpending(key: impl ToArg, group: impl ToArg) -> StreamPending { "XPENDING" => key, group }

        /// `XPENDING` with a range: the entries that are pending, at most `count`, from one ID to another.
        ///
        /// ```no_run
        /// use hitless::{Commands, StreamId, XPendingOptions};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let minute = Duration::from_secs(60);
        /// let stuck = XPendingOptions::new().min_idle(minute);
        /// for pending in client.xpending_options("orders", "billing", "-", "+", 10, &stuck)? {
        ///     println!("{} is with {}", pending.id, pending.consumer.escape_ascii());
        /// }
        /// // Takes them over, wherever they are.
        /// let mine = client.xautoclaim("orders", "billing", "me", minute, StreamId::MIN, Some(10))?;
        /// println!("{} entries", mine.claimed.len());
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn xpending_count(
            key: impl ToArg,
            group: impl ToArg,
            start: impl ToArg,
            end: impl ToArg,
            count: u64,
        ) -> Vec<StreamPendingEntry> {
            "XPENDING" => key, group, start, end, count
        }

        /// `XPENDING` with a range and a consumer: as [`xpending_count`](Commands::xpending_count), what this consumer
        /// has.
        fn xpending_consumer_count(
            key: impl ToArg,
            group: impl ToArg,
            start: impl ToArg,
            end: impl ToArg,
            count: u64,
            consumer: impl ToArg,
        ) -> Vec<StreamPendingEntry> {
            "XPENDING" => key, group, start, end, count, consumer
        }

        /// `XPENDING` with a range and options.
        fn xpending_options(
            key: impl ToArg,
            group: impl ToArg,
            start: impl ToArg,
            end: impl ToArg,
            count: u64,
            options: &XPendingOptions,
        ) -> Vec<StreamPendingEntry> {
            "XPENDING" => key, group, PendingRange { start: &start, end: &end, count, options }
        }

        /// `XCLAIM`: takes over entries that have been pending for at least `min_idle`, in steps of 1 ms, and
        /// yields them.
        fn xclaim(
            key: impl ToArg,
            group: impl ToArg,
            consumer: impl ToArg,
            min_idle: Duration,
            ids: impl ToArgs,
        ) -> Vec<StreamEntry> {
            "XCLAIM" => key, group, consumer, millis_up(min_idle), ids
        }

        /// `XCLAIM` with options.
        fn xclaim_options(
            key: impl ToArg,
            group: impl ToArg,
            consumer: impl ToArg,
            min_idle: Duration,
            ids: impl ToArgs,
            options: &XClaimOptions,
        ) -> Vec<StreamEntry> {
            "XCLAIM" => key, group, consumer, millis_up(min_idle), ids, options
        }

        /// `XCLAIM ... JUSTID`: as [`xclaim_options`](Commands::xclaim_options); yields IDs alone, and counts no
        /// further delivery.
        fn xclaim_just_id(
            key: impl ToArg,
            group: impl ToArg,
            consumer: impl ToArg,
            min_idle: Duration,
            ids: impl ToArgs,
            options: &XClaimOptions,
        ) -> Vec<StreamId> {
            "XCLAIM" => key, group, consumer, millis_up(min_idle), ids, options, "JUSTID"
        }

        /// `XAUTOCLAIM`: takes over entries that have been pending for at least `min_idle`, in steps of 1 ms, from
        /// an ID on: at most `count`, 100 if it is `None`.
        fn xautoclaim(
            key: impl ToArg,
            group: impl ToArg,
            consumer: impl ToArg,
            min_idle: Duration,
            start: impl ToArg,
            count: Option<u64>,
        ) -> StreamAutoClaim<StreamEntry> {
            "XAUTOCLAIM" => key, group, consumer, millis_up(min_idle), start, count.map(|count| ("COUNT", count))
        }

        /// `XAUTOCLAIM ... JUSTID`: as [`xautoclaim`](Commands::xautoclaim); yields IDs alone, and counts no further
        /// delivery.
        fn xautoclaim_just_id(
            key: impl ToArg,
            group: impl ToArg,
            consumer: impl ToArg,
            min_idle: Duration,
            start: impl ToArg,
            count: Option<u64>,
        ) -> StreamAutoClaim<StreamId> {
            "XAUTOCLAIM" => key, group, consumer, millis_up(min_idle), start,
                count.map(|count| ("COUNT", count)), "JUSTID"
        }

        /// `XINFO GROUPS`: the groups of a stream.
        fn xinfo_groups(key: impl ToArg) -> Vec<StreamGroupInfo> { "XINFO GROUPS" => key }

        /// `XINFO CONSUMERS`: the consumers of a group.
        fn xinfo_consumers(key: impl ToArg, group: impl ToArg) -> Vec<StreamConsumerInfo> {
            "XINFO CONSUMERS" => key, group
        }
    }};
}
pub(in crate::command) use stream_groups;
