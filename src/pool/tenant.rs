//! Who uses a dedicated entry across its links. Makes no link: the engine does, and has it prepared here first.
//!
//! ```text
//!   worker, with a new link ── settle_in ──> Tenant     before callers find the link; a failure is that of its job
//!   reader of a link ──────── push ────────> Tenant     messages, in the order of the wire
//!   whoever notices ───────── lost ────────> Tenant     the engine makes another, unasked
//!   who closes the client ─── shut ────────> Tenant
//! ```

use crate::error::{Error, Result};
use crate::link::{Link, Mailbox};
use crate::sync::Arc;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Lives in a dedicated entry whatever link serves it. Called with no lock held.
pub(crate) trait Tenant: Mailbox + fmt::Debug {
    /// A new link is about to serve. Called by the worker that made it, which has let its reader read: what the link
    /// says comes by [`push`](Mailbox::push) meanwhile. When this returns, the link that served before is needed no
    /// more.
    ///
    /// Blocks until `until`, and looks at `stop` at least every 50 ms.
    ///
    /// # Errors
    ///
    /// The link is ended, and the one before serves on.
    fn settle_in(&self, link: &Arc<Link>, until: Instant, stop: &AtomicBool) -> Result<()>;

    /// A link takes no new request, or has ended. May be called several times, and for links that served before. Must
    /// not block.
    fn lost(&self, link: &Link);

    /// The client is closed. Must not block.
    fn shut(&self, why: Error);
}

/// Hears what servers tell, unasked, of keys that have changed: whoever has a dedicated entry for a while. Called
/// with no lock held.
pub(crate) trait Listener: Mailbox + fmt::Debug {
    /// A link of the entry takes no new request, or has ended. May be called several times. Must not block.
    fn ended(&self);
}
