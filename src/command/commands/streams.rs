//! Commands of streams that do not block and need no group.

/// The commands of streams, for a form.
macro_rules! streams {
    ($form:ident) => { $form! {
        /// `XADD`: adds an entry of fields and their values; yields its ID. `"*"` lets the server choose the ID.
        ///
        /// Nothing but the ID tells whether it was added: after an error of
        /// [`Delivery::Unknown`](crate::Delivery::Unknown) it may be there, and would be there twice if it were
        /// sent again with `"*"`.
        ///
        /// ```no_run
        /// use hitless::{Commands, StreamEntry, StreamId};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let id: StreamId = client.xadd("readings", "*", [("celsius", 21.5)])?;
        /// let all: Vec<StreamEntry> = client.xrange("readings", "-", "+")?;
        /// let since = client.xread::<String>("readings", StreamId::MIN)?;
        /// for entry in since.into_iter().flat_map(|(_stream, entries)| entries) {
        ///     let celsius: Option<f64> = entry.get("celsius")?;
        ///     println!("{}: {celsius:?}", entry.id);
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn xadd(key: impl ToArg, id: impl ToArg, fields: impl ToArgs) -> StreamId { "XADD" => key, id, fields }

        /// `XADD` with options; `None`: there is no such stream, and the options say that none is to be made.
        fn xadd_options(
            key: impl ToArg,
            id: impl ToArg,
            fields: impl ToArgs,
            options: &XAddOptions,
        ) -> Option<StreamId> {
            "XADD" => key, options, id, fields
        }

        /// `XLEN`: how many entries a stream has; 0 if there is no such key.
        fn xlen(key: impl ToArg) -> u64 { "XLEN" => key }

        /// `XDEL`: deletes entries; yields how many were there.
        fn xdel(key: impl ToArg, ids: impl ToArgs) -> u64 { "XDEL" => key, ids }

        /// `XDELEX`: deletes entries, and says what becomes of groups' pending lists; yields what became of each, in
        /// their order. Redis 8.2.
        fn xdel_ex(key: impl ToArg, ids: impl ToArgs, policy: StreamDeletionPolicy) -> Vec<StreamDeletion> {
            "XDELEX" => key, policy, "IDS", Counted(ids)
        }

        /// `XTRIM`: cuts a stream off at its start; yields how many entries were removed.
        fn xtrim(key: impl ToArg, trim: &StreamTrim) -> u64 { "XTRIM" => key, trim }

        /// `XRANGE`: the entries from one ID to another, both included. `"-"` and `"+"` are the ends of the stream;
        /// an ID behind `(` is excluded.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let mut page = client.xrange_count("readings", "-", "+", 100)?;
        /// while let Some(last) = page.last() {
        ///     page = client.xrange_count("readings", format!("({}", last.id), "+", 100)?;
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn xrange(key: impl ToArg, start: impl ToArg, end: impl ToArg) -> Vec<StreamEntry> {
            "XRANGE" => key, start, end
        }

        /// `XRANGE - +`: all entries of a stream.
        fn xrange_all(key: impl ToArg) -> Vec<StreamEntry> { "XRANGE" => key, "-", "+" }

        /// `XRANGE ... COUNT`: the first entries of a range, at most so many.
        fn xrange_count(key: impl ToArg, start: impl ToArg, end: impl ToArg, count: u64) -> Vec<StreamEntry> {
            "XRANGE" => key, start, end, "COUNT", count
        }

        /// `XREVRANGE`: the entries of a range, the last one first. The greater ID comes first, too.
        fn xrevrange(key: impl ToArg, end: impl ToArg, start: impl ToArg) -> Vec<StreamEntry> {
            "XREVRANGE" => key, end, start
        }

        /// `XREVRANGE + -`: all entries of a stream, the last one first.
        fn xrevrange_all(key: impl ToArg) -> Vec<StreamEntry> { "XREVRANGE" => key, "+", "-" }

        /// `XREVRANGE ... COUNT`: the last entries of a range, at most so many.
        fn xrevrange_count(key: impl ToArg, end: impl ToArg, start: impl ToArg, count: u64) -> Vec<StreamEntry> {
            "XREVRANGE" => key, end, start, "COUNT", count
        }

        /// `XREAD`: the entries behind an ID of each stream, one ID for each key; streams without any are left out.
        /// Does not wait: [`xread_block`](Commands::xread_block) does.
        fn xread<K>(keys: impl ToArgs, ids: impl ToArgs) -> Vec<(K, Vec<StreamEntry>)> {
            "XREAD" => "STREAMS", keys, ids
        }

        /// `XREAD` with options.
        fn xread_options<K>(
            keys: impl ToArgs,
            ids: impl ToArgs,
            options: &XReadOptions,
        ) -> Vec<(K, Vec<StreamEntry>)> {
            "XREAD" => options, "STREAMS", keys, ids
        }

        /// `XSETID`: sets the ID of the last entry, below which none can be added.
        fn xsetid(key: impl ToArg, last_id: impl ToArg) -> () { "XSETID" => key, last_id }

        /// `XSETID ... ENTRIESADDED MAXDELETEDID`: sets also how many entries were ever added, and the greatest ID of
        /// those that were deleted.
        fn xsetid_entries(
            key: impl ToArg,
            last_id: impl ToArg,
            entries_added: u64,
            max_deleted_id: impl ToArg,
        ) -> () {
            "XSETID" => key, last_id, "ENTRIESADDED", entries_added, "MAXDELETEDID", max_deleted_id
        }

        /// `XINFO STREAM`: what the server knows of a stream.
        fn xinfo_stream(key: impl ToArg) -> StreamInfo { "XINFO STREAM" => key }

        /// `XINFO STREAM ... FULL`: what the server knows of a stream, its groups and consumers, with at most `count`
        /// entries in each list; 0 is all.
        fn xinfo_stream_full(key: impl ToArg, count: u64) -> StreamFullInfo {
            "XINFO STREAM" => key, "FULL", "COUNT", count
        }
    }};
}
pub(in crate::command) use streams;
