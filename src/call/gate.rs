//! Keeps atomic pipelines from servers that refuse `MULTI`. Chooses no connection, and sends nothing but
//! transactions without a command.

use super::refusers::{Refuser, Refusers, is_lasting};
use crate::clock;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::handoff::{canonical, endpoint_of};
use crate::link::{Deadline, Link, Outcome, Request};
use crate::protocol::{Endpoint, ServerError, Value};
use crate::sync::Ranked;
use std::cell::RefCell;

/// A transaction that does nothing.
const EMPTY: &[u8] = b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n";

/// The gate in front of the connections, for one atomic pipeline.
pub(super) struct Gate<'a> {
    refusers: &'a Ranked<Refusers, 4>,
    /// The server of the connection that was chosen last.
    server: RefCell<Option<Endpoint>>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(refusers: &'a Ranked<Refusers, 4>) -> Self {
        Self {
            refusers,
            server: RefCell::new(None),
        }
    }

    /// Called by the thread of the caller after each checkout, before a byte of the pipeline is written.
    /// Lets the pipeline pass to this connection, unless its server refuses `MULTI`. Blocks until
    /// `limit` at most, where the server has to be asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): nothing of the pipeline is to be sent.
    pub(super) fn check(&self, link: &Link, limit: &Deadline) -> Result<()> {
        let peer = link.peer().map(|peer| endpoint_of(canonical(peer)));
        let server = peer.unwrap_or_else(|| link.via().clone());
        let known = self.refusers.lock().get(clock::now(), &server);
        self.server.replace(Some(server));
        match known {
            // Most servers; the lock was held for this look only.
            None => return Ok(()),
            Some(Refuser::Known) => {}
            Some(Refuser::Stale) => {
                let request = Request {
                    parts: [EMPTY, &[]],
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

    /// Remembers what the server replied to `MULTI`.
    pub(super) fn note(&self, multi: Option<&Value>) {
        if let (Some(multi), Some(server)) = (multi, self.server.borrow().as_ref()) {
            let mut refusers = self.refusers.lock();
            refusers.handle_multi(clock::now(), server, multi.as_error());
        }
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
    use std::time::Duration;

    /// What the gate says of a server that refused `MULTI` so long ago and answers an empty
    /// transaction with this; and whether it was asked.
    fn judged(age: Duration, answer: Option<&str>) -> Result<()> {
        let (link, far, _notes) = fake::link();
        let refusers = Ranked::new(Refusers::default());
        let gate = Gate::new(&refusers);
        let now = clock::now();
        let (then, via) = (now.checked_sub(age).unwrap_or(now), link.via().clone());
        let error = ServerError::parse(b"NOPERM no permissions");
        refusers.lock().handle_multi(then, &via, Some(&error));
        let verdict = std::thread::scope(|scope| {
            if let Some(answer) = answer {
                let far = far.clone();
                scope.spawn(move || {
                    assert_eq!(far.receive(EMPTY.len()), EMPTY);
                    far.send(answer);
                });
            }
            gate.check(&link, &fake::patient())
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
}
