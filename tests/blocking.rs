//! Commands that block on the server: their time, their end from another thread, and their moves.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test panics when a claim is false, reads the clock, and tells what a longer run did"
)]

#[path = "blocking/cancel.rs"]
mod cancel;
mod common;
#[path = "blocking/fronts.rs"]
mod fronts;
#[path = "blocking/leases.rs"]
mod leases;
#[path = "blocking/moves.rs"]
mod moves;
#[path = "blocking/queue.rs"]
mod queue;
#[path = "blocking/time.rs"]
mod time;

use common::redis::Redis;
use common::{SOON, eventually};
use hitless::sim::{Moving, Node, Sim, Target};
use hitless::{Client, Cmd, Commands, MaintenanceOptions, Options, Protocol, cmd};
use std::time::Duration;

/// A client of this server that speaks this protocol.
fn client(server: &Redis, protocol: Protocol) -> Client {
    let options = Options::new(&server.address.to_string()).unwrap();
    Client::connect(common::patient(options.protocol(protocol))).unwrap()
}

/// A client that moves as soon as it is told to.
fn eager(options: Options) -> Client {
    let maintenance = MaintenanceOptions::new().max_jitter(Duration::ZERO);
    Client::connect(options.maintenance(maintenance)).unwrap()
}

/// Moves everything to the other node, and ends the move once all have left, so that no server closes anything in
/// the middle.
#[track_caller]
fn change(sim: &Sim, from: Node, to: Node) {
    sim.start_moving(Moving::new(from, Target::Node(to)).announce(60));
    let left = sim.wait_until(SOON, |now| now.open_on(from) == 0);
    assert!(left, "{:?}", sim.connections());
    sim.retire(from);
    sim.revive(from).unwrap();
}

/// The two nodes of a simulator, one after the other, for so many moves.
fn moves(sim: &Sim, count: usize) -> impl Iterator<Item = (Node, Node)> + use<> {
    let [a, b] = [sim.node(0), sim.node(1)];
    [(a, b), (b, a)].into_iter().cycle().take(count)
}

/// Waits until so many clients block on the server.
#[track_caller]
fn blocked(watcher: &Client, count: usize) {
    let line = format!("blocked_clients:{count}\r\n");
    eventually("commands block", || {
        let info: String = watcher.query(&cmd("INFO").arg("clients")).unwrap();
        info.contains(&line)
    });
}

/// Every kind of command that blocks, for ever, on something that does not come.
fn forms() -> Vec<Cmd> {
    let words = |text: &str| cmd(text);
    [
        "BLPOP empty:1 empty:2 0",
        "BRPOP empty 0",
        "BLMOVE empty other LEFT RIGHT 0",
        "BRPOPLPUSH empty other 0",
        "BLMPOP 0 1 empty LEFT",
        "BZPOPMIN empty:z 0",
        "BZPOPMAX empty:z 0",
        "BZMPOP 0 1 empty:z MIN",
        "XREAD BLOCK 0 STREAMS empty:x 0",
        "XREADGROUP GROUP BLOCK me COUNT 1 BLOCK 0 STREAMS group:x >",
    ]
    .map(words)
    .into()
}

/// What [`forms`] need to be there.
fn prepare(client: &Client) {
    let group = cmd("XGROUP CREATE group:x BLOCK $ MKSTREAM");
    client.query::<()>(&group).unwrap();
}

/// Ends who blocks when a claim is false: the test would wait for them for ever.
struct ClosedIfFailed<'a>(&'a Client);

impl Drop for ClosedIfFailed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
