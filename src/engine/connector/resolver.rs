//! The user's resolver, kept from taking a thread of the client with it. Looks nothing up itself.

use crate::counters::Counters;
use crate::lane::guard;
use crate::options::Resolver;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// The user's resolver, whose panics are counted and told as a failed lookup. Called on the resolver
/// threads, of which there are two at most; one that hangs is left behind by the close.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) counters: Arc<Counters>,
}

impl Resolver for GuardedResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // The text of its error is the user's code too, and is wanted on other threads later.
        let show = |error: &io::Error| drop(error.to_string());
        guard(|| self.resolver.resolve(host).inspect_err(show)).unwrap_or_else(|| {
            self.counters.user_panics.count();
            Err(io::Error::other("the resolver panicked"))
        })
    }
}
