//! Makes the connection that a job asks for: dial, secure, shake hands, and see where it has led. Installs
//! nothing and retries nothing: the planner decides what a failure means.
//!
//! ```text
//!   job --> may the target be dialled? --> dial --> handshake --> does it lead where it was to? --> Connected
//!              (targets)                (network)   (handshake)     (vetting)
//!                  \________________________\___________\_______________\--> ConnectFailure
//! ```

mod failure;
mod network;
mod resolver;

pub(crate) use failure::ConnectFailure;
pub(crate) use network::NetworkConnector;

use super::inbox::Port;
use crate::handoff::planner::Job;
use crate::ids::NodeId;
use crate::link::Inbound;
use crate::protocol::{Endpoint, Maintenance, Protocol, Push};
use crate::transport::Wire;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What is told when a lookup ends.
pub(crate) type Answered = Box<dyn FnOnce(Result<Vec<IpAddr>, ()>) + Send>;

/// Makes connections. The network in earnest, a fake in the model checker.
pub(crate) trait Connector: Send + Sync {
    /// Makes the connection that `job` of this node asks for. Blocks until the job's limits at most, and not for long
    /// once `stop` is set and [`interrupt`](Self::interrupt) was called.
    fn open(&self, node: &Port, job: &Job, stop: &AtomicBool) -> Result<Connected, ConnectFailure>;
    /// A job was told to stop: whoever does not look for that from time to time looks now.
    fn interrupt(&self) {}
    /// Looks a host up without making anyone wait.
    fn look_up(&self, host: &str, answered: Answered);
    /// Timeouts of this node are relaxed until then because of this: its failures until then are owed to it.
    fn note_window(&self, _node: NodeId, _cause: Maintenance, _until: Instant) {}
    /// Whether a worker is in code of the user, which may never return.
    fn is_in_user_code(&self) -> bool {
        false
    }
    /// Ends every lookup soon, and all later opens at once. Opens under way are told to stop as well.
    fn cancel(&self);
    /// Waits for the threads of the connector, until `deadline`.
    fn close(&self, deadline: Instant);
}

/// A connection that is ready to serve.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) inbound: Inbound,
    pub(crate) via: Endpoint,
    pub(crate) opted_in: bool,
    /// What both sides speak.
    pub(crate) protocol: Protocol,
    /// By which number the server knows the connection, if it has said so.
    pub(crate) client_id: Option<u64>,
    /// Pushes that came during the handshake.
    pub(crate) early: Vec<Push>,
    /// Whether the server says that it is a replica, if it says what it is.
    pub(crate) is_replica: Option<bool>,
    /// All addresses of the name that was dialled.
    pub(crate) listed: Vec<IpAddr>,
}
