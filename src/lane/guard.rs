//! Runs code of the user. Lets no panic of it out.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user; `None`: it panicked. The caller counts that.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload is the user's too, and may panic when it is dropped.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(again);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is dropped.
    struct Spiteful;

    impl Drop for Spiteful {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn a_panic_whose_payload_panics_too_stays_inside() {
        assert_eq!(guard(|| 1), Some(1));
        assert_eq!(guard(|| -> u8 { std::panic::panic_any(Spiteful) }), None);
    }
}
