//! The way of one request of a lease, to its connection or to the next. Decides nothing about the state: it hands on
//! what that says.

use super::state::LeaseState;
use crate::call::{Carrier, Held, Inspector, Leased, Scene, Sending};
use crate::clock;
use crate::command::Cmd;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Result};
use crate::link::{Deadline, Link, Outcome, Request};
use crate::pool::OwnedClaim;
use crate::protocol::Value;
use crate::session::Host;
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// The way of one request of a lease.
pub(super) struct Way<'a> {
    pub(super) host: &'a Arc<dyn Host>,
    pub(super) claim: &'a OwnedClaim,
    /// As it is before the request: it decides where that may go.
    pub(super) state: &'a LeaseState<Cmd>,
    pub(super) held: RefCell<&'a mut Option<Held>>,
    pub(super) came_to: Cell<CameTo>,
}

/// What a request has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CameTo {
    /// It has no reply: what the connection has by now, nobody knows.
    pub(super) is_lost: bool,
    /// Its first reply is `OK`: that of `MULTI`, where it begins with one.
    pub(super) is_okay: bool,
}

impl Way<'_> {
    /// Sends by way of `send`, on the connection of the lease or on the next.
    fn by<T>(&self, send: impl FnOnce(&mut Leased<'_>) -> T) -> T {
        let calls = self.host.calls();
        let mut held = self.held.borrow_mut();
        send(&mut Leased {
            pool: calls.pool(),
            retries: calls.connect_retries(),
            claim: self.claim,
            held: &mut held,
            stays: self.state.stays(),
            newcomer: self,
        })
    }

    /// Sends a command that blocks on the server for so long (`None`: for ever), and that goes along with moves.
    pub(super) fn carry_blocking(&self, command: &Cmd, own: Option<Duration>) -> Result<Value> {
        let calls = self.host.calls();
        let (result, is_lost) = self.by(|leased| leased.carry_blocking(calls, command, own));
        let came_to = CameTo {
            is_lost,
            ..CameTo::default()
        };
        self.came_to.set(came_to);
        result
    }
}

impl Carrier for Way<'_> {
    fn carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome> {
        let carried = self.by(|leased| leased.carry(sending, scene));
        let first = match &carried {
            Ok(Outcome::Many(values)) => values.first(),
            _ => None,
        };
        self.came_to.set(CameTo {
            is_lost: matches!(carried, Ok(Outcome::Failed(_))),
            is_okay: first.is_some_and(|value| value.plain().is_okay()),
        });
        carried
    }

    fn is_alone(&self) -> bool {
        true
    }

    fn may_ask(&self) -> bool {
        !self.state.is_in_transaction()
    }
}

/// Gives a connection that the lease comes to what it had set on the one before.
impl Inspector for Way<'_> {
    fn inspect(&self, link: &Link, limit: &Deadline) -> Result<()> {
        // A command that blocks for ever behind this must not have this wait for ever.
        let quick = limit.for_quick(clock::now(), self.host.calls().command_timeout());
        for command in self.state.settings() {
            let mut bytes = Vec::new();
            command.write_to(&mut bytes);
            let request = Request {
                parts: bytes.as_slice().into(),
                replies: 1,
            };
            let why = match link.call_leased(request, &quick) {
                Ok(Outcome::One(value)) => match value.into_result() {
                    Ok(_) => continue,
                    Err(error) => format!("the server refused it ({error})"),
                },
                _ => "the connection did not answer".to_owned(),
            };
            let name = command.full_name();
            let text =
                format!("not sent: {name}, which the lease had set, could not be set again: {why}");
            let kind = ErrorKind::Closed(CloseReason::StateLost);
            return Err(Error::new(kind, Delivery::NotSent, text).with_endpoint(link.via().clone()));
        }
        Ok(())
    }
}
