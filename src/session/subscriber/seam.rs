//! Which connection's messages are delivered while another takes its place, so that none is lost, doubled or out
//! of order. Reads no clock and no socket.
//!
//! ```text
//!   begin             old: delivered                  new: kept
//!   cut of the old    old: held, in case that new dies
//!   cut of the new    what it brought before is what the old one delivered: dropped
//!   finish            new: delivered
//! ```
//!
//! The cuts are one marker, which a server puts at the same place into what both bring. Without a marker the old
//! one is cut by a reply, and replies of the new one before and after it say how much it had brought by then, at
//! least and at most (fences); what lies between is compared.
//!
//! | lost meanwhile | what follows |
//! |---|---|
//! | the new one | what was held is delivered; the old one serves on |
//! | the old one, cut by its marker | nothing is missing: the marker of the new one shows where to go on |
//! | the old one, otherwise | the new one serves; there may be a gap |

use super::message::{Message, SubscriptionKind};
use super::overlap::{Overlaps, are_telling};
use crate::ids::LinkId;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// As much as this is kept for one seam, in bytes; a new connection that takes longer is given up, and the old one
/// serves on.
const MOST_KEPT: usize = 64 << 20;

/// What to do with a message that came.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It goes to the mailbox.
    Deliver(Message),
    /// It is kept, or is of no use.
    Nothing,
    /// It is kept, and there is no room for more.
    TooMuch,
}

/// How a new connection took over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    /// No connection had served before.
    First,
    /// By the marker, or by fences that left nothing to compare.
    Exact,
    /// By comparing messages.
    Matched,
    /// The old connection was lost first.
    Alone,
}

/// A new connection serves.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Joined {
    pub(super) how: How,
    /// To be delivered now, in this order.
    pub(super) messages: Vec<Message>,
    /// How many of them the old connection may have brought too.
    pub(super) doubles: u64,
}

/// What a connection was that is lost.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Lost {
    /// It was about to take over. These are to be delivered now.
    Joining(Vec<Message>),
    /// It served.
    Serving,
    /// Neither: it was replaced before.
    Other,
}

/// A connection that is to take over.
#[derive(Debug)]
struct Joining {
    link: LinkId,
    /// Whether a connection has ever served.
    is_first: bool,
    /// The payload of the marker that both are to bring, if one is.
    marker: Option<Vec<u8>>,
    /// The old one has brought all that is to be delivered of it.
    is_cut: bool,
    /// By its marker.
    is_marked: bool,
    /// How many messages this one had brought before its marker.
    marked_at: Option<usize>,
    /// How many of these the old one has delivered for certain, and at most.
    least: usize,
    most: Option<usize>,
    /// What the old one has delivered since this one began.
    delivered: Vec<Message>,
    /// What the old one has brought since it was cut.
    held: Vec<Message>,
    brought: Vec<Message>,
    bytes: usize,
}

/// The connections of one subscriber.
#[derive(Debug, Default)]
pub(super) struct Seam {
    serving: Option<LinkId>,
    /// A connection served at some time.
    has_served: bool,
    joining: Option<Joining>,
}

/// Whose messages are in one order: the subscription and the channel.
type Stream = (bool, Option<Vec<u8>>, Vec<u8>);

/// What was brought of one stream.
#[derive(Default)]
struct Brought<'a> {
    /// By the old connection.
    old: Vec<&'a [u8]>,
    /// By the new one.
    new: Vec<&'a [u8]>,
    /// Where the latter stand among all that the new one has brought, the first first.
    places: Vec<usize>,
}

fn stream_of(message: &Message) -> Stream {
    (
        message.is_sharded,
        message.pattern.clone(),
        message.channel.clone(),
    )
}

impl Seam {
    /// A new connection begins to subscribe: before it does, so that all that it brings is kept. One that had begun
    /// before is forgotten, and what follows from that is to be delivered.
    pub(super) fn begin(&mut self, link: LinkId) -> Vec<Message> {
        let held = self.give_up();
        self.joining = Some(Joining {
            link,
            is_first: !self.has_served,
            marker: None,
            is_cut: false,
            is_marked: false,
            marked_at: None,
            least: 0,
            most: None,
            delivered: Vec::new(),
            held: Vec::new(),
            brought: Vec::new(),
            bytes: 0,
        });
        held
    }

