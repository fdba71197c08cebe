//! One link under many thread schedules. Run with
//! `RUSTFLAGS="--cfg hitless_model" cargo test --lib --release model`; the environment variable
//! `HITLESS_MODEL_SCHEDULES` says how many schedules each model tries, half of them chosen at random
//! and half by priorities. A failing one is printed, to be repeated with `shuttle::replay`.

use super::fake::{self, Far, Note, forever, one, within};
use super::{Deadline, EndReason, Failure, Link, Outcome, Request};
use crate::error::CloseReason;
use crate::protocol::Value;
use crate::sync::Arc;
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) const BY_USER: EndReason = EndReason::Closed(CloseReason::ByUser);

/// Shorter than what a reading caller sleeps in one piece, so that the checker chooses timeouts.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// Steps that no schedule of these models needs: more is a thread that spins.
const MOST_STEPS: usize = 200_000;

/// Runs a model under schedules of both kinds.
pub(crate) fn explore(share: usize, model: fn()) {
    let schedules = std::env::var("HITLESS_MODEL_SCHEDULES")
        .ok()
        .and_then(|schedules| schedules.parse().ok())
        .unwrap_or(6_000_usize);
    let each = (schedules * share / 200).max(1);
    let mut config = shuttle::Config::new();
    config.max_steps = shuttle::MaxSteps::FailAfter(MOST_STEPS);
    config.silence_warnings = true;
    config.stack_size = 256 * 1024;
    shuttle::Runner::new(RandomScheduler::new(each), config.clone()).run(model);
    shuttle::Runner::new(PctScheduler::new(3, each), config).run(model);
}

/// One time in `n`.
pub(crate) fn rarely(n: u32) -> bool {
    thread_rng().gen_ratio(1, n)
}

/// Answers each line with its number, and says other things in between, until the wire is shut.
pub(crate) fn serve(far: Far, noise: bool) -> JoinHandle<Vec<i64>> {
    thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(line) = far.line() {
            let id = number(&line);
            seen.push(id);
            if noise && rarely(3) {
                far.send(">1\r\n+noise\r\n");
            }
            far.send(format!(":{id}\r\n"));
        }
        seen
    })
}

fn number(line: &[u8]) -> i64 {
    String::from_utf8_lossy(line)
        .trim()
        .parse()
        .expect("a number")
}

/// What became of a request of one number.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The number came back.
    Answered,
    /// Failed, and all bytes may have left.
    Lost,
    /// Failed, and not all bytes have left.
    NotSent,
    Unaccepted,
}

pub(crate) fn ask(link: &Link, id: i64, limit: Deadline) -> (Fate, bool) {
    let line = format!("{id}\n");
    let Ok(outcome) = link.call(one(line.as_bytes()), &limit) else {
        return (Fate::Unaccepted, false);
    };
    match outcome {
        Outcome::One(value) => {
            assert_eq!(value, Value::Int(id), "a reply reached the wrong caller");
            (Fate::Answered, false)
        }
        Outcome::Failed(failure) => {
            let Failure { reason, sent, .. } = *failure;
            let whole = sent >= line.len() as u64;
            (
                if whole { Fate::Lost } else { Fate::NotSent },
                reason.is_none(),
            )
        }
        Outcome::Many(_) => panic!("one reply was asked for"),
    }
}

/// Requests on one link that is never ended: nobody may wait in vain.
fn hand_over(callers: i64, each: i64, limit: fn() -> Deadline, prepare: fn(&Far)) {
    let (link, far, notes) = fake::link();
    prepare(&far);
    let server = serve(far.clone(), true);
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let mut fates = Vec::new();
                for number in 0..each {
                    let id = caller * 10 + number;
                    fates.push((id, ask(&link, id, limit())));
                }
                fates
            })
        })
        .collect();
    let fates: Vec<_> = callers
        .into_iter()
        .flat_map(|caller| caller.join().unwrap())
        .collect();
    link.end(BY_USER);
    link.join();
    let seen = server.join().unwrap();
    let gave_up = fates.iter().any(|(_, (_, timed_out))| *timed_out);
    for (id, (fate, _)) in &fates {
        match fate {
            Fate::Answered => assert!(seen.contains(id)),
            Fate::NotSent | Fate::Unaccepted => {
                assert!(
                    !seen.contains(id),
                    "{id} was said not to be sent, and arrived"
                );
            }
            Fate::Lost => {}
        }
        assert!(
            *fate == Fate::Answered || gave_up,
            "{id} failed, although nobody gave up"
        );
    }
    assert_eq!(
        notes
            .all()
            .iter()
            .filter(|note| matches!(note, Note::Ended(..)))
            .count(),
        1
    );
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
}

