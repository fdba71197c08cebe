//! An answer, or an end without one, against who waits for it under many thread schedules.

use super::*;
use crate::link::model::explore;
use crate::sync::spawn;

/// The receiver waits while the sender answers or goes: it is woken in every order, and misses nothing.
fn who_waits_is_woken(answer: Option<u8>) {
    let (sender, receiver) = oneshot();
    let body = move || match answer {
        Some(answer) => sender.send(answer),
        None => drop(sender),
    };
    let giver = spawn("giver".to_owned(), body).unwrap();
    let expected = answer.ok_or(RecvTimeoutError::Disconnected);
    // One that may time out first, and one that may not.
    let soon = receiver.receive(Some(crate::clock::now()));
    if soon != Err(RecvTimeoutError::Timeout) {
        assert_eq!(soon, expected);
    } else {
        assert_eq!(receiver.receive(None), expected);
    }
    giver.join().unwrap();
}

#[test]
fn model_of_an_answer() {
    explore(30, || who_waits_is_woken(Some(1)));
}

#[test]
fn model_of_an_end_without_an_answer() {
    explore(30, || who_waits_is_woken(None));
}
