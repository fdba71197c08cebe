//! Hooks that use, close or drop the client that calls them.

use crate::support::{
    Everywhere, Gate, Place, SOON, Tape, alone, connect, fill, no_threads, patient, until,
};
use hitless::sim::{Moving, Sim, Target};
use hitless::{Client, CloseReason, Commands, ErrorKind, TargetVerdict};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_hook_may_use_the_client_from_everywhere() {
    if alone("reentry::a_hook_may_use_the_client_from_everywhere") {
        return;
    }
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let held: Arc<Mutex<Option<Client>>> = Arc::default();
    let used: Arc<[AtomicUsize; 3]> = Arc::default();
    let (inside, counts) = (Arc::clone(&held), Arc::clone(&used));
    let late = Tape::new();
    let added = late.clone();
    let hook = Everywhere(move |place: Place| {
        let client = inside.lock().clone();
        let Some(client) = client else { return };
        assert_eq!(client.get::<String>("key").unwrap(), "value");
        assert_eq!(client.stats().shared.len(), 4);
        assert!(client.maintenance().handoffs.len() <= 1);
        if counts[place as usize].fetch_add(1, Ordering::Relaxed) == 0 && place == Place::Before {
            client.add_hook(added.clone()).unwrap();
        }
    });
    let maintenance = patient().hook(Arc::new(hook));
    let client = connect(&sim, a, 4, maintenance);
    client.set("key", "value").unwrap();
    fill(&sim, a, &client, 4);
    *held.lock() = Some(client.clone());
    sim.migrating(1, "1");
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    assert!(sim.wait_until(SOON, |now| now.opted_in_on(b) == 4));
    sim.migrated("1");
    late.wait_brief("after MIGRATED 2 Acted");
    until(|| used.iter().all(|count| count.load(Ordering::Relaxed) > 0));
    let stats = client.maintenance();
    assert_eq!((stats.hook_panics, stats.hooks_late), (0, 0));
    held.lock().take();
    drop(client);
    no_threads();
}

/// Runs `end` with the client inside the hook, at `place`, and expects all threads to end.
fn ends_inside(place: Place, end: impl Fn(Client) + Send + Sync + 'static) {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let held: Arc<Mutex<Option<Client>>> = Arc::default();
    let (inside, done) = (Arc::clone(&held), Gate::new());
    let told = Arc::clone(&done);
    let hook = Everywhere(move |here| {
        if here == place {
            let client = inside.lock().take();
            if let Some(client) = client {
                end(client);
                told.pass();
            }
        }
    });
    let client = connect(&sim, a, 4, patient().hook(Arc::new(hook)));
    fill(&sim, a, &client, 4);
    done.open();
    *held.lock() = Some(client);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    done.wait_arrival();
    no_threads();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
}

#[test]
fn a_hook_may_drop_the_last_client() {
    if alone("reentry::a_hook_may_drop_the_last_client") {
        return;
    }
    for place in [Place::Before, Place::After, Place::Event] {
        ends_inside(place, drop);
    }
}

#[test]
fn a_hook_may_close_the_client() {
    if alone("reentry::a_hook_may_close_the_client") {
        return;
    }
    for place in [Place::Before, Place::After, Place::Event] {
        ends_inside(place, |client| {
            client.close();
            // The other threads of the client end soon, but not before this one can be waited for.
            let error = client.get::<Option<String>>("key").unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Closed(CloseReason::ByUser));
            assert!(client.maintenance().handoffs.is_empty());
        });
    }
}

#[test]
fn a_policy_may_drop_the_last_client() {
    if alone("reentry::a_policy_may_drop_the_last_client") {
        return;
    }
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let held: Arc<Mutex<Option<Client>>> = Arc::default();
    let (inside, done) = (Arc::clone(&held), Gate::new());
    let told = Arc::clone(&done);
    let maintenance = patient().target_policy(move |_| {
        let client = inside.lock().take();
        drop(client);
        told.pass();
        TargetVerdict::Allow
    });
    let client = connect(&sim, a, 4, maintenance);
    fill(&sim, a, &client, 4);
    done.open();
    *held.lock() = Some(client);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(30));
    done.wait_arrival();
    no_threads();
}
