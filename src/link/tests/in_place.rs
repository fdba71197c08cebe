//! Requests that leave from where their callers have them: no copy where there need be none, and the same truth
//! about what has left as for any other.

use super::{BY_USER, SHORT, close_window, open_window, over, until_asked, value};
use crate::link::fake::{self, Note, one, patient, within};
use crate::link::{EndReason, Failure, Outcome, Parts, Request};
use std::thread;

/// What one write shows of a part: where it lies, and how long it is.
fn place(part: &[u8]) -> (usize, usize) {
    (part.as_ptr().addr(), part.len())
}

/// A request in these parts that expects one reply.
fn in_parts<'a>(front: &'a [u8], behind: &'a [&'a [u8]]) -> Request<'a> {
    Request {
        parts: Parts::new(front, behind),
        replies: 1,
    }
}

/// Of which no byte is a line end, and which is long enough not to be copied.
fn long() -> Vec<u8> {
    (0..20_000_u32).map(|at| b'a' + (at % 23) as u8).collect()
}

#[test]
fn whoever_finds_the_link_quiet_writes_all_parts_at_once_and_copies_none() {
    let (link, far, _notes) = fake::link();
    let (head, body, tail) = (b"head ".to_vec(), b"body".to_vec(), b"\n".to_vec());
    far.note_offers();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(far.line().unwrap(), b"head body\n");
            far.send(":1\r\n");
        });
        let behind = [&body[..], b"", &tail];
        let outcome = link.call(in_parts(&head, &behind), &patient());
        assert_eq!(value(outcome.unwrap()), 1);
    });
    let all = vec![place(&head), place(&body), place(&tail)];
    assert_eq!(far.note_offers(), [all]);
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_long_request_is_written_from_where_it_is_while_others_wait_for_replies() {
    let (link, far, _notes) = fake::link();
    let (head, body) = (b"head ".to_vec(), long());
    thread::scope(|scope| {
        let first = scope.spawn(|| link.call(one(b"first\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"first\n");
        // Who waits for its reply has given the write role back; before, it would write a copy of the second.
        far.until_read();
        far.note_offers();
        let second = scope.spawn(|| {
            let behind = [&body[..], b"\n"];
            link.call(in_parts(&head, &behind), &patient())
        });
        let whole = [&head[..], &body, b"\n"].concat();
        assert_eq!(far.line().unwrap(), whole);
        far.send(":1\r\n:2\r\n");
        assert_eq!(value(first.join().unwrap().unwrap()), 1);
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
    });
    let noted = far.note_offers();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0][..2], [place(&head), place(&body)]);
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_server_that_takes_a_byte_at_a_time_gets_every_byte_in_its_place() {
    let (link, far, _notes) = fake::link();
    far.set_room(1);
    let (parts, whole) = ([&b"cd"[..], b"", b"efg", b"h\n"], b"abcdefgh\n");
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call(in_parts(b"ab", &parts), &patient()));
        for byte in whole {
            assert_eq!(far.receive(1), [*byte]);
        }
        far.send(":1\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 1);
    });
    link.end(BY_USER);
    link.join();
}

#[test]
fn a_time_out_in_the_middle_of_a_large_value_says_that_not_all_of_it_has_left() {
    const ROOM: usize = 1 << 20;
    let (link, far, notes) = fake::link();
    far.set_room(ROOM);
    let value = vec![b'x'; 10 << 20];
    let behind = [&value[..], b"\n"];
    let outcome = link.call(in_parts(b"set ", &behind), &within(SHORT));
    match outcome.unwrap() {
        Outcome::Failed(failure) => {
            let Failure { reason, got, sent } = *failure;
            assert!(reason.is_none(), "{reason:?}");
            assert_eq!((got.len(), sent), (0, ROOM as u64));
        }
        other => panic!("no failure: {other:?}"),
    }
    // The server waits for the rest of a command that nobody writes: of no use to anybody.
    far.set_room(usize::MAX);
    far.until_shut();
    notes.until_ended();
    link.join();
    assert_eq!(notes.count(&Note::Unusable(1)), 1);
    assert_eq!(far.take().len(), ROOM);
}

#[test]
fn what_a_caller_leaves_behind_of_its_parts_another_one_writes() {
    let (link, far, _notes) = fake::link();
    far.set_room(7_000);
    open_window(&link);
    let body = long();
    let whole = [b"head ", &body[..], b"\n"].concat();
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            // The memory of the caller is gone when the other one writes.
            let body = long();
            let behind = [&body[..], b"\n"];
            link.call(in_parts(b"head ", &behind), &over())
        });
        far.until_blocked();
        let second = scope.spawn(|| link.call(one(b"second\n"), &patient()));
        // Nobody else is left to write when the time of the first is over.
        until_asked(&link, 2);
        close_window(&link);
        match first.join().unwrap().unwrap() {
            Outcome::Failed(failure) => {
                let Failure { reason, sent, .. } = *failure;
                assert!(reason.is_none(), "{reason:?}");
                // The other one is to write the rest.
                assert_eq!(sent, whole.len() as u64);
            }
            other => panic!("no failure: {other:?}"),
        }
        far.set_room(usize::MAX);
        assert_eq!(far.line().unwrap(), whole);
        assert_eq!(far.line().unwrap(), b"second\n");
        far.send(":1\r\n:2\r\n");
        assert_eq!(value(second.join().unwrap().unwrap()), 2);
    });
    far.until_shut();
    link.join();
}

#[test]
fn the_end_of_the_link_during_a_long_write_tells_how_far_it_came() {
    let (link, far, _notes) = fake::link();
    far.set_room(7_000);
    let body = long();
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let behind = [&body[..], b"\n"];
            link.call(in_parts(b"head ", &behind), &patient())
        });
        far.until_blocked();
        link.end(BY_USER);
        match call.join().unwrap().unwrap() {
            Outcome::Failed(failure) => {
                let Failure { reason, sent, .. } = *failure;
                assert!(matches!(reason, Some(EndReason::Closed(_))), "{reason:?}");
                assert_eq!(sent, 7_000);
            }
            other => panic!("no failure: {other:?}"),
        }
    });
    link.join();
}

#[test]
fn under_a_library_that_hides_what_it_wrote_a_time_out_counts_all_as_sent() {
    let (link, far, notes) = fake::link();
    far.add_library();
    far.set_room(7_000);
    let body = long();
    far.note_offers();
    let behind = [&body[..], b"\n"];
    let outcome = link.call(in_parts(b"head ", &behind), &within(SHORT));
    match outcome.unwrap() {
        Outcome::Failed(failure) => {
            assert!(failure.reason.is_none(), "{failure:?}");
            assert_eq!(failure.sent, 5 + 20_000 + 1);
        }
        other => panic!("no failure: {other:?}"),
    }
    assert_eq!(far.note_offers()[0][1], place(&body));
    far.until_shut();
    notes.until_ended();
    link.join();
}
