//! Commands of streams that wait on the server. Pipelines do not have them.

/// The commands of streams that block, for a form.
macro_rules! blocking_streams {
    ($form:ident) => { $form! {
        /// `XREAD ... BLOCK`: the entries behind an ID of each stream, waiting for one up to `wait`, in steps of 1 ms
        /// (zero: for ever). `"$"` is the end of a stream at this moment: what comes between two calls with it is
        /// missed, and the ID of the last entry misses nothing. None when the wait was over.
        ///
        /// Uses a connection alone while it waits. The command may take `wait` and
        /// [`Options::command_timeout`](crate::Options::command_timeout) on top of it.
        ///
        /// ```no_run
        /// use hitless::{Commands, StreamId, XReadOptions};
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let mut last = StreamId::MIN;
        /// let wait = Duration::from_secs(5);
        /// let read = client.xread_block::<()>("readings", last, wait, &XReadOptions::new())?;
        /// for entry in read.into_iter().flat_map(|(_, entries)| entries) {
        ///     println!("{entry:?}");
        ///     last = entry.id; // where the next call goes on
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn xread_block<K>(
            keys: impl ToArgs,
            ids: impl ToArgs,
            wait: Duration,
            options: &XReadOptions,
        ) -> Vec<(K, Vec<StreamEntry>)> {
            "XREAD" => options, "BLOCK", millis_up(wait), "STREAMS", keys, ids
        }

        /// `XREADGROUP ... BLOCK`: as [`xreadgroup`](Commands::xreadgroup), waiting for an entry as
        /// [`xread_block`](Commands::xread_block) does. None when the wait was over.
        fn xreadgroup_block<K>(
            group: impl ToArg,
            consumer: impl ToArg,
            keys: impl ToArgs,
            ids: impl ToArgs,
            wait: Duration,
            options: &XReadOptions,
        ) -> Vec<(K, Vec<StreamEntry>)> {
            "XREADGROUP" => "GROUP", group, consumer, options, "BLOCK", millis_up(wait), "STREAMS", keys, ids
        }
    }};
}
pub(super) use blocking_streams;
