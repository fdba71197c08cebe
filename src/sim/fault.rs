//! Misbehaviour on demand. Holds what is asked for; the node, the wire and the session ask whether it
//! applies. Disturbs nothing itself.

use super::wire::{Ending, Shape};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A way in which a node misbehaves.
///
/// ```
/// use hitless::sim::{Fault, Sim};
/// use hitless::{Client, Commands};
///
/// let sim = Sim::builder().start()?;
/// let a = sim.node(0);
/// let client = Client::connect(sim.addr(a).to_string().as_str())?;
/// // The next reply never comes, although the command ran: nobody may send it again unasked.
/// sim.fault(a, Fault::CloseUnanswered);
/// let error = client.incr("visits").unwrap_err();
/// assert_eq!(error.delivery(), hitless::Delivery::Unknown);
/// sim.clear_faults(a)?;
/// assert_eq!(client.incr("visits")?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers a command with this error line instead of executing it, for example
    /// `Answer("hello".into(), "ERR unknown command 'HELLO'".into())`. A sub-command is named with a
    /// bar, as in `client|setinfo`; `*` means every command.
    Answer(String, String),
    /// Presents a certificate that a careful client refuses. Without TLS it does nothing.
    Certificate(Flaw),
    /// Closes new connections once that many bytes were sent on them (below TLS); with 0, at once.
    CloseAfter(usize),
    /// Executes the next command and closes the connection instead of answering.
    CloseUnanswered,
    /// Closes the connection instead of executing the next command.
    CloseUnexecuted,
    /// Waits so long before it answers what came in one read.
    Delay(Duration),
    /// The node dies when a command comes for the n-th time, on whichever connection, and does not execute it:
    /// all its connections are reset and new ones refused until [`Sim::revive`](super::Sim::revive). The
    /// command is named as for `Answer`, and 1 is the next one. Where a move of the node goes on, DNS follows
    /// it all the same.
    ///
    /// ```
    /// # use hitless::sim::{Fault, Sim, Times};
    /// # let sim = Sim::builder().start()?;
    /// // In the middle of a seam: behind the subscriptions, with the second marker.
    /// sim.fault_times(sim.node(0), Fault::Die("publish".into(), 2), Times::Next(1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    Die(String, u32),
    /// As [`Fault::Die`], but the command is executed, and never answered.
    DieUnanswered(String, u32),
    /// Sends these bytes instead of the reply to a command.
    Garble(Vec<u8>),
    /// Swallows all that new connections send and would get beyond that many bytes (below TLS).
    HangAfter(usize),
    /// Answers `LOADING` to everything but the handshake.
    Loading,
    /// Refuses new connections as a server with too many clients does.
    MaxClients,
    /// Sends every byte of new connections by itself.
    OneByteWrites,
    /// Does not listen: new connections are refused, existing ones go on.
    Refuse,
    /// Resets new connections once that many bytes were sent on them (below TLS); with 0, at once.
    ResetAfter(usize),
    /// Resets the connection instead of executing the next command.
    ResetUnexecuted,
    /// Accepts and never reads or answers, on new connections and on existing ones.
    Silence,
    /// Sends only so many bytes of the reply to a command and closes the connection.
    Truncate(usize),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// Another authority has signed it.
    UnknownAuthority,
    /// It is for another name.
    WrongName,
}

/// How often a fault happens. [`Fault::Refuse`] and [`Fault::Silence`] are states, which last until they
/// are cleared whatever is said here.
///
/// ```
/// use hitless::sim::{Fault, Sim, Times};
///
/// let sim = Sim::builder().start()?;
/// // Two connections are refused a login because the server reads its data; the third one gets in.
/// sim.fault_times(sim.node(0), Fault::Loading, Times::Next(2));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Times {
    /// Until it is cleared.
    Always,
    /// The next so many times.
    Next(u32),
    /// At random, once in so many times on average; the choice follows the simulator's seed.
    OneIn(u32),
}

/// What a session does about a command because of a fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Disturbance {
    /// The command is executed; the connection ends instead of the reply.
    CloseUnanswered,
    /// The connection ends, and nothing is executed.
    CloseUnexecuted,
    /// The node dies, and nothing is executed.
    Die,
    /// The command is executed, and the node dies instead of the reply.
    DieUnanswered,
    /// These bytes come in place of the reply.
    Garble(Vec<u8>),
    /// This error comes, and nothing is executed.
    Refuse(String),
    /// The connection is reset, and nothing is executed.
    ResetUnexecuted,
    /// So many bytes of the reply come, and then the end.
    Truncate(usize),
}

/// The faults of one node.
#[derive(Debug)]
pub(super) struct Faults {
    /// Whether there is any fault, read before each answer without a lock.
    any: AtomicBool,
    /// In the order in which they were added; the first that applies counts.
    active: Mutex<Vec<(Fault, Times)>>,
    /// Seeded, so that chances repeat.
    dice: Mutex<fastrand::Rng>,
}

