//! What the end of a connection says about the bytes of a writer that waits for room, and for whom a writer goes on.

use super::{BY_USER, ask, asked, end, failures, in_flight, settle, write};
use crate::link::in_flight::LATELY;
use crate::link::{EndReason, Outcome};
use std::io;
use std::sync::Arc;

#[test]
fn what_a_writer_has_not_written_when_it_waits_never_left() {
    for (torn, sent) in [(true, 2), (false, 4)] {
        let mut in_flight = asked(&["abcd", "efgh"]);
        let mut batch = in_flight.take_batch().unwrap();
        batch.advance(2);
        in_flight.pause_batch(&batch, torn);
        let rest = if torn { 0 } else { 4 };
        assert_eq!(end(&mut in_flight), [('a', sent), ('e', rest)]);
        assert!(!in_flight.resume_batch(), "nothing more is written");
        in_flight.return_batch(batch, torn, None);
        assert!(in_flight.take_batch().is_none());
    }
}

#[test]
fn an_end_leaves_it_to_a_writer_in_the_socket_to_say_what_has_left() {
    for (torn, written, sent) in [(true, 1, [2, 0]), (true, 6, [4, 3]), (false, 1, [4, 4])] {
        let mut in_flight = asked(&["abcd", "efgh"]);
        let mut batch = in_flight.take_batch().unwrap();
        batch.advance(1);
        in_flight.pause_batch(&batch, torn);
        assert!(in_flight.resume_batch());
        assert!(ask(&mut in_flight, "ijkl", 1));
        assert_eq!(end(&mut in_flight), [], "nobody knows yet");
        batch.advance(written);
        assert_eq!(
            failures(in_flight.return_batch(batch, torn, None)),
            [('a', sent[0]), ('e', sent[1]), ('i', 0)]
        );
        assert!(in_flight.take_batch().is_none());
    }
}

#[test]
fn a_writer_that_learns_that_the_peer_is_lost_names_it_although_a_reader_came_first() {
    let lost = EndReason::Io(Arc::new(io::ErrorKind::TimedOut.into()));
    for (first, told) in [(EndReason::EndOfStream, &lost), (BY_USER, &BY_USER)] {
        let mut in_flight = asked(&["abcd"]);
        let batch = in_flight.take_batch().unwrap();
        assert!(in_flight.end(&first).is_empty());
        let failed = in_flight.return_batch(batch, true, Some(&lost));
        let [(_, Outcome::Failed(failure))] = &failed[..] else {
            panic!("{failed:?}");
        };
        assert_eq!(format!("{:?}", failure.reason), format!("{:?}", Some(told)));
    }
}

#[test]
fn nobody_reads_after_the_end() {
    let mut in_flight = asked(&["abcd"]);
    let _batch = in_flight.take_batch().unwrap();
    assert_eq!(end(&mut in_flight), []);
    assert!(in_flight.take_inbound(Some(&'a')).is_none());
    assert!(in_flight.take_inbound(None).is_none());
}

#[test]
fn a_writer_goes_on_for_those_who_found_it_at_work_and_for_nobody_else() {
    for comes in [false, true] {
        let mut in_flight = asked(&["apple"]);
        let mut batch = in_flight.take_batch().unwrap();
        assert!(ask(&mut in_flight, "berry", 1));
        if comes {
            assert!(in_flight.take_batch().is_none());
        }
        batch.advance(5);
        in_flight.return_batch(batch, true, None);
        assert_eq!(in_flight.lacks_writer(), comes);
        // Whoever takes the batch takes it for all.
        write(&mut in_flight, 5, true);
        assert!(ask(&mut in_flight, "cherry", 1));
        assert!(!in_flight.lacks_writer(), "left by those before");
    }
}

#[test]
fn a_connection_is_crowded_from_four_callers_on_and_for_a_while_after() {
    let mut in_flight = in_flight();
    let mut serve = |callers: &[&str]| {
        callers
            .iter()
            .for_each(|caller| assert!(ask(&mut in_flight, caller, 1)));
        write(&mut in_flight, callers.len(), true);
        let is_crowded = in_flight.is_crowded();
        (0..callers.len()).for_each(|reply| drop(settle(&mut in_flight, reply as i64)));
        is_crowded
    };
    for few in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        assert!(!serve(few), "{few:?}");
    }
    assert!(serve(&["a", "b", "c", "d"]));
    let lately = (1..100).take_while(|_| serve(&["a"])).count();
    assert_eq!(lately, LATELY - 1);
}
