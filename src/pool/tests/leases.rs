//! A sketch of a lease: WATCH and EXEC of one caller over a connection that is replaced in between.

use super::{BY_USER, SHORT, value};
use crate::error::CloseReason;
use crate::link::fake::{self, Far, Note, Notes, one, patient};
use crate::link::{EndReason, Failure, Link, Outcome, Routes};
use crate::pool::{Entries, Installed};
use std::sync::Arc;
use std::thread;

type Opened = (Arc<Link>, Far, Arc<Notes>);

fn link(id: u64) -> Opened {
    let (wire, far) = fake::cable(None);
    let notes = Arc::new(Notes::default());
    let link = fake::start(id, 0, wire, SHORT, Routes::of_commands(&notes));
    link.open_gate();
    (link, far, notes)
}

/// Asks for the lease and answers for the server.
fn ask(link: &Link, far: &Far, line: &str, reply: i64) -> i64 {
    thread::scope(|scope| {
        let call = scope.spawn(|| link.call_leased(one(line.as_bytes()), &patient()));
        assert_eq!(far.line().unwrap(), line.as_bytes());
        far.send(format!(":{reply}\r\n"));
        value(call.join().unwrap().unwrap())
    })
}

/// Entries whose link has a lease that watches, and has just been replaced.
fn watched_and_replaced() -> (Entries, Opened, Arc<Link>) {
    let entries = Entries::new(1, 0);
    let (old, far, notes) = link(1);
    entries.install(Arc::clone(&old));
    assert!(old.hold());
    assert_eq!(ask(&old, &far, "WATCH k\n", 1), 1);
    let (new, ..) = link(2);
    match entries.install(Arc::clone(&new)) {
        Installed::InPlaceOf(Some(replaced)) => replaced.retire(),
        other => panic!("nothing was replaced: {other:?}"),
    }
    assert!(old.is_draining() && !old.hold());
    (entries, (old, far, notes), new)
}

fn close(entries: &Entries, links: [Arc<Link>; 2]) {
    entries.close();
    for link in links {
        link.end(BY_USER);
        link.join();
    }
}

#[test]
fn exec_goes_where_watch_went_although_the_connection_was_replaced_which_ends_when_released() {
    let (entries, (old, far, notes), new) = watched_and_replaced();
    // Neither others nor an idle moment take it from the lease.
    assert!(old.call(one(b"GET k\n"), &patient()).is_err());
    assert!(!old.close_if_idle(CloseReason::Drained));
    assert!(old.probe().is_none());
    assert_eq!(ask(&old, &far, "MULTI\n", 2), 2);
    assert_eq!(ask(&old, &far, "EXEC\n", 3), 3);
    assert!(!far.is_shut() && notes.all().is_empty());
    old.release();
    far.until_shut();
    notes.until_ended();
    let drained = EndReason::Closed(CloseReason::Drained).to_string();
    assert_eq!(notes.count(&Note::Ended(1, drained)), 1);
    assert_eq!(far.take(), b"", "nothing else was sent");
    assert!(new.is_open());
    close(&entries, [old, new]);
}

#[test]
fn a_connection_that_is_released_with_a_reply_on_its_way_ends_when_that_has_come() {
    let (entries, (old, far, notes), new) = watched_and_replaced();
    thread::scope(|scope| {
        let call = scope.spawn(|| old.call_leased(one(b"EXEC\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"EXEC\n");
        old.release();
        assert!(!far.is_shut());
        far.send(":3\r\n");
        assert_eq!(value(call.join().unwrap().unwrap()), 3);
    });
    far.until_shut();
    notes.until_ended();
    close(&entries, [old, new]);
}

#[test]
fn the_hard_end_of_a_replaced_connection_ends_its_lease_and_says_why() {
    let expired = EndReason::Closed(CloseReason::DrainExpired);
    let is_expired =
        |reason: &EndReason| matches!(reason, EndReason::Closed(CloseReason::DrainExpired));
    // With EXEC on its way, and before it.
    let (entries, (old, far, _notes), new) = watched_and_replaced();
    thread::scope(|scope| {
        let call = scope.spawn(|| old.call_leased(one(b"EXEC\n"), &patient()));
        assert_eq!(far.line().unwrap(), b"EXEC\n");
        old.end(expired.clone());
        match call.join().unwrap().unwrap() {
            Outcome::Failed(failure) => {
                let Failure { reason, sent, .. } = *failure;
                assert!(reason.as_ref().is_some_and(is_expired), "{reason:?}");
                assert_eq!(sent, 5, "it may have run");
            }
            other => panic!("{other:?}"),
        }
    });
    close(&entries, [old, new]);
    let (entries, (old, far, _notes), new) = watched_and_replaced();
    old.end(expired);
    assert!(old.call_leased(one(b"EXEC\n"), &patient()).is_err());
    assert!(is_expired(&old.refusal()));
    old.release();
    far.until_shut();
    assert_eq!(far.take(), b"", "EXEC was not sent");
    close(&entries, [old, new]);
}
