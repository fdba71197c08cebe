//! The buffer of a thread's last command, so that the next one costs no allocation of its own. Shares
//! nothing between threads.

use std::cell::Cell;

/// A buffer that has grown larger than this is not kept.
const KEEP: usize = 4096;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer that begins with these bytes; with more room, if this thread has given one back. A thread
/// that is ending gets a new one.
#[inline]
pub(super) fn take_with(start: &[u8]) -> Vec<u8> {
    let mut buffer = take();
    buffer.extend_from_slice(start);
    buffer
}

/// An empty buffer.
#[inline]
pub(super) fn take() -> Vec<u8> {
    let mut buffer = SPARE.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    buffer
}

/// Keeps a buffer for this thread's next command. Of two commands that live at the same time, the one that
/// is dropped last has its buffer kept.
#[inline]
pub(super) fn give_back(buffer: &mut Vec<u8>) {
    // One large value must not stay in the memory of each thread that ever sent one.
    if buffer.capacity() <= KEEP {
        let buffer = std::mem::take(buffer);
        // Fails in a destructor of a thread that ends: then the buffer is freed as any other.
        let _ = SPARE.try_with(|spare| spare.set(buffer));
    }
}
