//! Commands of sets.

/// The commands of sets, for a form.
macro_rules! sets {
    ($form:ident) => { $form! {
        /// `SADD`: puts members into a set; yields how many are new.
        ///
        /// ```no_run
        /// use hitless::Commands;
        /// use std::collections::HashSet;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.sadd("tags:7", ["rust", "redis"])?;
        /// if client.sismember("tags:7", "rust")? {
        ///     let tags: HashSet<String> = client.smembers("tags:7")?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn sadd(key: impl ToArg, members: impl ToArgs) -> u64 { "SADD" => key, members }

        /// `SREM`: removes members of a set; yields how many were there.
        fn srem(key: impl ToArg, members: impl ToArgs) -> u64 { "SREM" => key, members }

        /// `SCARD`: how many members a set has; 0 if there is no such key.
        fn scard(key: impl ToArg) -> u64 { "SCARD" => key }

        /// `SMEMBERS`: all members of a set, as a set or a list in no order.
        fn smembers<T>(key: impl ToArg) -> T { "SMEMBERS" => key }

        /// `SISMEMBER`: whether a set has a member.
        fn sismember(key: impl ToArg, member: impl ToArg) -> bool { "SISMEMBER" => key, member }

        /// `SMISMEMBER`: whether a set has each of these members, in their order. From 6.2 on.
        fn smismember(key: impl ToArg, members: impl ToArgs) -> Vec<bool> { "SMISMEMBER" => key, members }

        /// `SMOVE`: moves a member from a set to another. False: it was not there.
        fn smove(source: impl ToArg, destination: impl ToArg, member: impl ToArg) -> bool {
            "SMOVE" => source, destination, member
        }

        /// `SPOP`: takes any member of a set; `None` if it has none.
        fn spop<T>(key: impl ToArg) -> Option<T> { "SPOP" => key }

        /// `SPOP` with a count: takes any members of a set, so many or all if there are fewer.
        fn spop_multiple<T>(key: impl ToArg, count: u64) -> T { "SPOP" => key, count }

        /// `SRANDMEMBER`: any member of a set; nil if it has none.
        fn srandmember<T>(key: impl ToArg) -> T { "SRANDMEMBER" => key }

        /// `SRANDMEMBER` with a count: any members of a set, so many or all if there are fewer. A negative count is
        /// met in any case, with members that may come more than once.
        fn srandmember_multiple<T>(key: impl ToArg, count: i64) -> T { "SRANDMEMBER" => key, count }

        /// `SUNION`: the members that any of the sets has.
        ///
        /// ```no_run
        /// use hitless::Commands;
        /// use std::collections::HashSet;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let both: HashSet<String> = client.sinter(["tags:7", "tags:8"])?;
        /// let only_here: Vec<String> = client.sdiff(["tags:7", "tags:8"])?;
        /// // Whether there are ten of them, without counting on.
        /// let are_close = client.sintercard_limit(["tags:7", "tags:8"], 10)? == 10;
        /// let all: u64 = client.sunionstore("tags", ["tags:7", "tags:8"])?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn sunion<T>(keys: impl ToArgs) -> T { "SUNION" => keys }

        /// `SUNIONSTORE`: makes a set of the members that any of the sets has; yields how many those are.
        fn sunionstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "SUNIONSTORE" => destination, keys
        }

        /// `SINTER`: the members that all of the sets have.
        fn sinter<T>(keys: impl ToArgs) -> T { "SINTER" => keys }

        /// `SINTERSTORE`: makes a set of the members that all of the sets have; yields how many those are.
        fn sinterstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "SINTERSTORE" => destination, keys
        }

        /// `SINTERCARD`: how many members all of the sets have. From 7.0 on.
        fn sintercard(keys: impl ToArgs) -> u64 { "SINTERCARD" => Counted(keys) }

        /// `SINTERCARD ... LIMIT`: how many members all of the sets have, counted up to `limit` only; 0 is no
        /// limit. From 7.0 on.
        fn sintercard_limit(keys: impl ToArgs, limit: u64) -> u64 {
            "SINTERCARD" => Counted(keys), "LIMIT", limit
        }

        /// `SDIFF`: the members of the first set that none of the others has.
        fn sdiff<T>(keys: impl ToArgs) -> T { "SDIFF" => keys }

        /// `SDIFFSTORE`: makes a set of the members of the first set that none of the others has; yields how many
        /// those are.
        fn sdiffstore(destination: impl ToArg, keys: impl ToArgs) -> u64 {
            "SDIFFSTORE" => destination, keys
        }
    }};
}
pub(in crate::command) use sets;
