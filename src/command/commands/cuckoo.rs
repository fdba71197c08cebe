//! Cuckoo filters: as Bloom filters, and items can be deleted. RedisBloom and Redis 8.

/// The commands of cuckoo filters, for a form.
macro_rules! cuckoo {
    ($form:ident) => { $form! {
        /// `CF.ADD`: adds an item to a cuckoo filter, which is made if it is not there. An item that was added before
        /// is there once more, and has to be deleted as often. A full filter is an error of the server.
        ///
        /// ```no_run
        /// use hitless::{CfReserveOptions, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.cf_reserve_options("online", 100_000, &CfReserveOptions::new().bucket_size(4))?;
        /// if client.cf_add_nx("online", "anna")? {
        ///     println!("anna has come");
        /// }
        /// client.cf_del("online", "anna")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn cf_add(key: impl ToArg, item: impl ToArg) -> bool { "CF.ADD" => key, item }

        /// `CF.ADDNX`: adds an item, unless the filter may have it, which is false.
        fn cf_add_nx(key: impl ToArg, item: impl ToArg) -> bool { "CF.ADDNX" => key, item }

        /// `CF.INSERT`: adds items, and those once more that are there; yields what became of each. An item of which
        /// the server says that it failed is an error in its place.
        fn cf_insert(key: impl ToArg, items: impl ToArgs) -> Vec<Result<CuckooInsertion>> {
            "CF.INSERT" => key, "ITEMS", items
        }

        /// `CF.INSERT` with options.
        fn cf_insert_options(
            key: impl ToArg,
            items: impl ToArgs,
            options: &CfInsertOptions,
        ) -> Vec<Result<CuckooInsertion>> {
            "CF.INSERT" => key, options, "ITEMS", items
        }

        /// `CF.INSERTNX`: adds the items among these that the filter does not have; yields what became of each.
        ///
        /// ```no_run
        /// use hitless::{Commands, CuckooInsertion};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for became in client.cf_insert_nx("online", ["anna", "berta"])? {
        ///     match became? {
        ///         CuckooInsertion::Added => println!("has come"),
        ///         CuckooInsertion::Full => println!("has come, and the filter is full"),
        ///         _ => println!("was there, or passes for one who was"),
        ///     }
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn cf_insert_nx(key: impl ToArg, items: impl ToArgs) -> Vec<Result<CuckooInsertion>> {
            "CF.INSERTNX" => key, "ITEMS", items
        }

        /// `CF.INSERTNX` with options.
        fn cf_insert_nx_options(
            key: impl ToArg,
            items: impl ToArgs,
            options: &CfInsertOptions,
        ) -> Vec<Result<CuckooInsertion>> {
            "CF.INSERTNX" => key, options, "ITEMS", items
        }

        /// `CF.EXISTS`: whether an item may have been added. False is for sure, also where there is no filter.
        fn cf_exists(key: impl ToArg, item: impl ToArg) -> bool { "CF.EXISTS" => key, item }

        /// `CF.MEXISTS`: what [`cf_exists`](Commands::cf_exists) says of each of these items.
        fn cf_mexists(key: impl ToArg, items: impl ToArgs) -> Vec<bool> { "CF.MEXISTS" => key, items }

        /// `CF.COUNT`: how often an item may be in the filter: never less often than it is.
        fn cf_count(key: impl ToArg, item: impl ToArg) -> u64 { "CF.COUNT" => key, item }

        /// `CF.DEL`: deletes an item once; false: it was not there. To delete what was never added may delete
        /// another item. No filter is an error of the server.
        fn cf_del(key: impl ToArg, item: impl ToArg) -> bool { "CF.DEL" => key, item }

        /// `CF.RESERVE`: makes an empty filter for so many items. Where the key is, it is an error of the server.
        fn cf_reserve(key: impl ToArg, capacity: u64) -> () { "CF.RESERVE" => key, capacity }

        /// `CF.RESERVE` with options.
        fn cf_reserve_options(key: impl ToArg, capacity: u64, options: &CfReserveOptions) -> () {
            "CF.RESERVE" => key, capacity, options
        }

        /// `CF.COMPACT`: moves items of a filter that has grown into its first filters, and frees those that get
        /// empty.
        fn cf_compact(key: impl ToArg) -> () { "CF.COMPACT" => key }

        /// `CF.INFO`: what is known of a filter.
        fn cf_info(key: impl ToArg) -> CuckooInfo { "CF.INFO" => key }

        /// `CF.SCANDUMP`: a part of a filter, as [`bf_scandump`](Commands::bf_scandump).
        fn cf_scandump(key: impl ToArg, iterator: i64) -> FilterChunk { "CF.SCANDUMP" => key, iterator }

        /// `CF.LOADCHUNK`: loads a part of a filter, all of which are to come in their order.
        fn cf_loadchunk(key: impl ToArg, chunk: &FilterChunk) -> () {
            "CF.LOADCHUNK" => key, chunk.iterator, chunk.data
        }
    }};
}
pub(in crate::command) use cuckoo;
