//! The servers that refused `MULTI`, so that no atomic pipeline is torn there a second time. Pure: `now`
//! is an argument. A client logs in as one user, so what is known holds for that user.

use crate::handoff::later;
use crate::protocol::{Endpoint, ServerError};
use std::time::{Duration, Instant};

/// How long a refusal is believed. After that an empty transaction asks again: the user may have been
/// given the permission since.
const MEMORY: Duration = Duration::from_secs(60);

/// Servers remembered at once; beyond that the oldest goes.
const CAP: usize = 256;

/// What is known of a server that refused `MULTI`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refuser {
    /// It refuses: nothing is sent.
    Known,
    /// It did, some time ago or for a reason that may pass: it is to be asked with a transaction that holds no
    /// command.
    Stale,
}

/// The servers that refused `MULTI`, by address where it is known.
///
/// Invariant: at most [`CAP`] entries, one for each server.
#[derive(Debug, Default)]
pub(super) struct Refusers(Vec<(Endpoint, Instant)>);

impl Refusers {
    /// Whether this server refused `MULTI`.
    pub(super) fn get(&self, now: Instant, server: &Endpoint) -> Option<Refuser> {
        let (_, until) = self.0.iter().find(|(known, _)| known == server)?;
        Some(if now < *until {
            Refuser::Known
        } else {
            Refuser::Stale
        })
    }

    /// Takes what this server replied to `MULTI`: an error, or none.
    pub(super) fn handle_multi(
        &mut self,
        now: Instant,
        server: &Endpoint,
        error: Option<&ServerError>,
    ) {
        // A refusal that may pass is believed at no time: the server is asked before the next transaction.
        let until = match error {
            Some(error) if is_lasting(error) => later(now, MEMORY),
            Some(_) if self.get(now, server).is_some() => return,
            Some(_) => now,
            None => return self.0.retain(|(known, _)| known != server),
        };
        self.0.retain(|(known, _)| known != server);
        if self.0.len() >= CAP {
            self.0.remove(0);
        }
        self.0.push((server.clone(), until));
    }
}

/// Whether a server that refused `MULTI` with this will refuse it again.
pub(super) fn is_lasting(multi: &ServerError) -> bool {
    match multi.code.as_str() {
        "NOPERM" => true,
        "ERR" => multi.text.starts_with("unknown command"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> Endpoint {
        Endpoint::tcp("10.0.0.1", port)
    }

    fn refuse(refusers: &mut Refusers, now: Instant, server: &Endpoint, line: &str) {
        let error = ServerError::parse(line.as_bytes());
        refusers.handle_multi(now, server, Some(&error));
    }

    #[test]
    fn a_refusal_holds_for_its_server_and_is_asked_about_after_a_minute() {
        let (now, mut refusers) = (crate::clock::now(), Refusers::default());
        assert_eq!(refusers.get(now, &server(1)), None);
        refuse(&mut refusers, now, &server(1), "NOPERM no permissions");
        assert_eq!(refusers.get(now, &server(1)), Some(Refuser::Known));
        assert_eq!(refusers.get(now, &server(2)), None);
        let almost = now + MEMORY - Duration::from_millis(1);
        assert_eq!(refusers.get(almost, &server(1)), Some(Refuser::Known));
        let then = now + Duration::from_secs(60);
        assert_eq!(refusers.get(then, &server(1)), Some(Refuser::Stale));
        // It refuses again, or does no longer.
        refuse(
            &mut refusers,
            then,
            &server(1),
            "ERR unknown command 'MULTI'",
        );
        assert_eq!(refusers.get(then, &server(1)), Some(Refuser::Known));
        refusers.handle_multi(then, &server(1), None);
        assert_eq!(refusers.get(then, &server(1)), None);
    }

    #[test]
    fn after_a_refusal_that_may_pass_the_server_is_asked_before_the_next_transaction() {
        let (now, mut refusers) = (crate::clock::now(), Refusers::default());
        for line in [
            "LOADING soon",
            "NOAUTH first",
            "ERR max number of clients reached",
            "BUSY",
        ] {
            refuse(&mut refusers, now, &server(1), line);
            let known = refusers.get(now, &server(1));
            assert_eq!(known, Some(Refuser::Stale), "{line}");
            refusers.handle_multi(now, &server(1), None);
            assert_eq!(refusers.get(now, &server(1)), None, "{line}");
        }
        refuse(&mut refusers, now, &server(1), "NOPERM no permissions");
        refuse(&mut refusers, now, &server(1), "LOADING soon");
        assert_eq!(refusers.get(now, &server(1)), Some(Refuser::Known));
    }

    #[test]
    fn the_oldest_is_forgotten_for_want_of_room() {
        let (now, mut refusers) = (crate::clock::now(), Refusers::default());
        for port in 0..1000 {
            refuse(&mut refusers, now, &server(port), "NOPERM no permissions");
        }
        assert_eq!(refusers.0.len(), CAP);
        assert_eq!(refusers.get(now, &server(1000 - 257)), None);
        assert!(refusers.get(now, &server(1000 - 256)).is_some());
    }
}
