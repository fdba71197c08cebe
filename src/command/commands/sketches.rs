//! Count-min sketches, which estimate how often each item came, and top lists, which keep those that came most
//! often. RedisBloom and Redis 8.

/// The commands of count-min sketches and of top lists, for a form.
macro_rules! sketches {
    ($form:ident) => { $form! {
        /// `CMS.INITBYDIM`: makes a count-min sketch of so many rows (`depth`) with so many counters each (`width`).
        /// Where the key is, it is an error of the server.
        fn cms_init_by_dim(key: impl ToArg, width: u64, depth: u64) -> () {
            "CMS.INITBYDIM" => key, width, depth
        }

        /// `CMS.INITBYPROB`: makes a count-min sketch whose estimates are too great by a share of `error` of all
        /// counts at most, but for a share of `probability` of the items; both between 0 and 1.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.cms_init_by_prob("hits:monday", 0.001, 0.01)?;
        /// for counted in client.cms_incr_by("hits:monday", [("/", 3), ("/about", 1)])? {
        ///     println!("now about {}", counted?);
        /// }
        /// client.cms_init_by_prob("hits", 0.001, 0.01)?;
        /// client.cms_merge("hits", ["hits:monday"])?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn cms_init_by_prob(key: impl ToArg, error: f64, probability: f64) -> () {
            "CMS.INITBYPROB" => key, error, probability
        }

        /// `CMS.INCRBY`: counts items, each with its number behind it; yields the estimate of each. One that has got
        /// too great for its counter is an error in its place.
        fn cms_incr_by(key: impl ToArg, increments: impl ToArgs) -> Vec<Result<u64>> {
            "CMS.INCRBY" => key, increments
        }

        /// `CMS.QUERY`: about how often each of these items came: never less often than it did.
        fn cms_query(key: impl ToArg, items: impl ToArgs) -> Vec<u64> { "CMS.QUERY" => key, items }

        /// `CMS.MERGE`: counts of several sketches together, in place of those at `destination`, which is there
        /// already. All have the same width and depth.
        fn cms_merge(destination: impl ToArg, sources: impl ToArgs) -> () {
            "CMS.MERGE" => destination, Counted(sources)
        }

        /// `CMS.MERGE ... WEIGHTS`: as [`cms_merge`](Commands::cms_merge), with the counts of each source times its
        /// weight, an integer.
        fn cms_merge_weights(destination: impl ToArg, sources: impl ToArgs, weights: impl ToArgs) -> () {
            "CMS.MERGE" => destination, Counted(sources), "WEIGHTS", weights
        }

        /// `CMS.INFO`: what is known of a sketch.
        fn cms_info(key: impl ToArg) -> SketchInfo { "CMS.INFO" => key }

        /// `TOPK.RESERVE`: makes a list of the `k` items that come most often. Where the key is, it is an error of the
        /// server.
        ///
        /// ```no_run
        /// use hitless::{Commands, TopKReserveOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.topk_reserve_options("songs", 10, &TopKReserveOptions::new().width(1000))?;
        /// let dropped: Vec<Option<String>> = client.topk_add("songs", ["Blackbird", "Yesterday"])?;
        /// for (song, count) in client.topk_list_withcount::<String>("songs")? {
        ///     println!("{song}: about {count} times");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn topk_reserve(key: impl ToArg, k: u64) -> () { "TOPK.RESERVE" => key, k }

        /// `TOPK.RESERVE` with options.
        fn topk_reserve_options(key: impl ToArg, k: u64, options: &TopKReserveOptions) -> () {
            "TOPK.RESERVE" => key, k, options
        }

        /// `TOPK.ADD`: counts items; yields for each the one that it has driven off the list, or `None`.
        fn topk_add<T>(key: impl ToArg, items: impl ToArgs) -> Vec<Option<T>> { "TOPK.ADD" => key, items }

        /// `TOPK.INCRBY`: counts items, each with its number behind it, from 0 to 100,000; yields for each the one that
        /// it has driven off the list, or `None`.
        ///
        /// Another number is [`ErrorKind::Usage`](crate::ErrorKind::Usage), and nothing is sent: RedisBloom 2.8
        /// announces a reply for each item then, sends fewer, and whoever shares the connection would get replies
        /// that belong to others.
        fn topk_incr_by<T>(key: impl ToArg, increments: impl ToArgs) -> Vec<Option<T>> {
            "TOPK.INCRBY" => key, increments
        }

        /// `TOPK.QUERY`: whether each of these items is on the list.
        fn topk_query(key: impl ToArg, items: impl ToArgs) -> Vec<bool> { "TOPK.QUERY" => key, items }

        /// `TOPK.COUNT`: about how often each of these items came. Servers advise against it: the numbers of items
        /// that are not on the list say little.
        fn topk_count(key: impl ToArg, items: impl ToArgs) -> Vec<u64> { "TOPK.COUNT" => key, items }

        /// `TOPK.LIST`: the items on the list, those first that came most often. RedisBloom yields an item up to its
        /// first zero byte, also where it was driven off the list.
        fn topk_list<T>(key: impl ToArg) -> Vec<T> { "TOPK.LIST" => key }

        /// `TOPK.LIST ... WITHCOUNT`: the items on the list, and about how often each came.
        fn topk_list_withcount<T>(key: impl ToArg) -> Vec<(T, u64)> { "TOPK.LIST" => key, "WITHCOUNT" }

        /// `TOPK.INFO`: what is known of a list.
        fn topk_info(key: impl ToArg) -> TopKInfo { "TOPK.INFO" => key }
    }};
}
pub(in crate::command) use sketches;
