//! Commands of the connection that leave it as it was, and of other clients' connections. What they say of
//! "this connection" is true of the one that carried the command: the next may take another.

/// The commands of the connection, for a form.
macro_rules! connection {
    ($form:ident) => { $form! {
        /// `PING`: a round trip to the server.
        fn ping() -> () { "PING" }

        /// `PING`: a round trip to the server, with a message that comes back.
        fn ping_message<T>(message: impl ToArg) -> T { "PING" => message }

        /// `ECHO`: a message that comes back.
        fn echo<T>(message: impl ToArg) -> T { "ECHO" => message }

        /// `CLIENT ID`: the number of this connection on the server, which no other ever has there.
        fn client_id() -> u64 { "CLIENT ID" }

        /// `CLIENT GETNAME`: the name of this connection;
        /// [`Options::client_name`](crate::Options::client_name) gives it.
        fn client_getname() -> Option<String> { "CLIENT GETNAME" }

        /// `CLIENT INFO`: what the server knows of this connection. From 6.2 on.
        fn client_info() -> ClientInfo { "CLIENT INFO" }

        /// `CLIENT LIST`: all connections of the server.
        ///
        /// ```no_run
        /// use hitless::Commands;
        /// use std::time::Duration;
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// for other in client.client_list()? {
        ///     if other.idle > Duration::from_secs(600) {
        ///         println!("{} of {} is idle", other.address, other.user.unwrap_or_default());
        ///     }
        /// }
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn client_list() -> Vec<ClientInfo> { "CLIENT LIST" }

        /// `CLIENT LIST`: the connections of the server that a filter lets pass. Redis knows only the filters
        /// by kind or by numbers, one of the two; Valkey 9 knows all.
        fn client_list_filter(filter: &ClientFilter) -> Vec<ClientInfo> { "CLIENT LIST" => filter }

        /// `CLIENT KILL`: closes all connections that a filter lets pass; yields how many. This connection stays
        /// unless the filter says otherwise. The server refuses a filter that is empty.
        ///
        /// ```no_run
        /// use hitless::{ClientFilter, Commands};
        ///
        /// # let client = hitless::Client::connect("redis://127.0.0.1")?;
        /// let count = client.client_kill(&ClientFilter::new().user("anna"))?;
        /// # Ok::<(), hitless::Error>(())
        /// ```
        fn client_kill(filter: &ClientFilter) -> u64 { "CLIENT KILL" => filter }

        /// `CLIENT UNBLOCK`: ends the wait of a connection that blocks, as if its time were over. False: there
        /// is none of this number that blocks.
        fn client_unblock(id: u64) -> bool { "CLIENT UNBLOCK" => id }

        /// `CLIENT UNBLOCK ... ERROR`: ends the wait of a connection that blocks with an error of the code
        /// `UNBLOCKED`. False: there is none of this number that blocks.
        fn client_unblock_error(id: u64) -> bool { "CLIENT UNBLOCK" => id, "ERROR" }

        /// `CLIENT PAUSE`: makes the server execute no command of any client for a time, in steps of 1 ms, that
        /// of this client included.
        fn client_pause(time: Duration) -> () { "CLIENT PAUSE" => time.as_millis(), "ALL" }

        /// `CLIENT PAUSE ... WRITE`: makes the server execute no command that may write for a time, in steps of
        /// 1 ms. From 6.2 on.
        fn client_pause_writes(time: Duration) -> () { "CLIENT PAUSE" => time.as_millis(), "WRITE" }

        /// `CLIENT UNPAUSE`: ends a pause. From 6.2 on.
        fn client_unpause() -> () { "CLIENT UNPAUSE" }

        /// `CLIENT GETREDIR`: to which connection notices of invalid keys go: -1 if the server tracks none for
        /// this one, 0 if to itself.
        fn client_getredir() -> i64 { "CLIENT GETREDIR" }

        /// `CLIENT TRACKINGINFO`: which keys the server tracks for this connection. From 6.2 on.
        fn client_trackinginfo() -> TrackingInfo { "CLIENT TRACKINGINFO" }
    }};
}
pub(in crate::command) use connection;
