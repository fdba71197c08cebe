//! Every sequence of what a user does and what happens to the connection, beside a connection that does what a
//! server does.

use super::*;

/// A connection as its server sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Connection {
    watched: bool,
    queueing: bool,
    /// Settings that differ from what every connection begins with.
    set: Vec<Setting>,
    /// Settings that wait for EXEC.
    queued: Vec<Setting>,
    other: bool,
}

/// What is done, or happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Command(Effect),
    /// The connection ends, and the lease notices.
    Loss,
    /// The connection is about to be closed.
    LastCall,
}

const STEPS: [Step; 11] = [
    Step::Command(Effect::None),
    Step::Command(Effect::Watch),
    Step::Command(Effect::Unwatch),
    Step::Command(Effect::Multi),
    Step::Command(Effect::Exec),
    Step::Command(Effect::Discard),
    Step::Command(Effect::Sets {
        setting: Setting::Database,
        is_base: false,
    }),
    Step::Command(Effect::Sets {
        setting: Setting::Database,
        is_base: true,
    }),
    Step::Command(Effect::Stays),
    Step::Loss,
    Step::LastCall,
];

impl Connection {
    /// Executes a command; true: with an error.
    fn execute(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Exec | Effect::Discard if !self.queueing => return true,
            Effect::Exec => {
                let queued = std::mem::take(&mut self.queued);
                self.set.extend(queued);
                (self.queueing, self.watched) = (false, false);
            }
            Effect::Discard => {
                self.queued.clear();
                (self.queueing, self.watched) = (false, false);
            }
            Effect::Multi if self.queueing => return true,
            Effect::Multi => self.queueing = true,
            Effect::Watch if self.queueing => return true,
            Effect::Watch => self.watched = true,
            Effect::Unwatch => self.watched &= self.queueing,
            Effect::Sets { setting, is_base } if self.queueing => {
                if !is_base {
                    self.queued.push(setting);
                }
            }
            Effect::Sets { setting, is_base } => {
                self.set.retain(|set| *set != setting);
                if !is_base {
                    self.set.push(setting);
                }
            }
            Effect::Stays => self.other = true,
            Effect::None => {}
        }
        false
    }
}

/// A lease with its connection, and what its user relies on.
struct World {
    state: LeaseState<Setting>,
    connection: Connection,
    ends_soon: bool,
    /// The user has watched keys and relies on it: on this connection, or on one that is gone.
    relies: bool,
    /// That connection is gone.
    betrayed: bool,
}

impl World {
    fn new() -> Self {
        Self {
            state: LeaseState::new(),
            connection: Connection::default(),
            ends_soon: false,
            relies: false,
            betrayed: false,
        }
    }

    /// Another connection, made ready.
    fn reconnect(&mut self) {
        self.connection = Connection::default();
        self.ends_soon = false;
        for setting in self.state.settings().copied().collect::<Vec<_>>() {
            self.connection.set.push(setting);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Loss => {
                self.state.lose();
                self.betrayed |= self.relies;
                self.reconnect();
            }
            Step::LastCall => self.ends_soon = true,
            Step::Command(effect) => self.command(effect),
        }
    }

    fn command(&mut self, effect: Effect) {
        match self.state.admit(effect, self.ends_soon) {
            Ok(()) => {}
            Err(CloseReason::WatchLost) => {
                // The lease leaves a connection on which keys are still watched.
                self.state.lose();
                self.reconnect();
                (self.relies, self.betrayed) = (false, false);
                return;
            }
            Err(_) => {
                if matches!(effect, Effect::Exec | Effect::Discard) {
                    (self.relies, self.betrayed) = (false, false);
                }
                return;
            }
        }
        let was_queueing = self.connection.queueing;
        let is_error = self.connection.execute(effect);
        let setting = Setting::Database;
        self.state.note(effect, is_error, || setting);
        match effect {
            Effect::Exec => {
                assert!(
                    is_error || !self.betrayed,
                    "executed without the watch that its user relies on"
                );
                (self.relies, self.betrayed) = (false, false);
            }
            Effect::Discard if !is_error => (self.relies, self.betrayed) = (false, false),
            Effect::Unwatch if !was_queueing => (self.relies, self.betrayed) = (false, false),
            Effect::Watch if !is_error => self.relies = true,
            _ => {}
        }
    }

    /// What the next user of the connection would find.
    fn returned(&self) -> Option<Connection> {
        let mut connection = self.connection.clone();
        match self.state.at_return() {
            Return::Destroy => return None,
            Return::Clean => {}
            Return::Undo(undo) => {
                for step in undo {
                    let effect = match step {
                        Undo::Discard => Effect::Discard,
                        Undo::Unwatch => Effect::Unwatch,
                        Undo::Setting(setting) => Effect::Sets {
                            setting,
                            is_base: true,
                        },
                    };
                    // A step that fails has the connection destroyed.
                    if connection.execute(effect) {
                        return None;
                    }
                }
            }
        }
        Some(connection)
    }
}

#[test]
fn no_sequence_executes_without_its_watch_or_leaves_anything_behind() {
    let length = 5;
    let (mut clean, mut undone) = (0_u32, 0_u32);
    for number in 0..STEPS.len().pow(length) {
        let steps: Vec<Step> = (0..length)
            .map(|place| STEPS[number / STEPS.len().pow(place) % STEPS.len()])
            .collect();
        let mut world = World::new();
        for step in &steps {
            world.step(*step);
            // Whoever may move has nothing that only this connection has.
            if !world.state.stays() && !world.ends_soon {
                let here = &world.connection;
                assert!(!here.queueing && !here.other, "{steps:?}");
                assert!(!here.watched, "{steps:?}");
            }
        }
        if let Some(next) = world.returned() {
            match world.state.at_return() {
                Return::Clean => clean += 1,
                _ => undone += 1,
            }
            assert_eq!(next, Connection::default(), "{steps:?}");
        }
    }
    assert!(clean > 1000 && undone > 1000, "{clean} {undone}");
}

#[test]
fn a_transaction_that_was_lost_says_so_until_its_end() {
    let mut state = LeaseState::<()>::new();
    state.note(Effect::Multi, false, || ());
    state.lose();
    assert!(!state.stays());
    for _ in 0..2 {
        assert_eq!(
            state.admit(Effect::None, false),
            Err(CloseReason::StateLost)
        );
    }
    assert_eq!(
        state.admit(Effect::Exec, false),
        Err(CloseReason::StateLost)
    );
    assert_eq!(state.admit(Effect::None, false), Ok(()));
}

#[test]
fn what_no_connection_can_be_given_is_lost_for_good() {
    let mut state = LeaseState::<()>::new();
    state.note(Effect::Stays, true, || ());
    assert!(state.stays());
    assert_eq!(state.at_return(), Return::Destroy);
    state.lose();
    for effect in [Effect::None, Effect::Exec, Effect::Unwatch] {
        assert_eq!(state.admit(effect, false), Err(CloseReason::StateLost));
    }
}
