//! Subscriptions: requests that are answered by a push for each of their channels, or by one error. Hands no
//! push on, and knows no channel.
//!
//! ```text
//!   SUBSCRIBE a b --> push subscribe a --> push subscribe b        both count: the request is answered
//!                 --> error                                        one reply for the whole request
//! ```

use super::{InFlight, Outcome, Parts, Settled, Several};
use std::time::Instant;

impl<C: Clone + PartialEq> InFlight<C> {
    /// Appends a request of a caller that `want` pushes of this kind answer. Yields where the request ends.
    /// `None`: the connection accepts none, and nothing was appended.
    pub(crate) fn enqueue_confirmed(
        &mut self,
        parts: Parts<'_>,
        confirmed_by: &'static [u8],
        want: usize,
        caller: C,
        now: Instant,
    ) -> Option<u64> {
        let end = self.enqueue(parts, want, caller, false, now)?;
        if let Some(pending) = self.pending.back_mut() {
            // Also of one channel, whose request has one answer otherwise: no reply may be taken for it.
            pending.several = Some(Box::new(Several {
                want,
                got: Vec::new(),
                confirmed_by: Some(confirmed_by),
            }));
        }
        Some(end)
    }

    /// A push of this kind came. Counts as an answer if the request in front waits for such; otherwise the
    /// server said it unasked, and nothing changes.
    pub(crate) fn confirm(&mut self, kind: &[u8]) -> Settled<C> {
        let offered = self.offered;
        // As for replies: what answers a request that has not left answers something else.
        let front = (self.pending.front_mut()).filter(|front| front.start < offered);
        let several = front.and_then(|front| front.several.as_mut());
        let Some(several) = several.filter(|several| several.confirmed_by == Some(kind)) else {
            return Settled::Kept;
        };
        self.activity += 1;
        self.answered = true;
        several.want = several.want.saturating_sub(1);
        let is_last = several.want == 0;
        self.handle_arrival();
        if is_last {
            self.complete(Outcome::Many(Vec::new()))
        } else {
            Settled::Kept
        }
    }
}
