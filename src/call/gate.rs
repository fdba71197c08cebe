//! Keeps atomic pipelines from servers that refuse `MULTI`. Chooses no connection, and sends nothing but
//! transactions without a command.

use super::carry::{Inspector, unanswered};
use crate::clock;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::handoff::refusals::{RefusalAge, Refusals};
use crate::handoff::{canonical, endpoint_of};
use crate::link::{Deadline, Link, Outcome, Request};
use crate::protocol::{Endpoint, ServerError, Value};
use crate::sync::Ranked;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How long a lasting refusal is believed. After that an empty transaction asks again: the user may have been
/// given the permission since.
pub(super) const MEMORY: Duration = Duration::from_secs(60);

/// A transaction that does nothing.
const EMPTY: &[u8] = b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n";

/// The gate in front of the connections, for one atomic pipeline. Used by the thread of its caller only; the
/// lock that it takes is never held over a wait.
pub(super) struct Gate<'a> {
    refusals: &'a Ranked<Refusals, 4>,
    /// Whether a server may be asked in front of the pipeline, by a transaction that does nothing.
    may_ask: bool,
    /// The server of the connection that was chosen last.
    server: RefCell<Option<Endpoint>>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(refusals: &'a Ranked<Refusals, 4>, may_ask: bool) -> Self {
        Self {
            refusals,
            may_ask,
            server: RefCell::new(None),
        }
    }

    /// Remembers what the server replied to `MULTI`.
    pub(super) fn note(&self, multi: Option<&Value>) {
        if let (Some(multi), Some(server)) = (multi, self.server.borrow().as_ref()) {
            let mut refusals = self.refusals.lock();
            remember(&mut refusals, clock::now(), server, multi.as_error());
        }
    }
}

impl Inspector for Gate<'_> {
    /// Lets the pipeline pass to this connection, unless its server refuses `MULTI`. Blocks until
    /// `limit` at most, where the server has to be asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`], or a time that is over: nothing of the pipeline is to be sent.
    fn inspect(&self, link: &Link, limit: &Deadline) -> Result<()> {
        let peer = link.peer().map(|peer| endpoint_of(canonical(peer)));
        let server = peer.unwrap_or_else(|| link.via().clone());
        let known = self.refusals.lock().get(clock::now(), &server);
        self.server.replace(Some(server));
        match known {
            // Most servers; the lock was held for this look only.
            None => return Ok(()),
            Some(RefusalAge::Recent) => {}
            // Its EXEC would end the watch that the pipeline relies on. `WATCH` has asked before.
            Some(RefusalAge::Stale) if !self.may_ask => return Ok(()),
            Some(RefusalAge::Stale) => {
                let request = Request {
                    parts: EMPTY.into(),
                    replies: 2,
                };
                match link.call(request, limit) {
                    Ok(Outcome::Many(replies)) => {
                        let multi = replies.first();
                        self.note(multi);
                        match multi.and_then(Value::as_error) {
                            None => return Ok(()),
                            Some(error) if !is_lasting(error) => return Err(refused_now(error)),
                            Some(_) => {}
                        }
                    }
                    Ok(Outcome::Failed(failure)) if failure.reason.is_none() => {
                        return Err(unanswered("whether it takes MULTI again"));
                    }
                    // The connection is lost, and takes nothing more: the pipeline goes elsewhere.
                    _ => return Ok(()),
                }
            }
        }
        Err(Error::usage(
            "not sent: the server has refused MULTI to this user before, and would execute the commands of \
             an atomic pipeline one by one",
        ))
    }
}

/// Takes what this server replied to `MULTI`: an error, or none.
fn remember(refusals: &mut Refusals, now: Instant, server: &Endpoint, multi: Option<&ServerError>) {
    match multi {
        None => refusals.forget(server),
        Some(error) if is_lasting(error) => {
            refusals.handle_refusal(now, server.clone());
        }
        // The server is asked before the next transaction.
        Some(_) => refusals.handle_passing(now, server),
    }
}

/// Whether a server that refused `MULTI` with this will refuse it again.
fn is_lasting(multi: &ServerError) -> bool {
    match multi.code() {
        "NOPERM" => true,
        "ERR" => multi.text().starts_with("unknown command"),
        _ => false,
    }
}

