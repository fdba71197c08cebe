//! One call: from a command to its reply, or to an error that says whether it ran. Chooses no
//! connection and makes none: that is the pool's part.

mod attempts;
mod carry;
mod gate;
pub(crate) mod judge;
mod refusers;
pub(crate) mod transaction;

pub(crate) use carry::{Scene, Sending, carry};
pub(crate) use gate::Gate;
pub(crate) use refusers::Refusers;
