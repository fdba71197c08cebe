//! What is remembered of callers and commands, and what is not forgotten by mistake.

use crate::counters::Counters;
use crate::link::fake::one;
use crate::link::{Failure, Outcome, Request};
use crate::pool::learned::Learned;
use crate::pool::{Demand, Entries, Pool};
use crate::protocol::Value;
use std::sync::Arc;

const PHOTO: &[u8] = b"*2\r\n$3\r\nGET\r\n$7\r\nphoto:1\r\n";

fn pool() -> Pool {
    let entries = Arc::new(Entries::new(2, 0));
    let counters = Arc::new(Counters::default());
    Pool::new(entries, Arc::new(|_: Demand| {}), counters, None, 0, 512)
}

/// A request, and what became of it.
fn answered(pool: &Pool, request: &Request<'_>, outcome: &Outcome) {
    pool.learn(&pool.wanted(request, false), request, outcome);
}

fn bytes(length: usize) -> Outcome {
    Outcome::One(Value::Bulk(vec![b'x'; length]))
}

#[test]
fn a_reply_that_did_not_come_is_not_a_small_one() {
    let pool = pool();
    answered(&pool, &one(PHOTO), &bytes(100_000));
    assert!(pool.wanted(&one(PHOTO), false).is_large());
    let failure = Failure {
        reason: None,
        got: Vec::new(),
        sent: 1,
    };
    answered(&pool, &one(PHOTO), &Outcome::Failed(Box::new(failure)));
    assert!(pool.wanted(&one(PHOTO), false).is_large());
    answered(&pool, &one(PHOTO), &bytes(10));
    assert!(!pool.wanted(&one(PHOTO), false).is_large());
}

#[test]
fn what_a_thread_does_with_one_client_says_nothing_of_another() {
    let pools = [pool(), pool()];
    let small = one(b"*2\r\n$3\r\nGET\r\n$1\r\ns\r\n");
    answered(&pools[0], &one(PHOTO), &bytes(100_000));
    assert!(pools[0].wanted(&small, false).is_large(), "by the thread");
    assert!(!pools[1].wanted(&small, false).is_large());
    // The other one knows the pattern from another thread, and forgets it here.
    std::thread::scope(|scope| {
        scope.spawn(|| answered(&pools[1], &one(PHOTO), &bytes(100_000)));
    });
    answered(&pools[1], &one(PHOTO), &bytes(10));
    assert!(!pools[1].wanted(&one(PHOTO), false).is_large());
    assert!(pools[0].wanted(&small, false).is_large(), "still");
}

#[test]
fn no_choice_of_keys_makes_it_remember_more_or_keeps_it_from_forgetting() {
    let learned = Learned::default();
    let size = size_of_val(&learned);
    let keys =
        || (0..5000_u32).map(|number| format!("*2\r\n$3\r\nGET\r\n$9\r\n{}\r\n", word(number)));
    for key in keys() {
        learned.note(&one(key.as_bytes()), true);
    }
    assert!(size <= 128, "{size}");
    assert!(keys().all(|key| learned.is_large(&one(key.as_bytes()))));
    for key in keys() {
        learned.note(&one(key.as_bytes()), false);
    }
    assert!(!keys().any(|key| learned.is_large(&one(key.as_bytes()))));
    // A key without an end, and bytes that are no command, do no harm.
    for odd in [
        &b""[..],
        b"\n\n\n\n\n",
        &[b'z'; 100_000],
        b"*2\r\n$3\r\nGET\r\n$",
    ] {
        learned.note(&one(odd), true);
        assert!(learned.is_large(&one(odd)));
        learned.note(&one(odd), false);
    }
}

/// A key of letters that no pattern passes over.
fn word(mut number: u32) -> String {
    let mut word = String::new();
    for _ in 0..9 {
        word.push(char::from(b'g' + (number % 20) as u8));
        number /= 20;
    }
    word
}
