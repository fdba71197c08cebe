//! Who is meant: the numbers of nodes, entries, links and handoffs, each a type of its own, so that none is
//! taken for another. Counts nothing and looks nothing up.

use std::fmt;

/// A server that a client has connections to. A client of one server has one node: number 0.
///
/// Given by the engine when the node is added, and never given twice in the life of a client.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(u32);

/// A place in the pool of one node. It keeps its number whatever connection is in it: a move puts another
/// connection into the same place.
///
/// The places that commands share come first, from 0, in the order of
/// [`Stats::shared`](crate::Stats::shared); those of commands that block follow.
///
/// ```
/// # use hitless::{MaintenanceEvent, NotificationHook};
/// struct Told;
///
/// impl NotificationHook for Told {
///     fn event(&self, event: &MaintenanceEvent) {
///         if let MaintenanceEvent::ConnectionMoved { connection, took, .. } = event {
///             println!("connection {connection} moved in {took:?}");
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntryId(usize);

/// One socket, unique in the client's life, whatever its node.
///
/// Given by the worker that made the connection, in rising order: a newer link has a higher number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct LinkId(u64);

/// One handoff: the move of all connections of a node away from one address. Unique in the life of a node,
/// in the order in which they began, from 0.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HandoffId(u64);

impl NodeId {
    /// The node with this number.
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, from 0.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl EntryId {
    /// The place with this number.
    pub(crate) const fn new(index: usize) -> Self {
        Self(index)
    }

    /// Its number, from 0: where it stands in [`Stats::shared`](crate::Stats::shared).
    pub fn index(self) -> usize {
        self.0
    }
}

/// One connection of a client as its log lines and its reader thread name it: `<node>.<entry>`, such as
/// `0.3`. The entry alone would not do: each node counts its own from 0.
///
/// Linux keeps 15 bytes of a thread's name. Behind `hitless-r`, 6 are left, which is enough for 99 nodes of
/// 999 entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionName {
    pub(crate) node: NodeId,
    pub(crate) entry: EntryId,
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.entry)
    }
}

impl LinkId {
    /// The link with this number.
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The least that a later link may have.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number.
    #[cfg(test)]
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl HandoffId {
    /// The handoff with this number.
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The one that begins after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Its number, from 0.
    pub fn number(self) -> u64 {
        self.0
    }
}

macro_rules! shown_as_number {
    ($($id:ty),*) => {
        $(impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        })*
    };
}

shown_as_number!(NodeId, EntryId, LinkId, HandoffId);

/// Tests write the numbers of places as they are.
#[cfg(test)]
mod plain {
    use super::{EntryId, HandoffId};

    impl From<usize> for EntryId {
        fn from(index: usize) -> Self {
            Self(index)
        }
    }

    impl PartialEq<usize> for EntryId {
        fn eq(&self, index: &usize) -> bool {
            self.0 == *index
        }
    }

    impl From<u64> for HandoffId {
        fn from(number: u64) -> Self {
            Self(number)
        }
    }

    impl PartialEq<u64> for HandoffId {
        fn eq(&self, number: &u64) -> bool {
            self.0 == *number
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_by_the_bytes_that_linux_keeps_of_its_name() {
        let name = |node, entry| {
            let (node, entry) = (NodeId::new(node), EntryId::new(entry));
            ConnectionName { node, entry }.to_string()
        };
        assert_eq!(name(1, 23), "1.23");
        assert_ne!(name(1, 23), name(12, 3));
        assert_eq!("hitless-r".len() + name(99, 999).len(), 15);
    }
}