    /// The new connection has ended its subscription to these: what it brought of them is of no use.
    pub(super) fn forget(&mut self, kind: SubscriptionKind, names: &[Vec<u8>]) {
        if let Some(joining) = &mut self.joining {
            (joining.brought).retain(|message| {
                message.kind() != kind || !names.contains(message.subscription())
            });
        }
    }

    /// Whether a connection serves.
    pub(super) fn serves(&self) -> bool {
        self.serving.is_some()
    }

    /// A marker with this payload is about to be published.
    pub(super) fn expect(&mut self, marker: Vec<u8>) {
        if let Some(joining) = &mut self.joining {
            joining.marker = Some(marker);
        }
    }

    /// A message came over this connection.
    pub(super) fn handle_message(&mut self, link: LinkId, message: Message) -> Taken {
        let is_serving = self.serving == Some(link);
        let Some(joining) = &mut self.joining else {
            let is_ours = is_serving && !message.is_marker();
            return if is_ours {
                Taken::Deliver(message)
            } else {
                Taken::Nothing
            };
        };
        let is_joining = joining.link == link;
        if message.is_marker() {
            let is_mine = joining.marker.as_ref() == Some(&message.payload);
            // Not a copy of it that came by a pattern of the user.
            if is_mine && message.pattern.is_none() && is_serving {
                joining.is_marked = true;
                joining.is_cut = true;
            } else if is_mine && message.pattern.is_none() && is_joining {
                joining.marked_at.get_or_insert(joining.brought.len());
            }
            return Taken::Nothing;
        }
        if !(is_serving || is_joining) {
            return Taken::Nothing;
        }
        // Also what is delivered: its copy is kept to compare.
        joining.bytes += message.size();
        let is_full = joining.bytes > MOST_KEPT;
        if is_joining && is_full {
            // It will not take over, so that nothing of it is needed.
            joining.brought = Vec::new();
        } else if is_joining {
            joining.brought.push(message);
        } else if joining.is_cut {
            joining.held.push(message);
        } else {
            if is_full {
                joining.delivered = Vec::new();
            } else {
                joining.delivered.push(message.clone());
            }
            // Delivered whatever becomes of the other.
            return Taken::Deliver(message);
        }
        if is_full {
            Taken::TooMuch
        } else {
            Taken::Nothing
        }
    }

    /// Whether more is kept than there is room for.
    pub(super) fn is_full(&self) -> bool {
        self.joining
            .as_ref()
            .is_some_and(|joining| joining.bytes > MOST_KEPT)
    }

    /// Whether the marker cannot come any more, or there is no room until it does.
    pub(super) fn is_stuck(&self) -> bool {
        let is_cut = self
            .joining
            .as_ref()
            .is_some_and(|joining| joining.is_marked);
        self.joining.is_none() || self.is_full() || self.serving.is_none() && !is_cut
    }

    /// Whether both connections have brought the marker.
    pub(super) fn is_marked(&self) -> bool {
        let joining = self.joining.as_ref();
        joining.is_some_and(|joining| joining.is_marked && joining.marked_at.is_some())
    }

    /// The new connection has answered a request, in front of a [cut](Self::cut) of the old one by an answer, and
    /// again behind it.
    pub(super) fn fence(&mut self) {
        if let Some(joining) = &mut self.joining {
            let count = joining.brought.len();
            // By the order in which they are asked, the cut lies between the two.
            if joining.is_cut {
                joining.most = Some(count);
            } else {
                joining.least = count;
            }
        }
    }

    /// The old connection has answered a request: all that it brings from here on is held.
    pub(super) fn cut(&mut self) {
        if let Some(joining) = &mut self.joining {
            joining.is_cut = true;
        }
    }

    /// The old connection delivers on, because its cut was of no use. These are to be delivered now.
    pub(super) fn mend(&mut self) -> Vec<Message> {
        let Some(joining) = &mut self.joining else {
            return Vec::new();
        };
        (joining.is_cut, joining.is_marked) = (false, false);
        (joining.marker, joining.marked_at) = (None, None);
        (joining.least, joining.most) = (0, None);
        let held = std::mem::take(&mut joining.held);
        joining.delivered.extend(held.iter().cloned());
        held
    }

