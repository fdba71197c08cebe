//! Commands of hashes.

/// The commands of hashes, for a form.
macro_rules! hashes {
    ($form:ident) => {
        $form! {
            /// `HSET`: sets one field of a hash. True: it is new.
            ///
            /// ```no_run
            /// use hitless::Commands;
            /// use std::collections::HashMap;
            ///
            /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
            /// client.hset("user:7", "name", "Ada")?;
            /// client.hset_multiple("user:7", [("language", "en"), ("city", "London")])?;
            /// let user: HashMap<String, String> = client.hgetall("user:7")?;
            /// # Ok::<(), hitless::Error>(())
            /// ```
            fn hset(key: impl ToArg, field: impl ToArg, value: impl ToArg) -> bool {
                "HSET" => key, field, value
            }

            /// `HSET`: sets many fields of a hash; yields how many are new.
            fn hset_multiple(key: impl ToArg, fields: impl ToArgs) -> u64 { "HSET" => key, fields }

            /// `HGET`: one field of a hash.
            fn hget<T>(key: impl ToArg, field: impl ToArg) -> T { "HGET" => key, field }

            /// `HGETALL`: all fields of a hash, as a map or a list of pairs; none if there is no such key.
            fn hgetall<T>(key: impl ToArg) -> T { "HGETALL" => key }

            /// `HDEL`: removes fields of a hash; yields how many existed.
            fn hdel(key: impl ToArg, fields: impl ToArgs) -> u64 { "HDEL" => key, fields }
        }
    };
}
pub(in crate::command) use hashes;
