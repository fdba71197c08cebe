//! Replies that are settled many at once come to the same as one by one.

use super::{Settled, Stage, ask, in_flight, write};
use crate::protocol::Value;

/// What 11 replies come to, of which this one is an error, in reads of so many; and the state afterwards.
/// `given_up`: a caller gives up behind the first read.
fn outcomes(
    at_once: bool,
    error: usize,
    read: usize,
    given_up: bool,
) -> (Vec<String>, Vec<String>) {
    let mut in_flight = in_flight();
    for (name, wants) in [("apple", 5), ("berry", 1), ("cherry", 3), ("date", 2)] {
        assert!(ask(&mut in_flight, name, wants));
    }
    // The last request has not left.
    write(&mut in_flight, "appleberrycherry".len(), true);
    let mut outcomes = Vec::new();
    let mut replies: Vec<Value> = (0..11).map(Value::Int).collect();
    replies[error] = Value::error("ERR", "no");
    for (number, read) in replies.chunks(read).enumerate() {
        if given_up && number == 1 {
            outcomes.push(format!("{:?}", in_flight.abandon(&'a')));
        }
        let mut read = read.to_vec();
        let mut replies = read.drain(..);
        while let Some(reply) = replies.next() {
            match in_flight.settle(reply) {
                Settled::Kept if at_once => {
                    let before = replies.len();
                    in_flight.settle_several(&mut replies);
                    let taken = before - replies.len();
                    assert!(taken <= 3, "the last one completes: {taken}");
                }
                Settled::Kept => {}
                other => outcomes.push(format!("{other:?}")),
            }
        }
    }
    let state = [
        format!("{:?}", Stage::of(&in_flight)),
        format!("{} {}", in_flight.live(), in_flight.answered),
        in_flight.activity.to_string(),
        // With what was collected of the last one.
        format!("{:?}", in_flight.end(&super::super::BY_USER)),
    ];
    (outcomes, state.into())
}

#[test]
fn replies_settled_many_at_once_reach_their_callers_as_one_by_one() {
    for read in 1..=11 {
        for error in 0..11 {
            for given_up in [false, true] {
                let one_by_one = outcomes(false, error, read, given_up);
                assert!(one_by_one.0.len() >= 3, "{one_by_one:?}");
                let at_once = outcomes(true, error, read, given_up);
                assert_eq!(at_once, one_by_one, "{read} {error} {given_up}");
            }
        }
    }
}