    /// The new connection takes over by the fences, unless what was brought contradicts them, as it does where two
    /// servers have the messages at different times.
    pub(super) fn finish_fenced(&mut self) -> Option<Joined> {
        let joining = self.joining.as_ref().filter(|_| !self.is_full())?;
        let certain = joining.least..=joining.most?;
        let (old, doubles) = joining.compare(Some(&certain))?;
        let how = if certain.start() == certain.end() {
            How::Exact
        } else {
            How::Matched
        };
        self.take_over(how, old, doubles)
    }

    /// The new connection takes over: by the marker if it can, else by comparing. `None`: there is none, or too much
    /// came to keep.
    ///
    /// An old one that was cut otherwise has been [mended](Self::mend) before.
    pub(super) fn finish(&mut self) -> Option<Joined> {
        if self.is_full() {
            return None;
        }
        let joining = self.joining.as_mut()?;
        if let (true, Some(at)) = (joining.is_marked, joining.marked_at) {
            // In front of the marker lies what the old one has delivered in front of its own. What it has brought
            // behind it was held, and the new one has that too.
            joining.brought.drain(..at);
            return self.take_over(How::Exact, Vec::new(), 0);
        }
        let how = match (joining.is_first, self.serving) {
            (true, _) => How::First,
            (false, None) => How::Alone,
            (false, Some(_)) => How::Matched,
        };
        let (old, doubles) = self.joining.as_ref()?.compare(None)?;
        self.take_over(how, old, doubles)
    }

    /// `old`: which of those that the new one brought are to be dropped. Those behind its end are kept.
    fn take_over(&mut self, how: How, old: Vec<bool>, doubles: u64) -> Option<Joined> {
        let joining = self.joining.take()?;
        self.serving = Some(joining.link);
        self.has_served = true;
        let mut old = old.into_iter();
        let is_new = |_: &Message| !old.next().unwrap_or(false);
        Some(Joined {
            how,
            messages: joining.brought.into_iter().filter(is_new).collect(),
            doubles,
        })
    }

    /// The new connection does not take over. These are to be delivered now.
    pub(super) fn give_up(&mut self) -> Vec<Message> {
        let joining = self.joining.take();
        // What a lost connection has held was brought in time, and its successor is not there.
        joining.map_or_else(Vec::new, |joining| joining.held)
    }

    /// A connection is lost.
    pub(super) fn handle_lost(&mut self, link: LinkId) -> Lost {
        if self
            .joining
            .as_ref()
            .is_some_and(|joining| joining.link == link)
        {
            return Lost::Joining(self.give_up());
        }
        // What a joining link has is not touched: it takes over alone, when its worker says so.
        if self.serving == Some(link) {
            self.serving = None;
            return Lost::Serving;
        }
        Lost::Other
    }
}

impl Joining {
    /// Which of the messages that the new one brought to drop, and how many others may be doubles. `certain`:
    /// between how many of all that the new one brought the old one has delivered. `None`: what was brought
    /// contradicts that.
    fn compare(&self, certain: Option<&RangeInclusive<usize>>) -> Option<(Vec<bool>, u64)> {
        let mut streams: HashMap<Stream, Brought<'_>> = HashMap::new();
        for message in &self.delivered {
            let stream = streams.entry(stream_of(message)).or_default();
            stream.old.push(&message.payload);
        }
        for (at, message) in self.brought.iter().enumerate() {
            let stream = streams.entry(stream_of(message)).or_default();
            stream.new.push(&message.payload);
            stream.places.push(at);
        }
        let (mut is_old, mut doubles) = (vec![false; self.brought.len()], 0_u64);
        // In any order: each stream is judged by itself.
        for Brought { old, new, places } in streams.into_values() {
            // Nothing to drop.
            if new.is_empty() {
                continue;
            }
            let overlaps = Overlaps::of(&old, &new);
            let is_telling = are_telling(&old, &new);
            let (dropped, more) = match certain {
                Some(certain) => {
                    // How many of this stream lie in front of the two fences.
                    let before = |fence: &usize| places.partition_point(|at| at < fence);
                    let (least, most) = (before(certain.start()), before(certain.end()));
                    overlaps.choose(&(least..=most), is_telling)?
                }
                None => overlaps.guess(new.len(), is_telling),
            };
            doubles += more as u64;
            // The first of each stream; those behind keep their order among all.
            for at in places.iter().take(dropped) {
                if let Some(is_old) = is_old.get_mut(*at) {
                    *is_old = true;
                }
            }
        }
        Some((is_old, doubles))
    }
}

#[cfg(test)]
mod tests;
