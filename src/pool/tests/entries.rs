//! Entries and those who wait for a link in one.

use super::{BY_USER, SHORT};
use crate::clock;
use crate::error::Error;
use crate::handoff::patience::FailedDial;
use crate::ids::{EntryId, LinkId};
use crate::link::fake::{self, Notes};
use crate::link::{Link, Routes};
use crate::pool::entries::WaitError;
use crate::pool::{Entries, Entry, Installed};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, Scope};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A link whose reader thread waits to be let in.
fn link(id: u64, entry: impl Into<EntryId>) -> Arc<Link> {
    let entry = entry.into();
    let (wire, _far) = fake::cable(None);
    fake::start(
        id,
        entry,
        wire,
        SHORT,
        Routes::of_commands(&Arc::new(Notes::default())),
    )
}

fn end(links: impl IntoIterator<Item = Arc<Link>>) {
    for link in links {
        link.end(BY_USER);
        link.join();
    }
}

/// Which link served before.
fn installed(entries: &Entries, link: &Arc<Link>) -> Option<u64> {
    match entries.install(Arc::clone(link)) {
        Installed::InPlaceOf(before) => before.map(|link| link.id().number()),
        other => panic!("not installed: {other:?}"),
    }
}

fn serving(entries: &Entries, entry: impl Into<EntryId>) -> Option<u64> {
    let entry = entry.into();
    let link = entries.get(entry).and_then(Entry::link);
    link.map(|link| link.id().number())
}

fn live(entries: &Entries) -> Vec<EntryId> {
    entries.live().map(Entry::id).collect()
}

#[test]
fn a_newer_link_takes_the_place_of_the_one_that_served() {
    let entries = Entries::new(2, 0);
    let (first, second) = (link(1, 1), link(2, 1));
    assert_eq!((serving(&entries, 1), live(&entries)), (None, vec![]));
    assert_eq!(installed(&entries, &first), None);
    assert_eq!(
        (serving(&entries, 1), live(&entries)),
        (Some(1), vec![1.into()])
    );
    assert_eq!(installed(&entries, &second), Some(1));
    assert_eq!(
        (serving(&entries, 1), live(&entries)),
        (Some(2), vec![1.into()])
    );
    assert!(entries.serves(1.into(), LinkId::new(2)) && !entries.serves(1.into(), LinkId::new(1)));
    assert!(first.is_open(), "who put the newer one in retires it");
    end([first, second]);
}

#[test]
fn an_older_link_comes_too_late_even_for_an_empty_entry() {
    let entries = Entries::new(1, 0);
    let (older, newer) = (link(1, 0), link(2, 0));
    installed(&entries, &newer);
    let outcome = entries.install(Arc::clone(&older));
    assert!(matches!(outcome, Installed::Overtaken), "{outcome:?}");
    assert_eq!(serving(&entries, 0), Some(2));
    entries.lost(&newer);
    let outcome = entries.install(Arc::clone(&older));
    assert!(matches!(outcome, Installed::Overtaken), "{outcome:?}");
    assert_eq!((serving(&entries, 0), live(&entries)), (None, vec![]));
    end([older, newer]);
}

#[test]
fn only_the_link_that_serves_can_be_lost() {
    let entries = Entries::new(1, 0);
    let (first, second) = (link(1, 0), link(2, 0));
    installed(&entries, &first);
    installed(&entries, &second);
    let generation = entries.all()[0].generation();
    entries.lost(&first);
    assert_eq!(
        (serving(&entries, 0), live(&entries)),
        (Some(2), vec![0.into()])
    );
    assert_eq!(entries.all()[0].generation(), generation);
    entries.lost(&second);
    entries.lost(&second);
    assert_eq!((serving(&entries, 0), live(&entries)), (None, vec![]));
    assert_eq!(entries.all()[0].generation(), generation + 1);
    end([first, second]);
}

