//! Commands of JSON documents: the module RedisJSON, which Redis 8 has built in.

/// The commands of JSON documents, for a form.
macro_rules! json {
    ($form:ident) => { $form! {
        /// `JSON.SET`: puts a JSON value at each place that a path means, and makes the last name of the path where
        /// only that is missing. False: nothing was set, because the path leads nowhere. `$` is the whole document.
        ///
        /// The value is JSON: [`Json`](crate::Json) of any type, or a text that is JSON already. A text without it
        /// has its quotes in it, and `true` is a text: [`Json`](crate::Json) makes both of `"anna"` and of `true`
        /// what they look like.
        ///
        /// ```no_run
        /// use hitless::{Commands, Json};
        /// use serde::{Deserialize, Serialize};
        ///
        /// #[derive(Serialize, Deserialize)]
        /// struct User {
        ///     name: String,
        ///     logins: u32,
        ///     tags: Vec<String>,
        /// }
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let ada = User { name: "Ada".to_owned(), logins: 3, tags: Vec::new() };
        /// client.json_set("user:7", "$", Json(&ada))?;
        /// client.json_set("user:7", "$.name", Json("Ada Lovelace"))?;
        /// client.json_num_incr_by::<u32>("user:7", "$.logins", 1)?;
        /// client.json_arr_append("user:7", "$.tags", [Json("countess"), Json("writer")])?;
        ///
        /// // The document itself; None: there is no such key.
        /// let user: Option<Json<User>> = client.json_get("user:7", ".")?;
        /// // A JSONPath means any number of places: its reply is a list.
        /// let names: Option<Json<Vec<String>>> = client.json_get("user:7", "$.name")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn json_set(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> bool { "JSON.SET" => key, path, value }

        /// `JSON.SET` with a condition: see [`JsonSetOptions`](crate::JsonSetOptions). False: nothing was set.
        fn json_set_options(
            key: impl ToArg,
            path: impl ToArg,
            value: impl ToArg,
            options: &JsonSetOptions,
        ) -> bool {
            "JSON.SET" => key, path, value, options
        }

        /// `JSON.MSET`: sets places in many documents at once, each a key, a path and a JSON value. Nothing is set
        /// if one of them is an error; one whose path leads nowhere is passed over, and the reply does not say it.
        fn json_mset(items: impl ToArgs) -> () { "JSON.MSET" => items }

        /// `JSON.MERGE`: merges a JSON value into each place that a path means: names that it has get its values,
        /// and those that it has as `null` are removed (RFC 7396). False: the path leads nowhere.
        fn json_merge(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> bool {
            "JSON.MERGE" => key, path, value
        }

        /// `JSON.GET`: what paths mean, as JSON text; nil if there is no such key.
        ///
        /// A JSONPath (`$.name`) yields a list of all that it means, `[]` if nothing: `Option<Json<Vec<User>>>`. A
        /// path of the old kind (`.` or `.name`) yields the one value, and an error if there is none:
        /// `Option<Json<User>>`. Many paths, `["$.name", "$.age"]`, yield an object with each path as a name; none,
        /// `()`, the whole document.
        fn json_get<T>(key: impl ToArg, paths: impl ToArgs) -> T { "JSON.GET" => key, paths }

        /// `JSON.GET`, laid out for people: see [`JsonGetOptions`](crate::JsonGetOptions).
        fn json_get_options<T>(key: impl ToArg, paths: impl ToArgs, options: &JsonGetOptions) -> T {
            "JSON.GET" => key, options, paths
        }

        /// `JSON.MGET`: what one path means in many documents, as [`json_get`](Commands::json_get) has it, in the
        /// order of the keys; nil for each that is not there.
        fn json_mget<T>(keys: impl ToArgs, path: impl ToArg) -> T { "JSON.MGET" => keys, path }

        /// `JSON.DEL`: removes what a path means; yields how many values. `$` removes the key.
        fn json_del(key: impl ToArg, path: impl ToArg) -> u64 { "JSON.DEL" => key, path }

        /// `JSON.CLEAR`: empties the objects and arrays that a path means, and makes numbers 0; yields how many
        /// values it has changed.
        fn json_clear(key: impl ToArg, path: impl ToArg) -> u64 { "JSON.CLEAR" => key, path }

        /// `JSON.TOGGLE`: makes `false` of `true` and the reverse; yields what is there now.
        fn json_toggle(key: impl ToArg, path: impl ToArg) -> JsonMatches<bool> { "JSON.TOGGLE" => key, path }

        /// `JSON.TYPE`: the kind of what a path means. One `None`: there is no such key.
        fn json_type(key: impl ToArg, path: impl ToArg) -> JsonMatches<JsonType> { "JSON.TYPE" => key, path }

        /// `JSON.NUMINCRBY`: adds to the numbers that a path means; yields the sums, as `i64`, `f64` or a type of
        /// yours. An integer to which a fraction is added is one with a fraction from then on.
        ///
        /// ```no_run
        /// use hitless::{Commands, JsonNumbers};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let stock: Option<i64> = client.json_num_incr_by("shop", "$.shelves[0].stock", -1)?.first();
        /// let JsonNumbers(prices) = client.json_num_mult_by::<f64>("shop", "$..price", 1.1)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn json_num_incr_by<T>(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> JsonNumbers<T> {
            "JSON.NUMINCRBY" => key, path, value
        }

        /// `JSON.NUMMULTBY`: multiplies the numbers that a path means; yields the products.
        fn json_num_mult_by<T>(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> JsonNumbers<T> {
            "JSON.NUMMULTBY" => key, path, value
        }

        /// `JSON.STRAPPEND`: appends to the texts that a path means; yields their lengths then, in bytes. The value
        /// is a JSON text, with its quotes: `Json("more")`.
        fn json_str_append(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> JsonMatches<u64> {
            "JSON.STRAPPEND" => key, path, value
        }

        /// `JSON.STRLEN`: the lengths of the texts that a path means, in bytes.
        fn json_str_len(key: impl ToArg, path: impl ToArg) -> JsonMatches<u64> { "JSON.STRLEN" => key, path }

        /// `JSON.ARRAPPEND`: appends JSON values to the arrays that a path means; yields their lengths then.
        ///
        /// ```no_run
        /// use hitless::{Commands, Json};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.json_arr_append("user:7", "$.visits", Json(("Paris", 1843)))?;
        /// // Taken from the end: what does not become the type is in the error.
        /// let last = client.json_arr_pop::<Json<(String, u32)>>("user:7", "$.visits", -1)?.first();
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn json_arr_append(key: impl ToArg, path: impl ToArg, values: impl ToArgs) -> JsonMatches<u64> {
            "JSON.ARRAPPEND" => key, path, values
        }

        /// `JSON.ARRINDEX`: at which index a JSON value is in each array that a path means, counting from 0; -1 if
        /// it is not there.
        fn json_arr_index(key: impl ToArg, path: impl ToArg, value: impl ToArg) -> JsonMatches<i64> {
            "JSON.ARRINDEX" => key, path, value
        }

        /// `JSON.ARRINDEX` from the index `start` up to `stop`, which is not looked at; a `stop` of 0 is the end.
        /// Negative ones count from the end.
        fn json_arr_index_ss(
            key: impl ToArg,
            path: impl ToArg,
            value: impl ToArg,
            start: i64,
            stop: i64,
        ) -> JsonMatches<i64> {
            "JSON.ARRINDEX" => key, path, value, start, stop
        }

        /// `JSON.ARRINSERT`: puts JSON values in front of an index of the arrays that a path means; yields their
        /// lengths then. A negative index counts from the end.
        fn json_arr_insert(
            key: impl ToArg,
            path: impl ToArg,
            index: i64,
            values: impl ToArgs,
        ) -> JsonMatches<u64> {
            "JSON.ARRINSERT" => key, path, index, values
        }

        /// `JSON.ARRLEN`: the lengths of the arrays that a path means.
        fn json_arr_len(key: impl ToArg, path: impl ToArg) -> JsonMatches<u64> { "JSON.ARRLEN" => key, path }

        /// `JSON.ARRPOP`: takes the element at an index out of each array that a path means, -1 for the last. Each
        /// comes as JSON text: [`Json`](crate::Json) of your type, or `String`.
        ///
        /// An element that does not become `T` has been taken all the same:
        /// [`Error::reply`](crate::Error::reply) has them all.
        fn json_arr_pop<T>(key: impl ToArg, path: impl ToArg, index: i64) -> JsonMatches<T> {
            "JSON.ARRPOP" => key, path, index
        }

        /// `JSON.ARRTRIM`: keeps the elements from `start` to `stop`, both included, of the arrays that a path
        /// means; yields their lengths then.
        fn json_arr_trim(key: impl ToArg, path: impl ToArg, start: i64, stop: i64) -> JsonMatches<u64> {
            "JSON.ARRTRIM" => key, path, start, stop
        }

        /// `JSON.OBJKEYS`: the names in the objects that a JSONPath means, in no order; `None` for what is no object.
        /// The path begins with `$`: the reply to a path of the old kind does not convert.
        fn json_obj_keys(key: impl ToArg, path: impl ToArg) -> Vec<Option<Vec<String>>> {
            "JSON.OBJKEYS" => key, path
        }

        /// `JSON.OBJLEN`: how many names are in the objects that a path means.
        fn json_obj_len(key: impl ToArg, path: impl ToArg) -> JsonMatches<u64> { "JSON.OBJLEN" => key, path }

        /// `JSON.RESP`: what a path means, in values of the protocol instead of JSON text: an array begins with
        /// `[`, an object with `{` and is names and values in turn, and numbers with a fraction are texts on RESP2.
        fn json_resp(key: impl ToArg, path: impl ToArg) -> Value { "JSON.RESP" => key, path }

        /// `JSON.DEBUG MEMORY`: how many bytes the values take that a path means. Of no key: none by a JSONPath, and
        /// 0 by a path of the old kind.
        fn json_debug_memory(key: impl ToArg, path: impl ToArg) -> JsonMatches<u64> {
            "JSON.DEBUG MEMORY" => key, path
        }
    }};
}
pub(in crate::command) use json;
