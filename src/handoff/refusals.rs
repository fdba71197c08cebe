//! What servers were found to lack, so that they are not asked for it on every connection: each counts
//! a refusal among its errors. Asks nobody.

use super::later;
use crate::protocol::Endpoint;
use std::time::{Duration, Instant};

/// How long a server is not asked again. It may have been upgraded since.
const MEMORY: Duration = Duration::from_secs(600);

/// Servers remembered at once; beyond that the oldest goes.
const CAP: usize = 256;

/// What a server lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lack {
    /// Maintenance notifications.
    Notifications,
    /// RESP3, and with it the notifications.
    Resp3,
}

#[derive(Debug)]
struct Refusal {
    server: Endpoint,
    lack: Lack,
    until: Instant,
}

/// The servers that lack something. By address where it is known: behind one name there may be servers
/// of both kinds.
///
/// Invariant: at most [`CAP`] entries, one for each server.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    /// What this server is known to lack.
    pub(crate) fn lack(&self, now: Instant, server: &Endpoint) -> Option<Lack> {
        let mine = |refusal: &&Refusal| refusal.server == *server && refusal.until > now;
        self.0.iter().find(mine).map(|refusal| refusal.lack)
    }

    /// The server lacks this. True: that is news.
    pub(crate) fn handle_refusal(&mut self, now: Instant, server: Endpoint, lack: Lack) -> bool {
        let is_news = self.lack(now, &server) != Some(lack);
        self.0
            .retain(|refusal| refusal.until > now && refusal.server != server);
        if self.0.len() >= CAP {
            self.0.remove(0);
        }
        self.0.push(Refusal {
            server,
            lack,
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
        assert!(refusals.handle_refusal(now, server(1), Lack::Notifications));
        let almost = now + MEMORY - Duration::from_millis(1);
        assert_eq!(refusals.lack(almost, &server(1)), Some(Lack::Notifications));
        assert_eq!(refusals.lack(now + MEMORY, &server(1)), None);
        assert_eq!(refusals.lack(now, &server(2)), None);
    }

    #[test]
    fn only_what_is_new_is_news() {
        let (now, mut refusals) = (origin(), Refusals::default());
        assert!(refusals.handle_refusal(now, server(1), Lack::Notifications));
        assert!(!refusals.handle_refusal(now, server(1), Lack::Notifications));
        assert!(refusals.handle_refusal(now, server(1), Lack::Resp3));
        assert_eq!(refusals.lack(now, &server(1)), Some(Lack::Resp3));
        let then = now + MEMORY;
        assert!(refusals.handle_refusal(then, server(1), Lack::Resp3));
    }

    #[test]
    fn the_oldest_is_forgotten_for_want_of_room() {
        let (now, mut refusals) = (origin(), Refusals::default());
        for port in 0..1000 {
            refusals.handle_refusal(now, server(port), Lack::Notifications);
        }
        assert_eq!(refusals.0.len(), CAP);
        assert_eq!(refusals.lack(now, &server(1000 - 257)), None);
        assert!(refusals.lack(now, &server(1000 - 256)).is_some());
    }
}