#[test]
fn a_closed_pool_hands_its_links_back_and_takes_none() {
    let entries = Entries::new(3, 0);
    let (serves, late) = (link(1, 2), link(2, 0));
    installed(&entries, &serves);
    let links = entries.close();
    assert_eq!(
        links
            .iter()
            .map(|link| link.id().number())
            .collect::<Vec<_>>(),
        [1]
    );
    for link in [&serves, &late] {
        let outcome = entries.install(Arc::clone(link));
        assert!(matches!(outcome, Installed::Refused), "{outcome:?}");
    }
    assert!(entries.is_closed() && live(&entries).is_empty());
    assert!(entries.close().is_empty());
    end([serves, late]);
}

#[test]
fn a_link_of_no_entry_is_refused() {
    let entries = Entries::new(1, 0);
    let stray = link(1, 1);
    let outcome = entries.install(Arc::clone(&stray));
    assert!(matches!(outcome, Installed::Refused), "{outcome:?}");
    entries.lost(&stray);
    assert!(!entries.is_live(1.into()) && !entries.serves(1.into(), LinkId::new(1)));
    end([stray]);
}

#[test]
fn a_link_that_ended_on_its_way_in_does_not_serve() {
    let entries = Entries::new(1, 0);
    let (first, ended) = (link(1, 0), link(2, 0));
    installed(&entries, &first);
    ended.end(BY_USER);
    assert_eq!(installed(&entries, &ended), Some(1));
    assert_eq!((serving(&entries, 0), live(&entries)), (None, vec![]));
    end([first, ended]);
}

#[derive(Clone, Debug)]
enum Step {
    Close,
    Install(usize),
    Lose(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Close),
        20 => (0_usize..9).prop_map(Step::Install),
        20 => (0_usize..9).prop_map(Step::Lose),
    ]
}

#[test]
fn every_live_bit_agrees_with_its_entry() {
    // The first and the last bit of a word, and the last entry of all.
    let places = [0, 63, 64, 129];
    let links: Vec<_> = (0..9).map(|id| link(id, places[id as usize % 4])).collect();
    proptest!(|(steps in vec(step(), 1..40))| {
        let entries = Entries::new(130, 0);
        let mut serves: [Option<u64>; 130] = [None; 130];
        let mut newest: [Option<u64>; 130] = [None; 130];
        let mut closed = false;
        for step in steps {
            match step {
                Step::Close => {
                    let links = entries.close();
                    let before: Vec<u64> = serves.iter().filter_map(|serves| *serves).collect();
                    assert_eq!(links.iter().map(|link| link.id().number()).collect::<Vec<_>>(), before);
                    serves.fill(None);
                    closed = true;
                }
                Step::Install(number) => {
                    let link = &links[number];
                    let (entry, id) = (link.entry().index(), link.id().number());
                    if newest[entry] == Some(id) {
                        // A link is put in once.
                        continue;
                    }
                    match entries.install(Arc::clone(link)) {
                        Installed::InPlaceOf(before) => {
                            assert!(!closed && newest[entry] < Some(id));
                            assert_eq!(before.map(|link| link.id().number()), serves[entry]);
                            (newest[entry], serves[entry]) = (Some(id), Some(id));
                        }
                        Installed::Overtaken => assert!(!closed && newest[entry] > Some(id)),
                        Installed::Refused => assert!(closed),
                    }
                }
                Step::Lose(number) => {
                    let link = &links[number];
                    entries.lost(link);
                    serves[link.entry().index()].take_if(|id| *id == link.id().number());
                }
            }
            for (entry, serves) in serves.iter().enumerate() {
                assert_eq!(serving(&entries, entry), *serves);
                assert_eq!(entries.is_live(entry.into()), serves.is_some());
            }
            let wanted = (0..130).filter(|entry| serves[*entry].is_some());
            assert_eq!(live(&entries), wanted.collect::<Vec<_>>());
        }
    });
    end(links);
}

/// A caller that waits for any link, and says so whenever it looks for one.
struct Caller {
    looks: mpsc::Receiver<()>,
    outcome: mpsc::Receiver<Result<u64, WaitError>>,
}

