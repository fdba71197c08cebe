//! One read of the socket, into the buffer or into a long string. Decodes nothing.

use super::{Inbound, Link};
use std::io;
use std::time::Duration;

/// What one read has brought.
#[derive(Clone, Copy)]
pub(super) struct Received {
    /// Nothing but the end of the stream.
    pub(super) is_end: bool,
    /// As much as there was room for: there may be more.
    pub(super) is_full: bool,
}

impl Link {
    /// Reads what is there, or comes within `patience`, with the read role.
    #[inline(always)]
    pub(super) fn receive(
        &self,
        inbound: &mut Inbound,
        patience: Option<Duration>,
    ) -> io::Result<Received> {
        let (count, room) = if let Some(string) = inbound.string() {
            let room = string.capacity() - string.len();
            let count = self.wire.append_to(string, patience)?;
            inbound.appended();
            (count, room)
        } else {
            let space = inbound.space();
            let room = space.len();
            let count = match patience {
                Some(patience) => self.wire.read(space, patience)?,
                None => self.wire.try_read(space)?,
            };
            inbound.filled(count);
            (count, room)
        };
        if count > 0 {
            self.pulse.note_arrival();
        }
        Ok(Received {
            is_end: count == 0,
            is_full: count == room,
        })
    }
}
