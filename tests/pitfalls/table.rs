//! What is known to go wrong in clients during maintenance: for each, the tests that show that it
//! does not here, or why it cannot, or the feature that will have to show it.

/// What is said of a pitfall.
#[derive(Debug)]
pub enum Answer {
    /// These tests, each with its file, show that it does not happen.
    Shown(&'static [(&'static str, &'static str)]),
    /// By construction it cannot happen.
    Cannot(&'static str),
    /// It can happen only to a feature that the client does not have yet.
    Later(&'static str),
}

#[path = "table/agreement.rs"]
mod agreement;
#[path = "table/events.rs"]
mod events;
#[path = "table/handoff.rs"]
mod handoff;

const ADVERSITY: &str = "tests/adversity.rs";
const BREAKER: &str = "src/handoff/breaker/tests.rs";
const CALLS: &str = "src/link/tests/calls.rs";
const COMMANDS: &str = "tests/commands.rs";
const CONNECT: &str = "tests/connect.rs";
const ENDPOINT: &str = "tests/protocol/endpoint.rs";
const FILLING: &str = "src/handoff/planner/tests/filling.rs";
const FRAMES: &str = "tests/pitfalls/frames.rs";
const HANDSHAKE: &str = "tests/protocol/handshake.rs";
const HOSTILE: &str = "src/handoff/planner/tests/hostile.rs";
const IDENTITY: &str = "tests/pitfalls/identity.rs";
const LIFECYCLE: &str = "tests/lifecycle.rs";
const MOVES: &str = "tests/pitfalls/moves.rs";
const MOVING: &str = "src/handoff/planner/tests/moving.rs";
const NAMES: &str = "tests/pitfalls/names.rs";
const NEGOTIATION: &str = "tests/pitfalls/negotiation.rs";
const NOTIFICATION: &str = "tests/protocol/notification.rs";
const NULL_MOVING: &str = "src/handoff/planner/tests/null_moving.rs";
const OPT_IN: &str = "tests/negotiation.rs";
const POLICY: &str = "src/handoff/policy.rs";
const RANDOM: &str = "src/handoff/planner/tests/random.rs";
const SEEN: &str = "src/handoff/announcements/memory/tests.rs";
const STANDALONE: &str = "tests/standalone.rs";
const TABLE_OF_WINDOWS: &str = "src/handoff/windows/tests.rs";
const TLS: &str = "tests/pitfalls/tls.rs";
const TRANSPORT_RESOLVE: &str = "src/transport/tests/resolve.rs";
const TRANSPORT_TLS: &str = "src/transport/tests/tls.rs";
const WAITS: &str = "src/link/relaxed_until.rs";
const WINDOWS: &str = "tests/pitfalls/windows.rs";
const WINDOW_MACHINE: &str = "src/handoff/planner/tests/windows.rs";

const CLUSTER: &str = "the cluster client, which has a map of hash slots";
const SUBSCRIPTIONS: &str = "subscriptions that survive a handoff";

/// Number, the fact, the answer.
pub type Pitfall = (u8, &'static str, Answer);

/// All of them, in order.
pub fn pitfalls() -> impl Iterator<Item = &'static Pitfall> {
    let parts = [agreement::PITFALLS, events::PITFALLS, handoff::PITFALLS];
    parts.into_iter().flatten()
}