/// The server refuses `MULTI`, perhaps not for long.
fn refused_now(error: &ServerError) -> Error {
    let text = format!(
        "not sent: the server refuses MULTI ({error}), and would execute the commands of an atomic pipeline \
         one by one; try again"
    );
    Error::new(ErrorKind::Server(error.clone()), Delivery::NotSent, text)
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;
    use crate::link::fake;

    /// What the gate says of a server that refused `MULTI` so long ago and answers an empty
    /// transaction with this; and whether it was asked.
    fn judged(age: Duration, answer: Option<&str>) -> Result<()> {
        let (link, far, _notes) = fake::link();
        let refusals = Ranked::new(Refusals::new(MEMORY));
        let gate = Gate::new(&refusals, true);
        let now = clock::now();
        let (then, via) = (now.checked_sub(age).unwrap_or(now), link.via().clone());
        assert!(refusals.lock().handle_refusal(then, via));
        let verdict = std::thread::scope(|scope| {
            if let Some(answer) = answer {
                let far = far.clone();
                scope.spawn(move || {
                    assert_eq!(far.receive(EMPTY.len()), EMPTY);
                    far.send(answer);
                });
            }
            gate.inspect(&link, &fake::patient())
        });
        assert!(far.take().is_empty());
        link.end(crate::link::EndReason::EndOfStream);
        link.join();
        verdict
    }

    #[test]
    fn a_server_that_refused_multi_is_asked_again_with_a_transaction_that_does_nothing() {
        let (new, old) = (Duration::ZERO, Duration::from_secs(61));
        let refused = "-NOPERM no permissions\r\n-ERR EXEC without MULTI\r\n";
        assert!(judged(new, None).is_err());
        assert!(judged(old, Some(refused)).is_err());
        assert!(judged(old, Some("+OK\r\n*0\r\n")).is_ok());
        let passing = "-LOADING soon\r\n-LOADING soon\r\n";
        let error = judged(old, Some(passing)).unwrap_err();
        assert!(error.is_safe_to_retry(), "{error}");
        assert_eq!(error.code(), Some("LOADING"));
    }

    #[test]
    fn a_server_that_does_not_say_in_time_whether_it_takes_multi_gets_no_transaction() {
        let (link, _far, _notes) = fake::link();
        let refusals = Ranked::new(Refusals::new(MEMORY));
        let now = clock::now();
        let then = now.checked_sub(Duration::from_secs(61)).unwrap_or(now);
        assert!(refusals.lock().handle_refusal(then, link.via().clone()));
        let over = fake::within(Duration::from_millis(1));
        let error = Gate::new(&refusals, true)
            .inspect(&link, &over)
            .unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        link.end(crate::link::EndReason::EndOfStream);
        link.join();
    }

    #[test]
    fn after_a_refusal_that_may_pass_the_server_is_asked_before_the_next_transaction() {
        let (now, server) = (clock::now(), Endpoint::tcp("10.0.0.1", 1));
        let mut refusals = Refusals::new(MEMORY);
        let refuse = |refusals: &mut Refusals, line: &str| {
            let error = ServerError::parse(line.as_bytes());
            remember(refusals, now, &server, Some(&error));
            refusals.get(now, &server)
        };
        let passing = [
            "LOADING soon",
            "NOAUTH first",
            "ERR max number of clients reached",
            "BUSY",
        ];
        for line in passing {
            assert_eq!(
                refuse(&mut refusals, line),
                Some(RefusalAge::Stale),
                "{line}"
            );
            remember(&mut refusals, now, &server, None);
            assert_eq!(refusals.get(now, &server), None, "{line}");
        }
        for line in ["NOPERM no permissions", "ERR unknown command 'MULTI'"] {
            assert_eq!(
                refuse(&mut refusals, line),
                Some(RefusalAge::Recent),
                "{line}"
            );
            // One that may pass forgives nothing.
            let after = refuse(&mut refusals, "LOADING soon");
            assert_eq!(after, Some(RefusalAge::Recent), "{line}");
            remember(&mut refusals, now, &server, None);
            assert_eq!(refusals.get(now, &server), None, "{line}");
        }
    }
}
