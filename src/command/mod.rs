//! Commands and what is known of them. Sends nothing: opens no socket, takes no lock, reads no clock.

#[allow(
    dead_code,
    reason = "routing by keys and repetition by class are not there yet; tests/words.rs compiles this module \
              and holds every column against servers"
)]
pub(crate) mod table;