impl Caller {
    /// Begins to wait, and has looked once when this returns.
    fn begin<'scope>(
        scope: &'scope Scope<'scope, '_>,
        entries: &'scope Entries,
        alone: bool,
        patience: u64,
    ) -> Self {
        // Later than the test waits: no waking is owed to the end of the time.
        let deadline = clock::now().checked_add(2 * PATIENCE);
        let ((look, looks), (tell, outcome)) = (mpsc::channel(), mpsc::channel());
        scope.spawn(move || {
            let attempt = || {
                look.send(()).ok();
                entries
                    .live()
                    .find_map(Entry::link)
                    .map(|link| link.id().number())
            };
            let awaited = if alone {
                // Those behind the first look only when it is their turn.
                look.send(()).ok();
                entries.wait_in_turn(deadline, &|| false, attempt)
            } else {
                entries.wait_for_entry(deadline, patience, attempt)
            };
            tell.send(awaited).ok();
        });
        let caller = Self { looks, outcome };
        caller.looks_again();
        caller
    }

    fn looks_again(&self) {
        self.looks.recv_timeout(PATIENCE).expect("another look");
    }

    fn end(self) -> Result<u64, WaitError> {
        let outcome = self.outcome.recv_timeout(PATIENCE);
        outcome.expect("an end of the wait")
    }
}

fn failed(text: &str) -> Error {
    Error::config(text)
}

/// A dial that failed a second after the one before: failures of one moment would count once.
fn dial() -> Option<FailedDial> {
    static SECOND: AtomicU64 = AtomicU64::new(0);
    let at = clock::now() + Duration::from_secs(SECOND.fetch_add(1, Ordering::Relaxed));
    Some(FailedDial {
        began: at,
        ended: at,
    })
}

#[test]
fn a_link_wakes_everyone_who_waits() {
    let entries = Entries::new(2, 0);
    let arrives = link(7, 1);
    assert!(!entries.is_awaited());
    thread::scope(|scope| {
        let callers = [0, 1, 2].map(|_| Caller::begin(scope, &entries, false, 0));
        assert!(entries.is_awaited());
        installed(&entries, &arrives);
        for caller in callers {
            assert_eq!(caller.end().unwrap(), 7);
        }
    });
    assert!(!entries.is_awaited());
    end([arrives]);
}

#[test]
fn a_dedicated_link_is_no_shared_one() {
    let entries = Entries::new(1, 2);
    let (mine, shared) = (link(1, 2), link(2, 0));
    assert_eq!(installed(&entries, &mine), None);
    assert_eq!(live(&entries), Vec::<EntryId>::new());
    assert_eq!(serving(&entries, 2), Some(1));
    assert_eq!(installed(&entries, &shared), None);
    assert_eq!(live(&entries), [0]);
    assert_eq!((entries.shared().len(), entries.dedicated().len()), (1, 2));
    entries.lost(&mine);
    assert_eq!(serving(&entries, 2), None);
    end([mine, shared]);
}

#[test]
fn a_dedicated_entry_is_idle_since_its_link_came_or_its_caller_left() {
    let entries = Entries::new(1, 1);
    let entry = entries.get(1.into()).unwrap();
    assert_eq!(entry.idle_since(), None);
    let (mine, next) = (link(1, 1), link(2, 1));
    installed(&entries, &mine);
    let came = entry.idle_since();
    assert!(came.is_some());
    assert!(entry.try_claim());
    assert_eq!(entry.idle_since(), None);
    // A link that is moved is not used by that.
    installed(&entries, &next);
    entries.leave_dedicated(entry);
    assert!(entry.idle_since() >= came);
    end([mine, next]);
}

#[test]
fn who_finds_at_once_does_not_wait() {
    let entries = Entries::new(1, 0);
    let over = Some(clock::now());
    assert_eq!(entries.wait_for_entry(over, 0, || Some(7)).unwrap(), 7);
    assert_eq!(
        entries.wait_in_turn(over, &|| false, || Some(7)).unwrap(),
        7
    );
    assert!(!entries.is_awaited() && !entries.is_awaited_in_turn());
}