fn reading_is_handed_over() {
    hand_over(3, 2, forever, |_| {});
}

fn reading_is_handed_over_by_those_who_give_up() {
    // Whoever reads and is left with bytes to write finds that at its next tick.
    hand_over(3, 2, || within(SHORT), Far::set_ticks);
}

fn some_give_up() -> Deadline {
    if rarely(3) { within(SHORT) } else { forever() }
}

fn writing_is_handed_over_by_those_who_give_up() {
    hand_over(3, 1, some_give_up, |far| {
        far.set_room(2);
        far.set_ticks();
    });
}

#[test]
fn model_of_the_read_role() {
    explore(100, reading_is_handed_over);
}

#[test]
fn model_of_the_read_role_with_timeouts() {
    explore(100, reading_is_handed_over_by_those_who_give_up);
}

#[test]
fn model_of_the_write_role_with_timeouts() {
    explore(60, writing_is_handed_over_by_those_who_give_up);
}

/// Both directions are full: the server takes nothing more until its replies are read.
fn both_directions_fill() {
    let (link, far, _notes) = fake::link();
    far.set_room(5);
    far.set_ticks();
    let server = {
        let far = far.clone();
        thread::spawn(move || {
            while let Some(line) = far.line() {
                far.send(format!(":{}\r\n", number(&line)));
                far.until_consumed();
            }
        })
    };
    let callers: Vec<_> = (1..3)
        .map(|caller| {
            let link = Arc::clone(&link);
            thread::spawn(move || {
                let ids = [caller * 10, caller * 10 + 1, caller * 10 + 2];
                let bytes: String = ids.iter().map(|id| format!("{id}\n")).collect();
                let request = Request {
                    parts: bytes.as_bytes().into(),
                    replies: 3,
                };
                match link.call(request, &forever()) {
                    Ok(Outcome::Many(values)) => {
                        assert_eq!(values, ids.map(Value::Int));
                    }
                    other => panic!("{other:?}"),
                }
            })
        })
        .collect();
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
    link.end(BY_USER);
    link.join();
    server.join().unwrap();
}

#[test]
fn model_of_both_directions_full() {
    explore(60, both_directions_fill);
}

/// A link ends at any moment while callers use it.
fn ends_at_any_moment() {
    let (link, far, notes) = fake::link();
    let server = serve(far.clone(), false);
    let callers: Vec<_> = (0..2)
        .map(|id| {
            let link = Arc::clone(&link);
            thread::spawn(move || (id, ask(&link, id, forever()).0))
        })
        .collect();
    match thread_rng().gen_range(0..5) {
        0 => link.end(BY_USER),
        1 => link.retire(),
        2 => drop(link.close_if_idle(CloseReason::Drained)),
        3 => far.end(),
        _ => far.send("!!\r\n"),
    }
    let fates: Vec<_> = callers
        .into_iter()
        .map(|caller| caller.join().unwrap())
        .collect();
    link.end(BY_USER);
    link.join();
    let seen = server.join().unwrap();
    for (id, fate) in fates {
        match fate {
            Fate::Answered => assert!(seen.contains(&id)),
            Fate::NotSent | Fate::Unaccepted => assert!(!seen.contains(&id)),
            Fate::Lost => {}
        }
    }
    assert_eq!(
        notes
            .all()
            .iter()
            .filter(|note| matches!(note, Note::Ended(..)))
            .count(),
        1
    );
}

