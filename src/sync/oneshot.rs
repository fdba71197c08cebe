//! One answer of one thread to another, and no more than one: for more there is [`bounded`](super::bounded), which
//! is compiled anew for each type, at five times the length.

use super::{Arc, Condvar, Ranked, RecvTimeoutError};
use std::fmt;
use std::time::Instant;

/// Gives the answer. Dropped without one it tells the receiver so.
pub(crate) struct OneshotSender<T>(Arc<Shared<T>>);

/// Waits for the answer.
pub(crate) struct OneshotReceiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Ranked<State<T>, 9>,
    /// Notified when the sender goes, with an answer or without one.
    gone: Condvar,
}

struct State<T> {
    answer: Option<T>,
    /// Set once, with the answer if there is one.
    is_gone: bool,
}

/// Room for one answer.
pub(crate) fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let state = State {
        answer: None,
        is_gone: false,
    };
    let shared = Arc::new(Shared {
        state: Ranked::new(state),
        gone: Condvar::default(),
    });
    (OneshotSender(Arc::clone(&shared)), OneshotReceiver(shared))
}

impl<T> OneshotSender<T> {
    /// Gives the answer. Never blocks.
    pub(crate) fn send(self, answer: T) {
        // The drop at the end of this wakes who waits.
        self.0.state.lock().answer = Some(answer);
    }
}

impl<T> Drop for OneshotSender<T> {
    fn drop(&mut self) {
        self.0.state.lock().is_gone = true;
        self.0.gone.notify_all();
    }
}

impl<T> OneshotReceiver<T> {
    /// Waits for the answer until the deadline, or without end. It is given once.
    pub(crate) fn receive(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(answer) = state.answer.take() {
                return Ok(answer);
            }
            if state.is_gone {
                return Err(RecvTimeoutError::Disconnected);
            }
            if deadline.is_some_and(|deadline| deadline <= crate::clock::now()) {
                return Err(RecvTimeoutError::Timeout);
            }
            // May wake without a reason: looked at again.
            state = self.0.gone.wait(&self.0.state, state, deadline);
        }
    }
}

impl<T> fmt::Debug for OneshotSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneshotSender").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_once_and_an_end_without_one_is_told() {
        let (sender, receiver) = oneshot();
        let over = Some(crate::clock::now());
        assert_eq!(receiver.receive(over), Err(RecvTimeoutError::Timeout));
        sender.send(1);
        assert_eq!(receiver.receive(over), Ok(1));
        assert_eq!(receiver.receive(None), Err(RecvTimeoutError::Disconnected));
        let (sender, receiver) = oneshot::<u8>();
        drop(sender);
        assert_eq!(receiver.receive(None), Err(RecvTimeoutError::Disconnected));
    }
}

#[cfg(all(test, hitless_model))]
mod model;
