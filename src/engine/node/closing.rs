//! What a node does while its client closes. Decides nothing: the planner has told how its handoffs ended,
//! and is asked no more. Runs on the coordinator's thread.

use super::Node;
use crate::engine::inbox::{Arrival, Report};
use crate::error::CloseReason;
use crate::link::EndReason;

impl Node {
    /// Ends all links, draining ones too, and lets no further one in. Callers who wait on them get
    /// `reason`; each reader thread then reports [`Report::Ended`].
    pub(in crate::engine) fn end_links(&self, reason: CloseReason) {
        for link in self.entries().close().iter().chain(self.links.values()) {
            link.end(EndReason::Closed(reason));
        }
    }

    /// What still happens at this node while all of it ends. A worker may have been about to install a
    /// link: it is ended and then waited for like the others, so that no thread is left.
    pub(in crate::engine) fn handle_closing(&mut self, report: Report, reason: CloseReason) {
        match report {
            Report::Ended { link, .. } => {
                if let Some(link) = self.links.remove(&link) {
                    link.join();
                }
            }
            Report::Up(Arrival { link, .. }) => {
                link.end(EndReason::Closed(reason));
                self.links.insert(link.id(), link);
            }
            _ => {}
        }
    }
}
