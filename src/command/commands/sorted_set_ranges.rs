//! Commands of ranges of sorted sets, the names that servers have replaced by `ZRANGE` with options among them.

/// The commands of ranges of sorted sets, for a form.
macro_rules! sorted_set_ranges {
    ($form:ident) => { $form! {
        /// `ZRANGE`: the members from one place to another, both included, the smallest score first; negative
        /// places count from the end.
        ///
        /// ```no_run
        /// use hitless::{Commands, LexBound, ScoreBound, ZRange};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let all: Vec<String> = client.zrange("players", 0, -1)?;
        /// let scores: Vec<(String, f64)> = client.zrange_withscores("players", 0, 9)?;
        /// let above_ten = ZRange::score(ScoreBound::Excluded(10.0), ScoreBound::Max);
        /// let above_ten: Vec<String> = client.zrange_by("players", &above_ten)?;
        /// let names = ZRange::lex(LexBound::included("a"), LexBound::excluded("b")).limit(0, 10);
        /// let names: Vec<String> = client.zrange_by("names", &names)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn zrange<T>(key: impl ToArg, start: i64, stop: i64) -> T { "ZRANGE" => key, start, stop }

        /// `ZRANGE ... WITHSCORES`: as [`zrange`](Commands::zrange), with scores.
        fn zrange_withscores<T>(key: impl ToArg, start: i64, stop: i64) -> Vec<(T, f64)> {
            "ZRANGE" => key, start, stop, "WITHSCORES"
        }

        /// `ZRANGE` by place, score or bytes, in either direction, with a limit: see [`ZRange`].
        fn zrange_by<T>(key: impl ToArg, range: &ZRange) -> T { "ZRANGE" => key, range }

        /// `ZRANGE ... WITHSCORES`: as [`zrange_by`](Commands::zrange_by), with scores. Not with [`ZRange::lex`],
        /// which servers refuse.
        fn zrange_by_withscores<T>(key: impl ToArg, range: &ZRange) -> Vec<(T, f64)> {
            "ZRANGE" => key, range, "WITHSCORES"
        }

        /// `ZRANGESTORE`: stores a range of `source`; yields how many members it has. What was at `destination` is
        /// gone.
        fn zrangestore(destination: impl ToArg, source: impl ToArg, range: &ZRange) -> u64 {
            "ZRANGESTORE" => destination, source, range
        }

        /// `ZREMRANGEBYRANK`: removes the members from one place to another, both included; yields how many.
        fn zremrangebyrank(key: impl ToArg, start: i64, stop: i64) -> u64 { "ZREMRANGEBYRANK" => key, start, stop }

        /// `ZREMRANGEBYSCORE`: removes the members between two scores, which are numbers or
        /// [`ScoreBound`](crate::ScoreBound)s; yields how many.
        ///
        /// ```no_run
        /// use hitless::{Commands, ScoreBound};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let forgotten: u64 = client.zrembyscore("seen", ScoreBound::Min, ScoreBound::Excluded(1_700_000_000.0))?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn zrembyscore(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> u64 {
            "ZREMRANGEBYSCORE" => key, min, max
        }

        /// `ZREMRANGEBYLEX`: removes the members between two bounds by their bytes, where all scores are the same:
        /// see [`LexBound`](crate::LexBound). Yields how many.
        fn zrembylex(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> u64 { "ZREMRANGEBYLEX" => key, min, max }

        /// `ZREVRANGE`: the members from one place to another, both included, the greatest score first.
        fn zrevrange<T>(key: impl ToArg, start: i64, stop: i64) -> T { "ZREVRANGE" => key, start, stop }

        /// `ZREVRANGE ... WITHSCORES`: as [`zrevrange`](Commands::zrevrange), with scores.
        fn zrevrange_withscores<T>(key: impl ToArg, start: i64, stop: i64) -> Vec<(T, f64)> {
            "ZREVRANGE" => key, start, stop, "WITHSCORES"
        }

        /// `ZRANGEBYSCORE`: the members between two scores, which are numbers or
        /// [`ScoreBound`](crate::ScoreBound)s.
        ///
        /// For this and the names that follow servers have [`zrange_by`](Commands::zrange_by) from 6.2 on.
        fn zrangebyscore<T>(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> T {
            "ZRANGEBYSCORE" => key, min, max
        }

        /// `ZRANGEBYSCORE ... WITHSCORES`: the members between two scores, with theirs.
        fn zrangebyscore_withscores<T>(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> Vec<(T, f64)> {
            "ZRANGEBYSCORE" => key, min, max, "WITHSCORES"
        }

        /// `ZRANGEBYSCORE ... LIMIT`: the members between two scores, without the first `offset`, and `count` at
        /// most; a negative count is all.
        fn zrangebyscore_limit<T>(
            key: impl ToArg,
            min: impl ToArg,
            max: impl ToArg,
            offset: u64,
            count: i64,
        ) -> T {
            "ZRANGEBYSCORE" => key, min, max, "LIMIT", offset, count
        }

        /// `ZRANGEBYSCORE ... WITHSCORES LIMIT`: as [`zrangebyscore_limit`](Commands::zrangebyscore_limit), with
        /// scores.
        fn zrangebyscore_limit_withscores<T>(
            key: impl ToArg,
            min: impl ToArg,
            max: impl ToArg,
            offset: u64,
            count: i64,
        ) -> Vec<(T, f64)> {
            "ZRANGEBYSCORE" => key, min, max, "WITHSCORES", "LIMIT", offset, count
        }

        /// `ZREVRANGEBYSCORE`: the members between two scores, the greatest first. The greater bound comes first.
        fn zrevrangebyscore<T>(key: impl ToArg, max: impl ToArg, min: impl ToArg) -> T {
            "ZREVRANGEBYSCORE" => key, max, min
        }

        /// `ZREVRANGEBYSCORE ... WITHSCORES`: as [`zrevrangebyscore`](Commands::zrevrangebyscore), with scores.
        fn zrevrangebyscore_withscores<T>(key: impl ToArg, max: impl ToArg, min: impl ToArg) -> Vec<(T, f64)> {
            "ZREVRANGEBYSCORE" => key, max, min, "WITHSCORES"
        }

        /// `ZREVRANGEBYSCORE ... LIMIT`: as [`zrevrangebyscore`](Commands::zrevrangebyscore), without the first
        /// `offset`, and `count` at most.
        fn zrevrangebyscore_limit<T>(
            key: impl ToArg,
            max: impl ToArg,
            min: impl ToArg,
            offset: u64,
            count: i64,
        ) -> T {
            "ZREVRANGEBYSCORE" => key, max, min, "LIMIT", offset, count
        }

        /// `ZREVRANGEBYSCORE ... WITHSCORES LIMIT`: as
        /// [`zrevrangebyscore_limit`](Commands::zrevrangebyscore_limit), with scores.
        fn zrevrangebyscore_limit_withscores<T>(
            key: impl ToArg,
            max: impl ToArg,
            min: impl ToArg,
            offset: u64,
            count: i64,
        ) -> Vec<(T, f64)> {
            "ZREVRANGEBYSCORE" => key, max, min, "WITHSCORES", "LIMIT", offset, count
        }

        /// `ZRANGEBYLEX`: the members between two bounds by their bytes, where all scores are the same: see
        /// [`LexBound`](crate::LexBound).
        fn zrangebylex<T>(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> T { "ZRANGEBYLEX" => key, min, max }

        /// `ZRANGEBYLEX ... LIMIT`: as [`zrangebylex`](Commands::zrangebylex), without the first `offset`, and
        /// `count` at most; a negative count is all.
        fn zrangebylex_limit<T>(
            key: impl ToArg,
            min: impl ToArg,
            max: impl ToArg,
            offset: u64,
            count: i64,
        ) -> T {
            "ZRANGEBYLEX" => key, min, max, "LIMIT", offset, count
        }

        /// `ZREVRANGEBYLEX`: as [`zrangebylex`](Commands::zrangebylex), from the end to the start. The greater bound
        /// comes first.
        fn zrevrangebylex<T>(key: impl ToArg, max: impl ToArg, min: impl ToArg) -> T {
            "ZREVRANGEBYLEX" => key, max, min
        }

        /// `ZREVRANGEBYLEX ... LIMIT`: as [`zrevrangebylex`](Commands::zrevrangebylex), without the first `offset`,
        /// and `count` at most.
        fn zrevrangebylex_limit<T>(
            key: impl ToArg,
            max: impl ToArg,
            min: impl ToArg,
            offset: u64,
            count: i64,
        ) -> T {
            "ZREVRANGEBYLEX" => key, max, min, "LIMIT", offset, count
        }
    }};
}
pub(in crate::command) use sorted_set_ranges;
