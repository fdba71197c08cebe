//! Commands of functions, which servers keep and replicate in libraries. From 7.0 on.

/// The commands of functions, for a form.
macro_rules! functions {
    ($form:ident) => { $form! {
        /// `FCALL`: calls a function with keys and arguments. From 7.0 on, as all commands of functions.
        ///
        /// An error of a function never says that nothing ran: the function may have written something before
        /// it failed.
        ///
        /// ```no_run
        /// use hitless::Commands;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let library = "#!lua name=counters
        ///     redis.register_function('add', function(keys, arguments)
        ///         return redis.call('INCRBY', keys[1], arguments[1])
        ///     end)";
        /// client.function_load_replace(library)?;
        /// let sum: i64 = client.fcall("add", "visits", 5)?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn fcall<T>(function: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> T {
            "FCALL" => function, Counted(keys), arguments
        }

        /// `FCALL_RO`: calls a function that is registered with the flag `no-writes`.
        fn fcall_ro<T>(function: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> T {
            "FCALL_RO" => function, Counted(keys), arguments
        }

        /// `FUNCTION LOAD`: adds a library by its source; yields its name. The server refuses a name that it
        /// has.
        fn function_load(library: impl ToArg) -> String { "FUNCTION LOAD" => library }

        /// `FUNCTION LOAD REPLACE`: adds a library by its source, in place of one of that name; yields the
        /// name.
        fn function_load_replace(library: impl ToArg) -> String { "FUNCTION LOAD" => "REPLACE", library }

        /// `FUNCTION DELETE`: removes a library by its name.
        fn function_delete(library: impl ToArg) -> () { "FUNCTION DELETE" => library }

        /// `FUNCTION LIST`: all libraries and their functions, without the sources.
        fn function_list() -> Vec<FunctionLibrary> { "FUNCTION LIST" }

        /// `FUNCTION LIST`: the libraries whose names match a pattern, if there is one, with their sources if
        /// asked for.
        ///
        /// ```no_run
        /// use hitless::{Commands, FunctionListOptions};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let options = FunctionListOptions::new().library("count*").with_code();
        /// for library in client.function_list_options(&options)? {
        ///     println!("{}: {} functions", library.name, library.functions.len());
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn function_list_options(options: &FunctionListOptions) -> Vec<FunctionLibrary> {
            "FUNCTION LIST" => options
        }

        /// `FUNCTION DUMP`: all libraries as bytes that [`function_restore`](Commands::function_restore) takes.
        fn function_dump() -> Vec<u8> { "FUNCTION DUMP" }

        /// `FUNCTION RESTORE`: adds the libraries of a dump. The server refuses all of it when it has a library
        /// of one of the names.
        fn function_restore(dump: &[u8]) -> () { "FUNCTION RESTORE" => dump }

        /// `FUNCTION RESTORE`: adds the libraries of a dump; `policy` says what becomes of those that are there.
        fn function_restore_policy(dump: &[u8], policy: FunctionRestore) -> () {
            "FUNCTION RESTORE" => dump, policy
        }

        /// `FUNCTION STATS`: which function or script runs, and how many there are.
        fn function_stats() -> FunctionStats { "FUNCTION STATS" }

        /// `FUNCTION FLUSH`: removes all libraries.
        fn function_flush() -> () { "FUNCTION FLUSH" }

        /// `FUNCTION FLUSH`: removes all libraries, at once or in the background.
        fn function_flush_mode(mode: FlushMode) -> () { "FUNCTION FLUSH" => mode }

        /// `FUNCTION KILL`: ends the function that runs, unless it has written something. Where none runs, the
        /// server refuses with the code `NOTBUSY`.
        fn function_kill() -> () { "FUNCTION KILL" }
    }};
}
pub(in crate::command) use functions;
