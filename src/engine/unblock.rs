//! `CLIENT UNBLOCK`: how it is written, what its reply means, and which commands want it. Sends nothing: the
//! coordinator does, on a connection of the pool, or a worker, on one of its own.

use crate::clock;
use crate::ids::LinkId;
use crate::link::Link;
use crate::pool::{Answer, BlockingCall, Entries, Entry, Step};
use crate::protocol::{Value, encode};
use crate::sync::Arc;
use std::net::SocketAddr;

/// Appends the request that ends what the connection of this number blocks on, with an error: no reply that the
/// command could have by itself.
pub(super) fn write(request: &mut Vec<u8>, id: u64) {
    let mut digits = itoa::Buffer::new();
    let id = digits.format(id).as_bytes();
    encode::command(request, &[b"CLIENT", b"UNBLOCK", id, b"ERROR"]);
}

/// What a reply to that request means.
pub(super) fn judge(reply: &Value) -> Answer {
    match reply.plain() {
        Value::Int(0) => Answer::NotBlocked,
        Value::Int(_) => Answer::Freed,
        Value::Error(error) => {
            let line = error.to_string();
            Answer::Refused(format!("server error: {}", line.trim_end_matches('.')))
        }
        _ => Answer::Refused("its reply was no number".to_owned()),
    }
}

/// The commands at this server that are to be ended now, each with the number of its connection. Each must be
/// answered. Links before `first` lead to another server at this address.
pub(super) fn wanted_at(
    entries: &Entries,
    peer: Option<SocketAddr>,
    first: Option<LinkId>,
) -> Vec<(Arc<BlockingCall>, u64)> {
    let calls = entries.dedicated().iter().filter_map(Entry::blocking);
    let wanted = |call: Arc<BlockingCall>| {
        let link = call.link().filter(|link| link.peer() == peer)?;
        // The number of a connection that has ended may be somebody else's by now, where the server began anew.
        let is_there = first.is_none_or(|first| first <= link.id()) && !link.has_ended();
        if call.stays().is_some() || !is_there {
            return None;
        }
        // What cannot be known cannot be asked for: the coordinator has said so, or will.
        let id = link.client_id().ok()?;
        let (step, asked) = call.step(clock::now(), true)?;
        // It went to another link meanwhile, which was not looked at: the coordinator asks for that.
        if step == Step::Ask && asked.id() != link.id() {
            call.answered(clock::now(), Answer::NotSent);
            return None;
        }
        (step == Step::Ask).then_some((call, id))
    };
    calls.filter_map(wanted).collect()
}

/// Whether commands block at the server of a link that could be ended by it.
pub(super) fn is_way(entries: &Entries, way: &Link, is_same: impl Fn(&Link) -> bool) -> bool {
    let mut calls = entries.dedicated().iter().filter_map(Entry::blocking);
    calls.any(|call| {
        let link = call.may_ask_about();
        link.is_some_and(|link| link.peer() == way.peer() && is_same(&link) && !link.has_ended())
    })
}
