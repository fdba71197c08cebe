//! Commands of HyperLogLogs.

/// The commands of HyperLogLogs, for a form.
macro_rules! hyperloglogs {
    ($form:ident) => { $form! {
        /// `PFADD`: counts elements, each of them once however often it comes. True: the estimate may have changed.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// client.pfadd("visitors:monday", ["ada", "grace"])?;
        /// client.pfmerge("visitors", ["visitors:monday", "visitors:tuesday"])?;
        /// let about = client.pfcount("visitors")?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn pfadd(key: impl ToArg, elements: impl ToArgs) -> bool { "PFADD" => key, elements }

        /// `PFCOUNT`: about how many elements were counted in any of the keys, with a standard error of 0.81 %.
        fn pfcount(keys: impl ToArgs) -> u64 { "PFCOUNT" => keys }

        /// `PFMERGE`: adds what was counted in other keys to the first.
        fn pfmerge(destination: impl ToArg, keys: impl ToArgs) -> () { "PFMERGE" => destination, keys }
    }};
}
pub(in crate::command) use hyperloglogs;
