//! What a node does while its client closes. Decides nothing: nobody is asked any more.

use super::Node;
use crate::engine::inbox::{Arrival, Report};
use crate::error::CloseReason;
use crate::link::EndReason;

impl Node {
    /// Ends all links, and lets no further one in.
    pub(in crate::engine) fn end_links(&self, reason: CloseReason) {
        for link in self.entries().close().iter().chain(self.links.values()) {
            link.end(EndReason::Closed(reason));
        }
    }

    /// What still happens at this node while all of it ends.
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
