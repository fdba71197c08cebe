//! Which servers refused something, so that it is not tried on every connection: the opt-in to
//! maintenance notifications, which servers count among their errors, and `MULTI`, which tears an atomic
//! pipeline. Asks nobody.

use super::expiring::Expiring;
use super::later;
use crate::protocol::Endpoint;
use std::time::{Duration, Instant};

/// Servers remembered at once; beyond that the oldest goes.
const CAP: usize = 256;

/// What is known of a server that refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefusalAge {
    /// It did lately: it would refuse again.
    Recent,
    /// It did some time ago, and may have been upgraded, or the user been given the permission, since.
    Stale,
}

/// The servers that refused one thing. By address where it is known: behind one name there may be servers
/// of both kinds. Its owner locks it: workers that shake hands, or callers of atomic pipelines, ask it.
#[derive(Debug)]
pub(crate) struct Refusals {
    /// For how long a refusal is [`RefusalAge::Recent`].
    memory: Duration,
    /// Each server, and until when its refusal is recent.
    servers: Expiring<Endpoint, Instant>,
}

impl Refusals {
    /// None yet; each will be recent for so long.
    pub(crate) const fn new(memory: Duration) -> Self {
        Self {
            memory,
            servers: Expiring::new(CAP),
        }
    }

    /// Whether this server has refused, and how long ago.
    pub(crate) fn get(&self, now: Instant, server: &Endpoint) -> Option<RefusalAge> {
        let until = self.servers.get(now, server)?;
        Some(if now < *until {
            RefusalAge::Recent
        } else {
            RefusalAge::Stale
        })
    }

    /// Whether this server has refused lately.
    pub(crate) fn has_refused(&self, now: Instant, server: &Endpoint) -> bool {
        self.get(now, server) == Some(RefusalAge::Recent)
    }

    /// The server refuses. True: that is news.
    pub(crate) fn handle_refusal(&mut self, now: Instant, server: Endpoint) -> bool {
        let is_news = !self.has_refused(now, &server);
        self.note(now, server, later(now, self.memory));
        is_news
    }

    /// The server refuses for a reason that may pass, which is believed at no time: a server that was not
    /// known to refuse is [`RefusalAge::Stale`] at once.
    pub(crate) fn handle_passing(&mut self, now: Instant, server: &Endpoint) {
        if self.get(now, server).is_none() {
            self.note(now, server.clone(), now);
        }
    }

    /// The server does not refuse, or no longer.
    pub(crate) fn forget(&mut self, server: &Endpoint) {
        self.servers.remove(server);
    }

    fn note(&mut self, now: Instant, server: Endpoint, recent_until: Instant) {
        // Stale refusals are kept for as long as there is room: each makes the next try a cautious one.
        self.servers
            .insert(now, server, recent_until, later(now, Duration::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    const MEMORY: Duration = Duration::from_secs(600);

    fn server(port: u16) -> Endpoint {
        Endpoint::tcp("10.0.0.1", port)
    }

    #[test]
    fn a_refusal_holds_for_its_server_and_grows_stale() {
        let (now, mut refusals) = (origin(), Refusals::new(MEMORY));
        assert_eq!(refusals.get(now, &server(1)), None);
        assert!(refusals.handle_refusal(now, server(1)));
        assert_eq!(refusals.get(now, &server(2)), None);
        let almost = now + MEMORY - Duration::from_millis(1);
        assert_eq!(refusals.get(almost, &server(1)), Some(RefusalAge::Recent));
        assert!(refusals.has_refused(almost, &server(1)));
        let then = now + MEMORY;
        assert_eq!(refusals.get(then, &server(1)), Some(RefusalAge::Stale));
        assert!(!refusals.has_refused(then, &server(1)));
        refusals.forget(&server(1));
        assert_eq!(refusals.get(now, &server(1)), None);
    }

    #[test]
    fn only_what_is_new_is_news() {
        let (now, mut refusals) = (origin(), Refusals::new(MEMORY));
        assert!(refusals.handle_refusal(now, server(1)));
        assert!(!refusals.handle_refusal(now, server(1)));
        assert!(refusals.handle_refusal(now + MEMORY, server(1)));
    }

    #[test]
    fn the_oldest_is_forgotten_for_want_of_room() {
        let (now, mut refusals) = (origin(), Refusals::new(MEMORY));
        for port in 0..1000 {
            refusals.handle_passing(now, &server(port));
            refusals.handle_refusal(now, server(port));
            assert!(refusals.servers.len() <= CAP);
        }
        refusals.handle_passing(now, &server(999));
        assert!(refusals.has_refused(now, &server(999)));
        assert!(!refusals.has_refused(now, &server(1000 - 257)));
        assert!(refusals.has_refused(now, &server(1000 - 256)));
    }
}
