//! For how long a command that blocks is to wait on the server, and its caller for the server. Reads no clock.
//!
//! ```text
//!   sent                      asked time                  command_timeout
//!     |-- the server waits for data -------------|-- the answer travels --|  the connection is given up
//! ```
//!
//! The asked time is the command's own, or `timeout(d)` where that is shorter. A command that is asked again on another
//! connection gets what is left of it.

use crate::command::LONGEST_WAIT;
use std::time::Duration;

/// The least that is asked: zero would be for ever.
const LEAST: Duration = Duration::from_millis(1);

/// The times of one call. `None`: for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BlockingTime {
    /// As the command says.
    own: Option<Duration>,
    /// As the caller says.
    limit: Option<Duration>,
    /// For the way, on top.
    grace: Option<Duration>,
    /// The command is sent as it is: nobody knows where it says its time.
    is_fixed: bool,
}

/// What the server is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Asked {
    /// To be written into the command, instead of what it says.
    pub(super) rewritten: Option<Duration>,
    /// How long the caller waits for the reply.
    pub(super) patience: Option<Duration>,
}

impl BlockingTime {
    /// `own`: for how long the command blocks as it stands; `given`: the time that it was given by its caller;
    /// `command_timeout`: that of the client.
    pub(super) fn new(
        own: Option<Duration>,
        given: Option<Option<Duration>>,
        command_timeout: Option<Duration>,
    ) -> Self {
        // Servers refuse what they cannot count to.
        let limit = given.flatten().map(|limit| limit.min(LONGEST_WAIT));
        Self {
            own,
            limit,
            grace: match given {
                // The caller waits for ever, whatever the network does.
                Some(None) => None,
                // A call that was given a time ends, also where no other command does.
                _ => command_timeout.or(limit),
            },
            is_fixed: false,
        }
    }

    /// Of a command that is sent as it is, whose caller waits for so long.
    pub(super) fn as_it_stands(limit: Option<Duration>) -> Self {
        Self {
            own: None,
            limit,
            grace: Some(Duration::ZERO),
            is_fixed: true,
        }
    }

    /// Whether the command would have gone on waiting when the caller's time was over.
    pub(super) fn is_cut_short(&self) -> bool {
        !self.is_fixed
            && self
                .limit
                .is_some_and(|limit| self.own.is_none_or(|own| limit < own))
    }

    /// What to ask for when so much of the time is over.
    pub(super) fn ask(&self, elapsed: Duration) -> Asked {
        let whole = self.own.into_iter().chain(self.limit).min();
        let Some(whole) = whole else {
            // Without a time the wait has no end, and neither has the caller's.
            return Asked {
                rewritten: None,
                patience: None,
            };
        };
        let left = whole.saturating_sub(elapsed).max(LEAST);
        // A time of zero is none that a server accepts, or it would be for ever: the server says so itself.
        let is_as_it_stands = self.own.is_some_and(|own| own <= left || own.is_zero());
        Asked {
            rewritten: (!is_as_it_stands && !self.is_fixed).then_some(left),
            patience: self.grace.map(|grace| left.saturating_add(grace)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;
    const MS: Duration = Duration::from_millis(1);
    const S: Duration = Duration::from_secs(1);

    fn times(own: Option<Duration>, given: Option<Option<Duration>>) -> BlockingTime {
        BlockingTime::new(own, given, Some(5 * S))
    }

    fn asked(rewritten: Option<Duration>, patience: Option<Duration>) -> Asked {
        Asked {
            rewritten,
            patience,
        }
    }

    #[test]
    fn without_a_limit_the_command_goes_as_it_stands() {
        let whole = times(Some(2 * S), None);
        assert_eq!(whole.ask(NONE), asked(None, Some(7 * S)));
        assert_eq!(times(None, None).ask(NONE), asked(None, None));
        assert_eq!(times(None, None).ask(9 * S), asked(None, None));
        assert_eq!(times(Some(2 * S), Some(None)).ask(NONE), asked(None, None));
        assert_eq!(times(None, Some(None)).ask(NONE), asked(None, None));
        assert!(!whole.is_cut_short());
    }

    #[test]
    fn a_limit_means_the_same_for_a_command_with_a_time_and_for_one_without() {
        for own in [Some(2 * S), None] {
            let limited = times(own, Some(Some(S)));
            assert_eq!(limited.ask(NONE), asked(Some(S), Some(6 * S)));
            assert!(limited.is_cut_short());
        }
        let longer = times(Some(2 * S), Some(Some(3 * S)));
        assert_eq!(longer.ask(NONE), asked(None, Some(7 * S)));
        assert!(!longer.is_cut_short());
        assert!(!times(Some(2 * S), Some(Some(2 * S))).is_cut_short());
    }

    #[test]
    fn a_call_with_a_limit_ends_also_where_no_other_does() {
        let limited = BlockingTime::new(None, Some(Some(S)), None);
        assert_eq!(limited.ask(NONE), asked(Some(S), Some(2 * S)));
        let plain = BlockingTime::new(Some(S), None, None);
        assert_eq!(plain.ask(NONE), asked(None, None));
    }

    #[test]
    fn what_is_asked_again_has_the_rest_of_its_time_and_never_for_ever() {
        let whole = times(Some(2 * S), None);
        assert_eq!(whole.ask(500 * MS), asked(Some(1500 * MS), Some(6500 * MS)));
        for elapsed in [2 * S, 3 * S, Duration::MAX] {
            assert_eq!(whole.ask(elapsed), asked(Some(MS), Some(5001 * MS)));
        }
    }

    #[test]
    fn what_is_no_time_is_left_to_the_server() {
        let none = times(Some(Duration::ZERO), None);
        assert_eq!(none.ask(NONE).rewritten, None);
        assert_eq!(none.ask(9 * S).rewritten, None);
    }
}
