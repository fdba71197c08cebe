//! A connection that nobody uses and that is held up all the same.

use super::BY_USER;
use crate::clock;
use crate::counters::Counters;
use crate::ids::EntryId;
use crate::link::fake::{self, Notes, one, patient, within};
use crate::link::{Outcome, Routes};
use crate::pool::{Demand, Entries, Pool, Wanted};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn a_large_reply_that_nobody_wants_any_more_holds_its_connection_up_until_it_has_come() {
    let entries = Arc::new(Entries::new(2, 0));
    let asked = Arc::new(AtomicUsize::new(0));
    let ask = Arc::clone(&asked);
    let pool = Pool::new(
        Arc::clone(&entries),
        Arc::new(move |_: Demand| {
            ask.fetch_add(1, Ordering::SeqCst);
        }),
        Arc::new(Counters::default()),
        None,
        0,
        512,
    );
    let (first, far, _notes) = fake::link();
    entries.install(Arc::clone(&first));
    let chosen = || {
        let checkout = pool.checkout(&Wanted::small(512), &patient()).unwrap();
        checkout.link.entry()
    };
    assert_eq!(chosen(), EntryId::new(0));
    // The caller's own time is over, and an open window lets it wait until the reply has begun.
    first.relax(clock::now() + Duration::from_secs(3600), None);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let limit = within(Duration::from_nanos(1));
            first.call(one(b"large\n"), &limit)
        });
        assert_eq!(far.line().unwrap(), b"large\n");
        // The caller itself reads what comes: what another has read, it may not have counted yet.
        far.until_read();
        far.send("$100000\r\nx");
        far.until_consumed();
        first.relax(clock::now(), None);
        let outcome = call.join().unwrap().unwrap();
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    });
    assert!(first.is_open(), "it lives");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(chosen(), EntryId::new(0), "there is no other");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "one more is asked for");
    let (wire, _other) = fake::cable(None);
    let routes = Routes::of_commands(&Arc::new(Notes::default()));
    let second = fake::start(2, 1, wire, Duration::from_secs(20), routes);
    second.open_gate();
    entries.install(Arc::clone(&second));
    assert_eq!(chosen(), EntryId::new(1));
    // The rest comes, and the connection is as any other.
    far.send("x".repeat(99_999) + "\r\n");
    let deadline = clock::now() + Duration::from_secs(20);
    while first.pulse().has_large_reply() {
        assert!(clock::now() < deadline, "the reader thread takes the rest");
        std::thread::yield_now();
    }
    assert_eq!(chosen(), EntryId::new(0));
    for link in [first, second] {
        link.end(BY_USER);
        link.join();
    }
}
