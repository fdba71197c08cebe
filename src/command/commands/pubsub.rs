//! Commands of publishing, and what is known of subscriptions. Subscribes to nothing: a connection that
//! threads share cannot.

/// The commands of publishing, for a form.
macro_rules! pubsub {
    ($form:ident) => { $form! {
        /// `PUBLISH`: sends a message to a channel; yields how many connections got it. In a cluster, those of
        /// this server alone.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let heard_by = client.publish("news", "the shop is open")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn publish(channel: impl ToArg, message: impl ToArg) -> u64 { "PUBLISH" => channel, message }

        /// `SPUBLISH`: sends a message to a channel of a shard; yields how many connections got it. From 7.0
        /// on.
        fn spublish(channel: impl ToArg, message: impl ToArg) -> u64 { "SPUBLISH" => channel, message }

        /// `PUBSUB CHANNELS`: the channels that match a pattern and have a subscriber. `*` is all of them.
        fn pubsub_channels<T>(pattern: impl ToArg) -> T { "PUBSUB CHANNELS" => pattern }

        /// `PUBSUB NUMSUB`: how many subscribers each channel has, those by pattern not counted.
        fn pubsub_numsub<K>(channels: impl ToArgs) -> Vec<(K, u64)> { "PUBSUB NUMSUB" => channels }

        /// `PUBSUB NUMPAT`: how many patterns have a subscriber.
        fn pubsub_numpat() -> u64 { "PUBSUB NUMPAT" }

        /// `PUBSUB SHARDCHANNELS`: the channels of this server's shard that match a pattern and have a
        /// subscriber. From 7.0 on.
        fn pubsub_shardchannels<T>(pattern: impl ToArg) -> T { "PUBSUB SHARDCHANNELS" => pattern }

        /// `PUBSUB SHARDNUMSUB`: how many subscribers each channel of a shard has. From 7.0 on.
        fn pubsub_shardnumsub<K>(channels: impl ToArgs) -> Vec<(K, u64)> {
            "PUBSUB SHARDNUMSUB" => channels
        }
    }};
}
pub(in crate::command) use pubsub;