#[test]
fn dials_beyond_patience_end_a_wait_with_the_last_error() {
    let entries = Entries::new(1, 0);
    thread::scope(|scope| {
        let caller = Caller::begin(scope, &entries, false, 1);
        entries.dial_failed(failed("one"), dial());
        caller.looks_again();
        for _ in 0..3 {
            entries.dial_failed(failed("does not count"), None);
            caller.looks_again();
        }
        entries.dial_failed(failed("two"), dial());
        let outcome = caller.end();
        let Err(WaitError::Failed(error)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(error.to_string().contains("two"), "{error}");
    });
}

/// Waits for what never comes, while a dial fails for each text; they count or not.
fn in_vain(entries: &Entries, failures: &[&str], count: bool) -> WaitError {
    let mut failures = failures.iter();
    let deadline = clock::now().checked_add(SHORT);
    // They fail when the caller looks first, so that none comes after the deadline.
    let outcome: Result<(), _> = entries.wait_for_entry(deadline, 0, || {
        for text in failures.by_ref() {
            entries.dial_failed(failed(text), dial().filter(|_| count));
        }
        None
    });
    let awaited = outcome.unwrap_err();
    let is_early = deadline > Some(clock::now());
    assert!(
        !is_early || matches!(awaited, WaitError::Failed(_)),
        "{awaited:?}"
    );
    assert!(!entries.is_awaited());
    awaited
}

#[test]
fn a_deadline_ends_a_wait_with_the_last_error_there_was() {
    let entries = Entries::new(1, 0);
    let awaited = in_vain(&entries, &["one", "two"], false);
    let WaitError::TimedOut(Some(error)) = awaited else {
        panic!("{awaited:?}");
    };
    assert!(error.to_string().contains("two"), "{error}");
}

#[test]
fn what_failed_before_a_wait_is_not_held_against_it() {
    let entries = Entries::new(1, 0);
    for _ in 0..5 {
        entries.dial_failed(failed("before"), dial());
    }
    let awaited = in_vain(&entries, &[], true);
    assert!(matches!(awaited, WaitError::TimedOut(None)), "{awaited:?}");
    let awaited = in_vain(&entries, &["does not count"], false);
    assert!(
        matches!(awaited, WaitError::TimedOut(Some(_))),
        "{awaited:?}"
    );
}

#[test]
fn failed_dials_end_no_wait_while_a_link_serves() {
    let entries = Entries::new(2, 0);
    let serves = link(1, 0);
    installed(&entries, &serves);
    let awaited = in_vain(&entries, &["one", "two"], true);
    assert!(
        matches!(awaited, WaitError::TimedOut(Some(_))),
        "{awaited:?}"
    );
    entries.lost(&serves);
    let awaited = in_vain(&entries, &["one", "two"], true);
    assert!(matches!(awaited, WaitError::Failed(_)), "{awaited:?}");
    end([serves]);
}

#[test]
fn an_end_of_the_pool_ends_every_wait() {
    let ends: [fn(&Entries); 2] = [|entries| drop(entries.close()), Entries::shut];
    for ends in ends {
        let entries = Entries::new(1, 0);
        thread::scope(|scope| {
            let callers =
                [false, true, false, true].map(|alone| Caller::begin(scope, &entries, alone, 0));
            ends(&entries);
            for caller in callers {
                let outcome = caller.end();
                assert!(matches!(outcome, Err(WaitError::Closed)), "{outcome:?}");
            }
        });
        let look = || -> Option<()> { panic!("it is closed") };
        let late = entries.wait_for_entry(None, 0, look);
        assert!(matches!(late, Err(WaitError::Closed)), "{late:?}");
    }
}

#[test]
fn a_pool_that_is_shut_still_serves() {
    let entries = Entries::new(2, 0);
    let (serves, late) = (link(1, 0), link(2, 1));
    installed(&entries, &serves);
    entries.shut();
    assert_eq!(
        (serving(&entries, 0), live(&entries)),
        (Some(1), vec![0.into()])
    );
    // A handoff that was under way may still end.
    assert_eq!(installed(&entries, &late), None);
    assert_eq!(entries.close().len(), 2);
    end([serves, late]);
}
