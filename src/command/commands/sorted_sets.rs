//! Commands of sorted sets that do not block: members and their scores, counts, places, and what combines
//! several sets. Ranges are in a list of their own.

/// The commands of sorted sets, for a form.
macro_rules! sorted_sets {
    ($form:ident) => { $form! {
        /// `ZADD`: gives one member of a sorted set its score. Yields 1 if the member is new, else 0.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.zadd("players", "ada", 4200)?;
        /// client.zadd_multiple("players", &[(3100.5, "bob"), (2900.0, "eve")])?;
        /// let best: Vec<(String, f64)> = client.zrevrange_withscores("players", 0, 9)?;
        /// let place: Option<u64> = client.zrevrank("players", "bob")?; // 0 is the best
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn zadd(key: impl ToArg, member: impl ToArg, score: impl ToArg) -> u64 { "ZADD" => key, score, member }

        /// `ZADD`: gives many members their scores, each pair a score and its member; yields how many are new.
        fn zadd_multiple(key: impl ToArg, items: &[(impl ToArg, impl ToArg)]) -> u64 { "ZADD" => key, items }

        /// `ZADD` with options; yields how many members are new, or with
        /// [`ZAddOptions::count_changed`] how many are new or have another score.
        fn zadd_options(key: impl ToArg, member: impl ToArg, score: impl ToArg, options: &ZAddOptions) -> u64 {
            "ZADD" => key, options, score, member
        }

        /// `ZADD` with options, each pair a score and its member; yields what
        /// [`zadd_options`](Commands::zadd_options) does.
        fn zadd_multiple_options(
            key: impl ToArg,
            items: &[(impl ToArg, impl ToArg)],
            options: &ZAddOptions,
        ) -> u64 {
            "ZADD" => key, options, items
        }

        /// `ZADD ... INCR`: adds to the score of a member, with options; yields the sum. `None`: a condition was
        /// not met, and the score is as before.
        fn zadd_incr(
            key: impl ToArg,
            member: impl ToArg,
            delta: impl ToArg,
            options: &ZAddOptions,
        ) -> Option<f64> {
            "ZADD" => key, options, "INCR", delta, member
        }

        /// `ZINCRBY`: adds to the score of a member; yields the sum. A member that is not there counts as 0.
        fn zincr(key: impl ToArg, member: impl ToArg, delta: impl ToArg) -> f64 { "ZINCRBY" => key, delta, member }

        /// `ZREM`: removes members; yields how many were there.
        fn zrem(key: impl ToArg, members: impl ToArgs) -> u64 { "ZREM" => key, members }

        /// `ZCARD`: how many members a sorted set has; 0 if there is no such key.
        fn zcard(key: impl ToArg) -> u64 { "ZCARD" => key }

        /// `ZCOUNT`: how many members have a score between two bounds: numbers, or
        /// [`ScoreBound`](crate::ScoreBound)s.
        fn zcount(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> u64 { "ZCOUNT" => key, min, max }

        /// `ZLEXCOUNT`: how many members are between two bounds by their bytes, where all scores are the same:
        /// see [`LexBound`](crate::LexBound).
        fn zlexcount(key: impl ToArg, min: impl ToArg, max: impl ToArg) -> u64 { "ZLEXCOUNT" => key, min, max }

        /// `ZSCORE`: the score of a member; `None` if it is not there.
        fn zscore(key: impl ToArg, member: impl ToArg) -> Option<f64> { "ZSCORE" => key, member }

        /// `ZMSCORE`: the scores of many members, in their order.
        fn zscore_multiple(key: impl ToArg, members: impl ToArgs) -> Vec<Option<f64>> {
            "ZMSCORE" => key, members
        }

        /// `ZRANK`: the place of a member, the smallest score first: 0 is the first place. `None` if it is not
        /// there.
        fn zrank(key: impl ToArg, member: impl ToArg) -> Option<u64> { "ZRANK" => key, member }

        /// `ZREVRANK`: the place of a member, the greatest score first.
        fn zrevrank(key: impl ToArg, member: impl ToArg) -> Option<u64> { "ZREVRANK" => key, member }

        /// `ZRANK ... WITHSCORE`: the place of a member and its score. Redis 7.2, Valkey 7.2.
        fn zrank_withscore(key: impl ToArg, member: impl ToArg) -> Option<(u64, f64)> {
            "ZRANK" => key, member, "WITHSCORE"
        }

        /// `ZREVRANK ... WITHSCORE`: the place of a member, the greatest score first, and its score. Redis 7.2,
        /// Valkey 7.2.
        fn zrevrank_withscore(key: impl ToArg, member: impl ToArg) -> Option<(u64, f64)> {
            "ZREVRANK" => key, member, "WITHSCORE"
        }

        /// `ZPOPMIN`: takes up to `count` members with the smallest scores, which come with them.
        ///
        /// A member that does not become `T` has been taken all the same:
        /// [`Error::reply`](crate::Error::reply) has them all.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for (job, due) in client.zpopmin::<String>("due", 10)? {
        ///     println!("{job} was due at {due}");
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn zpopmin<T>(key: impl ToArg, count: u64) -> Vec<(T, f64)> { "ZPOPMIN" => key, count }

        /// `ZPOPMAX`: takes up to `count` members with the greatest scores, the greatest first.
        fn zpopmax<T>(key: impl ToArg, count: u64) -> Vec<(T, f64)> { "ZPOPMAX" => key, count }

        /// `ZMPOP ... MIN`: takes up to `count` members with the smallest scores from the first key that has some.
        /// Yields that key and them; `None` if there are none.
        fn zmpop_min<K, T>(keys: impl ToArgs, count: u64) -> Option<(K, Vec<(T, f64)>)> {
            "ZMPOP" => Counted(keys), "MIN", "COUNT", count
        }

        /// `ZMPOP ... MAX`: as [`zmpop_min`](Commands::zmpop_min), those with the greatest scores.
        fn zmpop_max<K, T>(keys: impl ToArgs, count: u64) -> Option<(K, Vec<(T, f64)>)> {
            "ZMPOP" => Counted(keys), "MAX", "COUNT", count
        }

        /// `ZRANDMEMBER`: members by chance. Without a count one member, nil if there is none; with a count a list,
        /// of different members if it is positive, and of so many that may repeat if it is negative.
        fn zrandmember<T>(key: impl ToArg, count: Option<i64>) -> T { "ZRANDMEMBER" => key, count }

        /// `ZRANDMEMBER ... WITHSCORES`: members by chance, with their scores.
        fn zrandmember_withscores<T>(key: impl ToArg, count: i64) -> Vec<(T, f64)> {
            "ZRANDMEMBER" => key, count, "WITHSCORES"
        }

        /// `ZINTER`: the members that are in all of these sets, the smallest sum of scores first.
        ///
        /// ```no_run
        /// use hitless::{Aggregate, Commands, ZCombineOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let twice_today = ZCombineOptions::new().weights([2, 1]).aggregate(Aggregate::Max);
        /// let top: Vec<(String, f64)> = client.zunion_withscores(["today", "week"], &twice_today)?;
        /// let stored: u64 = client.zinterstore("both", ["today", "week"])?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn zinter<T>(keys: impl ToArgs) -> T { "ZINTER" => Counted(keys) }

        /// `ZINTER ... WITHSCORES`: the members that are in all of these sets, with what became of their scores.
        fn zinter_withscores<T>(keys: impl ToArgs, options: &ZCombineOptions) -> Vec<(T, f64)> {
            "ZINTER" => Counted(keys), options, "WITHSCORES"
        }

        /// `ZINTERCARD`: how many members are in all of these sets. The server stops counting at `limit`; 0 counts
        /// all.
        fn zintercard(keys: impl ToArgs, limit: u64) -> u64 { "ZINTERCARD" => Counted(keys), "LIMIT", limit }

        /// `ZINTERSTORE`: stores the members that are in all of these sets, with the sums of their scores; yields
        /// how many there are. What was at `destination` is gone.
        fn zinterstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "ZINTERSTORE" => destination, Counted(keys)
        }

        /// `ZINTERSTORE` with options.
        fn zinterstore_options(destination: impl ToArg, keys: impl ToArgs, options: &ZCombineOptions) -> u64 {
            "ZINTERSTORE" => destination, Counted(keys), options
        }

        /// `ZUNION`: the members that are in any of these sets, the smallest sum of scores first.
        fn zunion<T>(keys: impl ToArgs) -> T { "ZUNION" => Counted(keys) }

        /// `ZUNION ... WITHSCORES`: the members that are in any of these sets, with what became of their scores.
        fn zunion_withscores<T>(keys: impl ToArgs, options: &ZCombineOptions) -> Vec<(T, f64)> {
            "ZUNION" => Counted(keys), options, "WITHSCORES"
        }

        /// `ZUNIONSTORE`: stores the members that are in any of these sets, with the sums of their scores; yields
        /// how many there are. What was at `destination` is gone.
        fn zunionstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "ZUNIONSTORE" => destination, Counted(keys)
        }

        /// `ZUNIONSTORE` with options.
        fn zunionstore_options(destination: impl ToArg, keys: impl ToArgs, options: &ZCombineOptions) -> u64 {
            "ZUNIONSTORE" => destination, Counted(keys), options
        }

        /// `ZDIFF`: the members of the first set that are in none of the others.
        fn zdiff<T>(keys: impl ToArgs) -> T { "ZDIFF" => Counted(keys) }

        /// `ZDIFF ... WITHSCORES`: the members of the first set that are in none of the others, with their scores.
        fn zdiff_withscores<T>(keys: impl ToArgs) -> Vec<(T, f64)> { "ZDIFF" => Counted(keys), "WITHSCORES" }

        /// `ZDIFFSTORE`: stores the members of the first set that are in none of the others; yields how many there
        /// are. What was at `destination` is gone.
        fn zdiffstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "ZDIFFSTORE" => destination, Counted(keys)
        }
    }};
}
pub(in crate::command) use sorted_sets;
