//! What becomes of a list of commands by name: methods of [`Commands`](super::Commands), which send, and of
//! [`Pipeline`](crate::Pipeline), which add. Knows no command.
//!
//! A list is a macro that calls the form that it is given with all its commands. One of them is
//!
//! ```text
//! /// Documentation.
//! fn name<T>(key: impl ToArg, number: i64) -> T { "NAME" => key, "WORD", number }
//! ```
//!
//! where each type in `<>` is a [`FromValue`](crate::FromValue), the word in quotes a name of the table, and
//! what follows `=>` its arguments, each of which is [`ToArgs`](crate::ToArgs).

/// Methods that send the command and turn its reply into their type.
macro_rules! methods {
    ($(
        $(#[$meta:meta])*
        fn $name:ident $(<$($type:ident),+>)? ($($parameter:ident: $kind:ty),* $(,)?) -> $reply:ty {
            $command:literal $(=> $($argument:expr),+ $(,)?)?
        }
    )*) => {$(
        $(#[$meta])*
        fn $name $(<$($type: FromValue),+>)? (&self, $($parameter: $kind),*) -> Result<$reply> {
            Lent::new(Cmd::named(named!($command)))$($(.add(&$argument))+)?.query(self)
        }
    )*};
}

/// Methods that add the command to a pipeline. The types of replies come with
/// [`Pipeline::query`](crate::Pipeline::query).
macro_rules! added {
    ($(
        $(#[$meta:meta])*
        fn $name:ident $(<$($type:ident),+>)? ($($parameter:ident: $kind:ty),* $(,)?) -> $reply:ty {
            $command:literal $(=> $($argument:expr),+ $(,)?)?
        }
    )*) => {$(
        #[doc = concat!("Adds [`Commands::", stringify!($name), "`](crate::Commands::", stringify!($name), ").")]
        // Compiled where it is called: a program calls few of them.
        #[inline]
        pub fn $name(&mut self, $($parameter: $kind),*) -> &mut Self {
            add!(self, $command $(=> $($argument),+)?)
        }
    )*};
}

/// Adds one command to a pipeline.
macro_rules! add {
    // Nothing is compiled for each of these but a call.
    ($pipeline:ident, $command:literal) => {
        $pipeline.add_bare(named!($command))
    };
    ($pipeline:ident, $command:literal => $($argument:expr),+) => {
        $pipeline.add_named(named!($command), |out| {
            $(ToArgs::write_args(&$argument, out);)+
        })
    };
}

pub(super) use methods;
pub(in crate::command) use {add, added};
