use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::transport::resolve::{LookupError, Lookups};

static WANTED: AtomicBool = AtomicBool::new(false);

fn gated() -> (Arc<Lookups>, Receiver<Question>, Sender<()>) {
    let (resolver, questions, permit) = Gated::new();
    (
        Arc::new(Lookups::new(Arc::new(resolver))),
        questions,
        permit,
    )
}

type Answered = Receiver<Result<Vec<IpAddr>, LookupError>>;

fn lookup_in_thread(lookups: &Arc<Lookups>, host: &'static str) -> Answered {
    cancellable(lookups, host).0
}

/// A lookup in a thread, and what cancels it.
fn cancellable(lookups: &Arc<Lookups>, host: &'static str) -> (Answered, Arc<AtomicBool>) {
    let cancel = Arc::new(AtomicBool::new(false));
    let (lookups, cancelled) = (Arc::clone(lookups), Arc::clone(&cancel));
    let answer = start(move || lookups.lookup(host, soon(), &cancelled));
    (answer, cancel)
}

#[test]
fn callers_for_one_host_share_one_question() {
    let (lookups, questions, permit) = gated();
    let callers: Vec<_> = (0..8).map(|_| lookup_in_thread(&lookups, "one")).collect();
    eventually("all callers wait", || lookups.waiting() == 8);
    permit.send(()).unwrap();
    for caller in callers {
        assert_eq!(end(&caller).unwrap(), [local(1)]);
    }
    assert_eq!(questions.try_iter().count(), 1);
    assert_eq!(lookups.waiting(), 0);
}

#[test]
fn two_lookups_run_at_a_time_on_named_threads() {
    let (lookups, questions, permit) = gated();
    let callers: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|host| lookup_in_thread(&lookups, host))
        .collect();
    let mut threads = [end(&questions).1.unwrap(), end(&questions).1.unwrap()];
    threads.sort();
    assert_eq!(threads, ["hitless-resolver-0", "hitless-resolver-1"]);
    eventually("the third caller waits", || lookups.waiting() == 3);
    assert!(questions.is_empty(), "a third lookup runs");
    permit.send(()).unwrap();
    let third = end(&questions).1.unwrap();
    assert!(
        threads.contains(&third),
        "a thread was started beside {threads:?}: {third}"
    );
    drop(permit);
    for caller in callers {
        assert_eq!(end(&caller).unwrap(), [local(1)]);
    }
    eventually("idle threads end", || lookups.threads() == 0);
}

#[test]
fn a_lookup_ends_at_its_deadline_while_the_resolver_hangs() {
    let (lookups, questions, permit) = gated();
    // Until the resolver has been asked, which on a busy machine takes longer than a short limit.
    let (first, cancel) = cancellable(&lookups, "stuck");
    end(&questions);
    cancel.store(true, Ordering::Relaxed);
    assert!(end(&first).is_err());
    let limit = Duration::from_millis(120);
    for _ in 0..2 {
        let (answer, took) = timed(|| lookups.lookup("stuck", clock::now() + limit, &WANTED));
        assert!(matches!(answer, Err(LookupError::TimedOut)), "{answer:?}");
        assert!(took >= limit && took < Duration::from_secs(10), "{took:?}");
        assert_eq!(
            lookups.waiting(),
            0,
            "a caller that left is still waited for"
        );
    }
    assert_eq!(lookups.threads(), 1);
    drop(permit);
    eventually("idle threads end", || lookups.threads() == 0);
    assert!(
        questions.is_empty(),
        "the same host was asked for twice at a time"
    );
}

#[test]
fn a_host_that_nobody_waits_for_any_more_is_not_asked_for() {
    let (lookups, questions, permit) = gated();
    let stuck = ["a", "b"].map(|host| lookup_in_thread(&lookups, host));
    end(&questions);
    end(&questions);
    let limit = clock::now() + Duration::from_millis(20);
    let answer = lookups.lookup("late", limit, &WANTED);
    assert!(matches!(answer, Err(LookupError::TimedOut)), "{answer:?}");
    drop(permit);
    for caller in stuck {
        end(&caller).unwrap();
    }
    eventually("idle threads end", || lookups.threads() == 0);
    assert!(questions.is_empty());
}

#[test]
fn a_cancelled_caller_leaves() {
    let (lookups, questions, _permit) = gated();
    let (caller, cancel) = cancellable(&lookups, "stuck");
    end(&questions);
    cancel.store(true, Ordering::Relaxed);
    let answer = end(&caller);
    assert!(matches!(answer, Err(LookupError::Cancelled)), "{answer:?}");
}

