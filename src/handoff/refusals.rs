//! Which servers refuse maintenance notifications, so that they are not asked on every connection: each
//! counts a refusal among its errors. Asks nobody.

use super::later;
use crate::protocol::Endpoint;
use std::time::{Duration, Instant};

/// How long a server is not asked again. It may have been upgraded since.
const MEMORY: Duration = Duration::from_secs(600);

/// Servers remembered at once; beyond that the oldest goes.
const CAP: usize = 256;

#[derive(Debug)]
struct Refusal {
    server: Endpoint,
    until: Instant,
}

/// The servers that refused. By address where it is known: behind one name there may be servers of both
/// kinds.
///
/// Invariant: at most [`CAP`] entries, one for each server.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Whether this server has refused lately.
    pub(crate) fn has_refused(&self, now: Instant, server: &Endpoint) -> bool {
        let mine = |refusal: &Refusal| refusal.server == *server && refusal.until > now;
        self.0.iter().any(mine)
    }

    /// The server refuses. True: that is news.
    pub(crate) fn handle_refusal(&mut self, now: Instant, server: Endpoint) -> bool {
        let is_news = !self.has_refused(now, &server);
        self.0
            .retain(|refusal| refusal.until > now && refusal.server != server);
        if self.0.len() >= CAP {
            self.0.remove(0);
        }
        self.0.push(Refusal {
            server,
            until: later(now, MEMORY),
        });
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::origin;

    fn server(port: u16) -> Endpoint {
        Endpoint::tcp("10.0.0.1", port)
    }

    #[test]
    fn a_server_is_asked_again_after_ten_minutes() {
        let (now, mut refusals) = (origin(), Refusals::default());
        assert!(refusals.handle_refusal(now, server(1)));
        let almost = now + MEMORY - Duration::from_millis(1);
        assert!(refusals.has_refused(almost, &server(1)));
        assert!(!refusals.has_refused(now + MEMORY, &server(1)));
        assert!(!refusals.has_refused(now, &server(2)));
    }

    #[test]
    fn only_what_is_new_is_news() {
        let (now, mut refusals) = (origin(), Refusals::default());
        assert!(refusals.handle_refusal(now, server(1)));
        assert!(!refusals.handle_refusal(now, server(1)));
        assert!(refusals.handle_refusal(now + MEMORY, server(1)));
    }

    #[test]
    fn the_oldest_is_forgotten_for_want_of_room() {
        let (now, mut refusals) = (origin(), Refusals::default());
        for port in 0..1000 {
            refusals.handle_refusal(now, server(port));
        }
        assert_eq!(refusals.0.len(), CAP);
        assert!(!refusals.has_refused(now, &server(1000 - 257)));
        assert!(refusals.has_refused(now, &server(1000 - 256)));
    }
}
