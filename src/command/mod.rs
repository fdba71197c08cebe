//! Commands and what is known of them. Sends nothing: opens no socket, takes no lock, reads no clock.

mod arg;
mod buffer;
mod cmd;
mod commands;
mod convert;
mod executor;
mod name;
mod pipeline;
#[allow(
    dead_code,
    reason = "routing by keys and repetition by class are not there yet; tests/words.rs compiles this module \
              and holds every column against servers"
)]
pub(crate) mod table;

pub use arg::{ArgWriter, ToArg, ToArgs};
pub use cmd::{Cmd, cmd};
pub use commands::{Commands, Expiry, SetOptions};
pub use convert::FromValue;
pub use executor::Executor;
pub use pipeline::{Pipeline, pipe};