#[test]
fn a_literal_address_starts_no_thread() {
    let (lookups, questions, _permit) = gated();
    assert_eq!(
        lookups.lookup("127.0.0.9", soon(), &WANTED).unwrap(),
        [local(9)]
    );
    let six: IpAddr = "::1".parse().unwrap();
    assert_eq!(lookups.lookup("::1", soon(), &WANTED).unwrap(), [six]);
    let (sender, answers) = crossbeam::channel::bounded(1);
    lookups.lookup_then(
        "127.0.0.8",
        Box::new(move |answer| sender.send(answer).unwrap()),
    );
    assert_eq!(answers.try_recv().unwrap().unwrap(), [local(8)]);
    assert!(questions.is_empty());
    assert_eq!(lookups.threads(), 0);
}

#[test]
fn answers_are_not_kept() {
    let resolver = Arc::new(Fixed::new(&[local(1)]));
    let lookups = Lookups::new(resolver.clone());
    for _ in 0..3 {
        lookups.lookup("host", soon(), &WANTED).unwrap();
    }
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 3);
}

#[test]
fn an_empty_answer_is_handed_on_as_such() {
    let lookups = Lookups::new(Arc::new(Fixed::default()));
    assert!(lookups.lookup("host", soon(), &WANTED).unwrap().is_empty());
}

#[test]
fn addresses_are_made_distinct_and_counted() {
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let lookups = Lookups::new(Arc::new(Fixed::new(&[
        mapped,
        local(1),
        local(2),
        local(1),
    ])));
    assert_eq!(
        lookups.lookup("host", soon(), &WANTED).unwrap(),
        [local(1), local(2)]
    );
    let many: Vec<IpAddr> = (0..=255).map(local).collect();
    let lookups = Lookups::new(Arc::new(Fixed::new(&many)));
    assert_eq!(lookups.lookup("host", soon(), &WANTED).unwrap(), many[..64]);
}

#[test]
fn a_panic_in_the_resolver_is_a_failure() {
    #[derive(Debug)]
    struct Panics;
    impl Resolver for Panics {
        fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            panic!("on purpose, by a test");
        }
    }
    let lookups = Lookups::new(Arc::new(Panics));
    for _ in 0..3 {
        let answer = lookups.lookup("host", soon(), &WANTED);
        assert!(matches!(answer, Err(LookupError::Failed(_))), "{answer:?}");
    }
    eventually("idle threads end", || lookups.threads() == 0);
}

#[test]
fn an_answer_that_panics_takes_no_thread_away() {
    let lookups = Lookups::new(Arc::new(Fixed::new(&[local(1)])));
    for _ in 0..3 {
        lookups.lookup_then("host", Box::new(|_| panic!("on purpose, by a test")));
    }
    assert_eq!(lookups.lookup("host", soon(), &WANTED).unwrap(), [local(1)]);
    eventually("idle threads end", || lookups.threads() == 0);
}

#[test]
fn the_resolvers_error_reaches_the_caller() {
    #[derive(Debug)]
    struct Fails;
    impl Resolver for Fails {
        fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
            Err(io::Error::other("no such name"))
        }
    }
    match Lookups::new(Arc::new(Fails)).lookup("host", soon(), &WANTED) {
        Err(LookupError::Failed(error)) => assert_eq!(error.to_string(), "no such name"),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn closing_turns_everybody_away_and_counts_the_stuck() {
    let (lookups, questions, permit) = gated();
    let blocked = lookup_in_thread(&lookups, "stuck");
    let (sender, answers) = crossbeam::channel::unbounded();
    let asynchronous = sender.clone();
    lookups.lookup_then(
        "stuck",
        Box::new(move |answer| asynchronous.send(answer).unwrap()),
    );
    end(&questions);
    eventually("both wait", || lookups.waiting() == 2);
    assert_eq!(lookups.close(clock::now()), 1);
    assert!(matches!(end(&blocked), Err(LookupError::Cancelled)));
    assert!(matches!(end(&answers), Err(LookupError::Cancelled)));
    lookups.lookup_then(
        "other",
        Box::new(move |answer| sender.send(answer).unwrap()),
    );
    assert!(matches!(
        answers.try_recv().unwrap(),
        Err(LookupError::Cancelled)
    ));
    drop(permit);
    assert_eq!(lookups.close(soon()), 0);
    assert!(questions.is_empty(), "asked after the end");
}

#[test]
fn more_waiters_than_the_limit_are_refused() {
    let (lookups, _questions, permit) = gated();
    let (sender, answers) = crossbeam::channel::unbounded();
    for _ in 0..4097 {
        let sender = sender.clone();
        lookups.lookup_then(
            "stuck",
            Box::new(move |answer| sender.send(answer).unwrap()),
        );
    }
    assert!(matches!(
        answers.try_recv().unwrap(),
        Err(LookupError::Failed(_))
    ));
    assert!(answers.try_recv().is_err(), "more than one was refused");
    drop(permit);
    for _ in 0..4096 {
        assert_eq!(end(&answers).unwrap(), [local(1)]);
    }
}
