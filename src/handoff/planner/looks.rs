//! When to look for the right server, and what the latest look has shown. Knows one entry, the one that looks, and
//! dials nothing.

use super::action::FailureKind;
use crate::handoff::backoff::{Backoff, Jitter};
use crate::handoff::later;
use crate::ids::EntryId;
use std::time::{Duration, Instant};

/// Between looks.
const PAUSE: Backoff = Backoff {
    floor: Duration::from_millis(250),
    cap: Duration::from_secs(60),
};
/// After this long without a look, the next one is the first of a row.
const FORGOTTEN: Duration = Duration::from_secs(120);
/// So long a server that does not know a link which has just logged in is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// The search for the server that the client is meant to talk to.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Looks in a row.
    row: u32,
    /// When the latest look was offered: links that were dialled later are as new as what it finds.
    looked_at: Option<Instant>,
    /// When the next one is due; `None` while one is out, or none is needed.
    next_at: Option<Instant>,
    /// The entry whose job is a look.
    entry: Option<EntryId>,
    /// The latest look has found a server that will do.
    found: bool,
    /// When links that the server does not know were first made anew.
    logged_in_at: Option<Instant>,
}

impl Looks {
    /// When the next look is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next_at
    }

    /// When the latest look was offered.
    pub(super) fn looked_at(&self) -> Option<Instant> {
        self.looked_at
    }

    /// Whether a server that will do was found, and links to the wrong one are still to be let go.
    pub(super) fn has_found(&self) -> bool {
        self.found
    }

    /// Says whether that is so from now on. With it no look is due: the found server is used first.
    pub(super) fn set_found(&mut self, found: bool) {
        self.found = found;
    }

    /// No link leads to the wrong server any more.
    pub(super) fn handle_all_right(&mut self) {
        self.next_at = None;
    }

    /// Whether to look now. The first look of a row is made at once, and none while another is out.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.entry.is_some() || self.found {
            return false;
        }
        let next = *self.next_at.get_or_insert_with(|| {
            let is_old = |at| later(at, FORGOTTEN) <= now;
            if self.looked_at.is_none_or(is_old) {
                self.row = 0;
            }
            let again = self.row.checked_sub(1).zip(self.looked_at);
            let next = again.map_or(now, |(row, at)| later(at, PAUSE.bound(row)));
            next.max(now)
        });
        next <= now
    }

    /// This entry looks from now on.
    pub(super) fn begin(&mut self, now: Instant, entry: EntryId) {
        self.entry = Some(entry);
        self.row = self.row.saturating_add(1);
        self.looked_at = Some(now);
        self.next_at = None;
        self.found = false;
    }

    /// The job of this entry is over. Says whether that was the look.
    pub(super) fn end(&mut self, entry: EntryId) -> bool {
        let mine = self.entry == Some(entry);
        self.entry = self.entry.filter(|_| !mine);
        mine
    }

    /// The look has found nothing better. One that no worker carried out is made again soon: it has shown nothing.
    pub(super) fn handle_failure(&mut self, now: Instant, kind: FailureKind, jitter: &mut Jitter) {
        let pause = match kind {
            FailureKind::Closed | FailureKind::Withdrawn => PAUSE.floor,
            _ => PAUSE.steady_delay(self.row.saturating_sub(1), jitter),
        };
        self.next_at = Some(later(now, pause));
    }

    /// The server does not know a link that was dialled then. True: it is to be made anew, to log in again.
    pub(super) fn handle_unknown(&mut self, now: Instant, dialled_at: Instant) -> bool {
        let since = self.logged_in_at;
        let since = since.filter(|since| now < later(*since, BELIEVED));
        // Dialled after the first renewal and unknown all the same: the login works for new links and is taken from
        // them again. Renewing each for ever would only load the server.
        if since.is_some_and(|since| dialled_at >= since) {
            return false;
        }
        self.logged_in_at = since.or(Some(now));
        true
    }
}
