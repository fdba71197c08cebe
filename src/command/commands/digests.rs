//! T-digests: estimates of quantiles and ranks among numbers that are not kept. RedisBloom and Redis 8.

/// The commands of t-digests, for a form.
macro_rules! digests {
    ($form:ident) => { $form! {
        /// `TDIGEST.CREATE`: makes an empty t-digest with a compression of 100. Where the key is, it is an error of the
        /// server.
        ///
        /// ```no_run
        /// use hitless::{Commands, TDigestMergeOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.tdigest_create("latency:a")?;
        /// client.tdigest_add("latency:a", [1.5, 2.0, 80.0])?;
        /// let anew = TDigestMergeOptions::new().replace();
        /// client.tdigest_merge_options("latency", ["latency:a"], &anew)?;
        /// if let [median, late] = client.tdigest_quantile("latency", [0.5, 0.99])?[..] {
        ///     println!("half within {median} ms, nearly all within {late} ms");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn tdigest_create(key: impl ToArg) -> () { "TDIGEST.CREATE" => key }

        /// `TDIGEST.CREATE` with another compression: the greater, the more exact and the larger.
        fn tdigest_create_compression(key: impl ToArg, compression: u64) -> () {
            "TDIGEST.CREATE" => key, "COMPRESSION", compression
        }

        /// `TDIGEST.ADD`: adds observations, which are finite numbers.
        fn tdigest_add(key: impl ToArg, values: impl ToArgs) -> () { "TDIGEST.ADD" => key, values }

        /// `TDIGEST.RESET`: removes all observations.
        fn tdigest_reset(key: impl ToArg) -> () { "TDIGEST.RESET" => key }

        /// `TDIGEST.MERGE`: adds the observations of other t-digests to one, which is made if it is not there.
        fn tdigest_merge(destination: impl ToArg, sources: impl ToArgs) -> () {
            "TDIGEST.MERGE" => destination, Counted(sources)
        }

        /// `TDIGEST.MERGE` with options.
        fn tdigest_merge_options(
            destination: impl ToArg,
            sources: impl ToArgs,
            options: &TDigestMergeOptions,
        ) -> () {
            "TDIGEST.MERGE" => destination, Counted(sources), options
        }

        /// `TDIGEST.MIN`: the smallest observation; NaN if there is none.
        fn tdigest_min(key: impl ToArg) -> f64 { "TDIGEST.MIN" => key }

        /// `TDIGEST.MAX`: the greatest observation; NaN if there is none.
        fn tdigest_max(key: impl ToArg) -> f64 { "TDIGEST.MAX" => key }

        /// `TDIGEST.QUANTILE`: for each of these shares, from 0 to 1, the number below which that share of the
        /// observations is; NaN if there are none.
        fn tdigest_quantile(key: impl ToArg, quantiles: impl ToArgs) -> Vec<f64> {
            "TDIGEST.QUANTILE" => key, quantiles
        }

        /// `TDIGEST.CDF`: which share of the observations is below each of these numbers, with half of those that are
        /// equal to it; NaN if there are none.
        fn tdigest_cdf(key: impl ToArg, values: impl ToArgs) -> Vec<f64> { "TDIGEST.CDF" => key, values }

        /// `TDIGEST.TRIMMED_MEAN`: the mean of the observations between two quantiles, from 0 to 1; NaN if there are
        /// none.
        fn tdigest_trimmed_mean(key: impl ToArg, low: f64, high: f64) -> f64 {
            "TDIGEST.TRIMMED_MEAN" => key, low, high
        }

        /// `TDIGEST.RANK`: how many observations are below each of these numbers, with half of those that are equal to
        /// it; -1: it is smaller than all; -2: there are no observations.
        fn tdigest_rank(key: impl ToArg, values: impl ToArgs) -> Vec<i64> { "TDIGEST.RANK" => key, values }

        /// `TDIGEST.REVRANK`: as [`tdigest_rank`](Commands::tdigest_rank), counted from the greatest on; -1: it is
        /// greater than all.
        fn tdigest_revrank(key: impl ToArg, values: impl ToArgs) -> Vec<i64> {
            "TDIGEST.REVRANK" => key, values
        }

        /// `TDIGEST.BYRANK`: the observation at each of these places, the smallest at 0; infinity behind the last one,
        /// NaN if there are none.
        fn tdigest_byrank(key: impl ToArg, ranks: impl ToArgs) -> Vec<f64> { "TDIGEST.BYRANK" => key, ranks }

        /// `TDIGEST.BYREVRANK`: the observation at each of these places, the greatest at 0; negative infinity behind
        /// the last one, NaN if there are none.
        fn tdigest_byrevrank(key: impl ToArg, ranks: impl ToArgs) -> Vec<f64> {
            "TDIGEST.BYREVRANK" => key, ranks
        }

        /// `TDIGEST.INFO`: what is known of a t-digest.
        fn tdigest_info(key: impl ToArg) -> TDigestInfo { "TDIGEST.INFO" => key }
    }};
}
pub(in crate::command) use digests;