#[test]
fn model_of_the_end_of_a_link() {
    explore(100, ends_at_any_moment);
}

/// A lease on a link that is replaced at any moment, beside callers and somebody who closes idle links: what was
/// held serves its holder to the end, and ends when it is let go.
fn hold_and_retire() {
    let (link, far, notes) = fake::link();
    let server = serve(far, false);
    let holder = {
        let link = Arc::clone(&link);
        thread::spawn(move || {
            if !link.hold() {
                return None;
            }
            let fates = [1, 2].map(|id| leased(&link, id));
            assert!(!link.hold(), "two leases on one link");
            link.release();
            Some(fates)
        })
    };
    let others: Vec<_> = (0..2)
        .map(|number| {
            let link = Arc::clone(&link);
            thread::spawn(move || match number {
                0 => {
                    let _ = ask(&link, 10, forever());
                    None
                }
                _ if rarely(2) => Some(link.close_if_idle(CloseReason::Drained)),
                _ => {
                    link.retire();
                    None
                }
            })
        })
        .collect();
    let held = holder.join().unwrap();
    for other in others {
        other.join().unwrap();
    }
    if let Some(fates) = held {
        assert_eq!(fates, [Fate::Answered, Fate::Answered]);
    }
    // Retired by one of the two, and nobody holds it: it has nothing left to wait for.
    link.join();
    let ended = |note: &Note| matches!(note, Note::Ended(..));
    assert_eq!(notes.all().iter().filter(|note| ended(note)).count(), 1);
    server.join().unwrap();
}

fn leased(link: &Link, id: i64) -> Fate {
    let line = format!("{id}\n");
    match link.call_leased(one(line.as_bytes()), &forever()) {
        Ok(Outcome::One(value)) => {
            assert_eq!(value, Value::Int(id), "a reply reached the wrong caller");
            Fate::Answered
        }
        Ok(_) => Fate::Lost,
        Err(_) => Fate::Unaccepted,
    }
}

#[test]
fn model_of_a_lease_on_a_link_that_is_replaced() {
    explore(100, hold_and_retire);
}

/// A link that is kept while another takes its place, for what the client itself may have to ask, beside whatever
/// closes it: what was accepted is answered or the link has ended, and it ends once it is let go.
fn keep_and_retire() {
    let (link, far, notes) = fake::link();
    let server = serve(far, false);
    let worker = {
        let link = Arc::clone(&link);
        thread::spawn(move || {
            link.keep();
            link.retire();
        })
    };
    let is_closed = rarely(3);
    let closer = {
        let link = Arc::clone(&link);
        thread::spawn(move || is_closed && link.close_if_idle(CloseReason::Drained))
    };
    // As the coordinator, which comes before the link is kept, or after.
    let asked = link.ask(b"2\n");
    worker.join().unwrap();
    let again = link.ask(b"3\n");
    assert!(is_closed || again.is_some(), "it is kept");
    assert!(is_closed || !link.has_ended(), "it is kept");
    link.let_go();
    assert!(link.ask(b"4\n").is_none(), "it was let go");
    closer.join().unwrap();
    // Else nobody ends it by hand: it has nothing left to wait for. What the socket has not taken waits for a caller
    // to write it, of which there are none.
    let is_unwritten = link.in_flight.lock().take_batch().is_some();
    if is_unwritten {
        link.end(BY_USER);
    }
    link.join();
    let seen = server.join().unwrap();
    for (ticket, id) in [(asked, 2), (again, 3)] {
        let is_right = seen.contains(&id) == ticket.is_some();
        assert!(is_right || is_closed || is_unwritten, "{id}: {seen:?}");
    }
    let ended = |note: &Note| matches!(note, Note::Ended(..));
    assert_eq!(notes.all().iter().filter(|note| ended(note)).count(), 1);
}

#[test]
fn model_of_a_link_that_is_kept_when_it_is_replaced() {
    explore(100, keep_and_retire);
}
