//! What a user builds and what comes back: commands, pipelines, arguments, replies as types; and the table of
//! all commands. Sends nothing: opens no socket, takes no lock, reads no clock.
//!
//! ```text
//!   values ──ToArgs──> Cmd, Pipeline ──Executor──> the client: call/ ──> Value ──FromValue──> values
//!                         │
//!                         └── table: how it is sent, where its keys are, whether it may run twice
//! ```
//!
//! A [`Pipeline`] stands here and not beside the code that sends it, so that whatever sends commands, the
//! [`Executor`], sends pipelines too.

mod arg;
mod buffer;
mod cmd;
mod commands;
mod convert;
mod executor;
mod name;
mod named;
mod pipeline;
mod replies;
mod scan;
#[allow(
    dead_code,
    reason = "routing by keys and repetition by class are not there yet; tests/words.rs compiles this module \
              and holds every column against servers"
)]
pub(crate) mod table;

pub use arg::{ArgWriter, ToArg, ToArgs};
pub use cmd::{Cmd, cmd};
pub use commands::{
    BitUnit, Bitfield, BitfieldOffset, BitfieldOverflow, BitfieldType, Commands, CopyOptions,
    Direction, ExpireIf, Expiry, HSetOptions, LposOptions, MigrateOptions, RestoreOptions,
    ScanOptions, SetOptions, SortOptions,
};
pub use convert::FromValue;
pub use executor::Executor;
pub(crate) use executor::Origin;
pub use pipeline::{Pipeline, pipe};
pub use replies::{
    ExpireTime, FieldExpire, FieldPersist, KeyType, LcsMatch, LcsMatches, Migrated, Ttl,
};
pub use scan::Scan;
