//! One slot with what is kept about it whatever its state. Moves nothing.

use super::reactions::RETRY;
use super::seat::Seat;
use crate::handoff::later;
use std::time::{Duration, Instant};

/// Moves in a row that a slot makes without a rest.
const FREE_HOPS: u32 = 3;
/// A slot that has not moved for this long is no longer in a row of moves.
const SETTLED: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) seat: Seat,
    /// A caller waits for it.
    pub(super) wanted: bool,
    /// It lost its link unasked, or the idle minimum is not met.
    pub(super) eager: bool,
    /// Moves in quick succession, and when the last one was.
    hops: u32,
    hopped_at: Option<Instant>,
    /// It does not move again before this.
    pub(super) rests_until: Option<Instant>,
}

impl Slot {
    /// A vacant slot that nobody wants.
    pub(super) fn new() -> Self {
        Self {
            seat: Seat::Vacant,
            wanted: false,
            eager: false,
            hops: 0,
            hopped_at: None,
            rests_until: None,
        }
    }

    /// It has moved. The first few moves in a row may follow each other at once: chains are real. After
    /// these it rests ever longer, so that servers that send it in circles cause no storm of dials.
    pub(super) fn handle_hop(&mut self, now: Instant) {
        let settled = |at| now.saturating_duration_since(at) >= SETTLED;
        if self.hopped_at.is_none_or(settled) {
            self.hops = 0;
        }
        self.hops = self.hops.saturating_add(1);
        self.hopped_at = Some(now);
        self.rests_until = self
            .hops
            .checked_sub(FREE_HOPS)
            .map(|beyond| later(now, RETRY.bound(beyond)));
    }
}
