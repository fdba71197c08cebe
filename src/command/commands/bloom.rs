//! Bloom filters: whether an item may have been seen, in a few bits for each. RedisBloom, Redis 8, and, but for
//! dumps, Valkey's module.

/// The commands of Bloom filters, for a form.
macro_rules! bloom {
    ($form:ident) => { $form! {
        /// `BF.ADD`: adds an item to a Bloom filter, which is made if it is not there; false: the filter may have had
        /// it before.
        ///
        /// ```no_run
        /// use hitless::{BfReserveOptions, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// // A million addresses, of which one in a thousand that was never seen passes for seen.
        /// client.bf_reserve_options("seen", 0.001, 1_000_000, &BfReserveOptions::new().expansion(1))?;
        /// if client.bf_add("seen", "https://example.org/")? {
        ///     println!("this one is new for sure");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn bf_add(key: impl ToArg, item: impl ToArg) -> bool { "BF.ADD" => key, item }

        /// `BF.MADD`: adds items, in their order; yields for each what [`bf_add`](Commands::bf_add) does. One that does
        /// not fit into a full filter is an error in its place; RedisBloom does not try those behind it then, and the
        /// list ends there.
        fn bf_madd(key: impl ToArg, items: impl ToArgs) -> Vec<Result<bool>> { "BF.MADD" => key, items }

        /// `BF.INSERT`: as [`bf_madd`](Commands::bf_madd).
        fn bf_insert(key: impl ToArg, items: impl ToArgs) -> Vec<Result<bool>> {
            "BF.INSERT" => key, "ITEMS", items
        }

        /// `BF.INSERT` with options: adds items to a filter, which is made as the options say if it is not there.
        ///
        /// ```no_run
        /// use hitless::{BfInsertOptions, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let daily = BfInsertOptions::new().capacity(10_000).error_rate(0.01).non_scaling();
        /// for added in client.bf_insert_options("seen:monday", ["anna", "berta"], &daily)? {
        ///     // An error: the filter is full.
        ///     println!("new: {}", added?);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn bf_insert_options(
            key: impl ToArg,
            items: impl ToArgs,
            options: &BfInsertOptions,
        ) -> Vec<Result<bool>> {
            "BF.INSERT" => key, options, "ITEMS", items
        }

        /// `BF.EXISTS`: whether an item may have been added. False is for sure; it is what RedisBloom says also
        /// where there is no filter.
        fn bf_exists(key: impl ToArg, item: impl ToArg) -> bool { "BF.EXISTS" => key, item }

        /// `BF.MEXISTS`: what [`bf_exists`](Commands::bf_exists) says of each of these items.
        fn bf_mexists(key: impl ToArg, items: impl ToArgs) -> Vec<bool> { "BF.MEXISTS" => key, items }

        /// `BF.CARD`: how many items were added of which the filter did not say that it had them; 0 if there is no
        /// filter.
        fn bf_card(key: impl ToArg) -> u64 { "BF.CARD" => key }

        /// `BF.RESERVE`: makes an empty filter for so many items, which says of a share of `error_rate` of all others
        /// that it has them, between 0 and 1. Where the key is, it is an error of the server.
        fn bf_reserve(key: impl ToArg, error_rate: f64, capacity: u64) -> () {
            "BF.RESERVE" => key, error_rate, capacity
        }

        /// `BF.RESERVE` with options.
        fn bf_reserve_options(
            key: impl ToArg,
            error_rate: f64,
            capacity: u64,
            options: &BfReserveOptions,
        ) -> () {
            "BF.RESERVE" => key, error_rate, capacity, options
        }

        /// `BF.INFO`: what is known of a filter.
        fn bf_info(key: impl ToArg) -> BloomInfo { "BF.INFO" => key }

        /// `BF.INFO` of one field.
        fn bf_info_type(key: impl ToArg, field: BloomInfoType) -> BloomInfoValue { "BF.INFO" => key, field }

        /// `BF.SCANDUMP`: a part of a filter, to be kept or loaded elsewhere, while nobody adds to it. The first one
        /// is asked for with 0, each other one with the iterator of the one before; 0 there is the end.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// # let other = client.clone();
        /// let mut chunk = client.bf_scandump("seen", 0)?;
        /// while chunk.iterator != 0 {
        ///     other.bf_loadchunk("seen", &chunk)?;
        ///     chunk = client.bf_scandump("seen", chunk.iterator)?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn bf_scandump(key: impl ToArg, iterator: i64) -> FilterChunk { "BF.SCANDUMP" => key, iterator }

        /// `BF.LOADCHUNK`: loads a part of a filter, all of which are to come in their order.
        fn bf_loadchunk(key: impl ToArg, chunk: &FilterChunk) -> () {
            "BF.LOADCHUNK" => key, chunk.iterator, chunk.data
        }
    }};
}
pub(in crate::command) use bloom;
