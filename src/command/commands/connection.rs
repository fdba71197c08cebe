//! Commands of the connection that leave it as it was.

/// The commands of the connection, for a form.
macro_rules! connection {
    ($form:ident) => {
        $form! {
            /// `PING`: a round trip to the server.
            fn ping() -> () { "PING" }
        }
    };
}
pub(in crate::command) use connection;