impl Faults {
    /// No fault. `seed` decides the chances, so that a run can be repeated.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            any: AtomicBool::new(false),
            active: Mutex::default(),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Adds a fault to those of the node.
    pub(super) fn add(&self, fault: Fault, times: Times) {
        self.active.lock().push((fault, times));
        self.any.store(true, Ordering::Release);
    }

    /// Ends all faults of the node.
    pub(super) fn clear(&self) {
        self.active.lock().clear();
        self.any.store(false, Ordering::Release);
    }

    /// The first fault for which `pick` finds a use, spent once.
    fn spend<T>(&self, pick: impl Fn(&mut Fault) -> Option<T>) -> Option<T> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut active = self.active.lock();
        for at in 0..active.len() {
            let (fault, times) = &mut active[at];
            let Some(found) = pick(fault) else {
                continue;
            };
            match times {
                Times::Always => return Some(found),
                Times::Next(0) => {}
                Times::Next(left) => {
                    *left -= 1;
                    if *left == 0 {
                        active.remove(at);
                        self.any.store(!active.is_empty(), Ordering::Release);
                    }
                    return Some(found);
                }
                Times::OneIn(n) => {
                    if self.dice.lock().u32(0..(*n).max(1)) == 0 {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    /// Whether a fault that is a state, not an event, is active.
    fn has(&self, state: &Fault) -> bool {
        self.any.load(Ordering::Acquire) && self.active.lock().iter().any(|(f, _)| f == state)
    }

    /// Whether new connections are refused.
    pub(super) fn refuses(&self) -> bool {
        self.has(&Fault::Refuse)
    }

    /// Whether connections are accepted and never answered.
    pub(super) fn silent(&self) -> bool {
        self.has(&Fault::Silence)
    }

    /// Whether this connection is told that there are too many; uses the fault up.
    pub(super) fn max_clients(&self) -> bool {
        self.spend(|fault| (*fault == Fault::MaxClients).then_some(()))
            .is_some()
    }

    /// How long this answer waits; uses the fault up.
    pub(super) fn delay(&self) -> Option<Duration> {
        self.spend(|fault| match fault {
            Fault::Delay(delay) => Some(*delay),
            _ => None,
        })
    }

    /// What is wrong with the certificate of this connection; uses the fault up.
    #[cfg(feature = "sim-tls")]
    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.spend(|fault| match fault {
            Fault::Certificate(flaw) => Some(*flaw),
            _ => None,
        })
    }

    /// How the socket of a new connection is bent.
    pub(super) fn shape(&self) -> Shape {
        let limit = self.spend(|fault| match fault {
            Fault::CloseAfter(bytes) => Some((*bytes, Ending::Close)),
            Fault::HangAfter(bytes) => Some((*bytes, Ending::Hang)),
            Fault::ResetAfter(bytes) => Some((*bytes, Ending::Reset)),
            _ => None,
        });
        let one_byte = self.spend(|fault| (*fault == Fault::OneByteWrites).then_some(()));
        Shape {
            one_byte: one_byte.is_some(),
            limit,
        }
    }

    /// What happens to a command of this full lower-case name, such as `client|setinfo`.
    pub(super) fn disturbance(&self, command: &str) -> Option<Disturbance> {
        /// What a server that loads its data answers all the same, as far as clients need it to connect.
        const HANDSHAKE: [&str; 6] = ["auth", "client", "hello", "quit", "reset", "select"];
        let first = command.split('|').next().unwrap_or(command);
        let meant = |name: &str| {
            let whole = name == "*" || name.eq_ignore_ascii_case(command);
            whole || name.eq_ignore_ascii_case(first)
        };
        // Counted down by each that comes, so that the fault stays until its turn.
        let turn = |left: &mut u32| {
            *left = left.saturating_sub(1);
            *left == 0
        };
        self.spend(|fault| match fault {
            Fault::Answer(name, line) => meant(name).then(|| Disturbance::Refuse(line.clone())),
            Fault::Die(name, left) => (meant(name) && turn(left)).then_some(Disturbance::Die),
            Fault::DieUnanswered(name, left) => {
                (meant(name) && turn(left)).then_some(Disturbance::DieUnanswered)
            }
            Fault::CloseUnanswered => Some(Disturbance::CloseUnanswered),
            Fault::CloseUnexecuted => Some(Disturbance::CloseUnexecuted),
            Fault::Garble(bytes) => Some(Disturbance::Garble(bytes.clone())),
            Fault::Loading if !HANDSHAKE.contains(&first) => Some(Disturbance::Refuse(
                "LOADING Redis is loading the dataset in memory".into(),
            )),
            Fault::ResetUnexecuted => Some(Disturbance::ResetUnexecuted),
            Fault::Truncate(bytes) => Some(Disturbance::Truncate(*bytes)),
            _ => None,
        })
    }
}
