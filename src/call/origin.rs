//! Which server answered a command: for cursors, which mean something to one server process only. Sends
//! nothing itself.

use super::Calls;
use super::carry::Inspector;
use crate::command::{Cmd, Origin};
use crate::counters::{Counter, Counters};
use crate::error::Result;
use crate::link::{Deadline, Link};
use crate::protocol::Value;
use std::cell::RefCell;

/// Notes where each attempt of one call goes. Used by the thread of its caller only.
struct Tracer(RefCell<Option<String>>);

impl Inspector for Tracer {
    fn inspect(&self, link: &Link, _: &Deadline) -> Result<()> {
        let peer = link.peer().map(|peer| peer.to_string());
        // A unix socket has a path only.
        let server = peer.unwrap_or_else(|| link.via().to_string());
        self.0.replace(Some(server));
        Ok(())
    }
}

impl Calls {
    /// As [`execute`](Self::execute), and says who answered.
    pub(crate) fn execute_traced(&self, command: &Cmd) -> (Result<Value>, Option<Origin>) {
        let tracer = Tracer(RefCell::new(None));
        let result = self.execute_with(command, Some(&tracer));
        // Read behind the reply: what the connection said before it counts.
        let changes = changes(&self.counters);
        let server = tracer.0.into_inner();
        (result, server.map(|server| Origin { server, changes }))
    }
}

/// How often the process behind an address may have become another: a server that ends takes its connections
/// along, and a proxy says it.
fn changes(counters: &Counters) -> u64 {
    [
        &counters.connections_lost,
        &counters.notifications_failed_over,
        &counters.notifications_migrated,
        &counters.notifications_smigrated,
    ]
    .map(Counter::read)
    .iter()
    .sum()
}
