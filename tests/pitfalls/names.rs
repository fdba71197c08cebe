//! What the configured name says while connections move and are lost, and when it counts.

use crate::common::{SOON, by_name, eventually, within};
use crate::support::{Asked, all_at, fill, full, ms, together, under_load};
use hitless::Commands;
use hitless::sim::{Fault, Moving, Sim, Target};
use std::time::{Duration, Instant};

fn kill_all(sim: &Sim) {
    for one in sim.connections().iter().filter(|one| one.is_open()) {
        sim.kill(one.id);
    }
}

#[test]
fn new_connections_go_to_the_named_place_while_the_name_lags_behind() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 2);
    sim.start_moving(
        Moving::new(a, Target::Node(b))
            .announce(30)
            .close_after(SOON),
    );
    eventually("the pool has moved", || all_at(&client, sim.addr(b), 2));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    sim.retire(a);
    // The name still leads to the dead node, and connections are lost.
    let opened = client.stats().connections_opened;
    kill_all(&sim);
    eventually("the pool is complete again", || {
        client.stats().connections_opened >= opened + 2 && all_at(&client, sim.addr(b), 2)
    });
    assert_eq!(client.stats().dials_failed, 0, "{:?}", client.stats());
}

#[test]
fn attempts_that_fail_lead_to_the_named_place_all_the_same() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = full(by_name(&sim), 1);
    sim.start_moving(
        Moving::new(a, Target::Node(b))
            .announce(30)
            .close_after(SOON),
    );
    eventually("the pool has moved", || all_at(&client, sim.addr(b), 1));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    sim.fault(a, Fault::Refuse);
    sim.fault(b, Fault::Refuse);
    kill_all(&sim);
    eventually("the loss is noticed", || {
        client.stats().connections_lost == 1
    });
    assert!(client.ping().is_err(), "nobody serves");
    assert!(client.stats().dials_failed >= 3, "{:?}", client.stats());
    sim.clear_faults(b).unwrap();
    eventually("the named place is reached", || {
        client.ping().is_ok() && all_at(&client, sim.addr(b), 1)
    });
}

#[test]
fn the_configured_name_decides_again_once_it_agrees() {
    let _together = together();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b, c] = [sim.node(0), sim.node(1), sim.node(2)];
    let asked = Asked::of(&sim);
    let client = full(by_name(&sim).resolver(asked.clone()), 1);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    sim.advertise(&[b]);
    eventually("the pool has moved", || all_at(&client, sim.addr(b), 1));
    let before = asked.count();
    eventually("the name is asked whether it agrees", || {
        asked.count() > before
    });
    // What was named no longer counts, long before it would be forgotten.
    sim.advertise(&[c]);
    within(ms(15_000), "the name is followed", || {
        if all_at(&client, sim.addr(c), 1) {
            return true;
        }
        kill_all(&sim);
        let _ = client.ping();
        false
    });
}

#[test]
fn every_attempt_asks_the_name_anew() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let asked = Asked::of(&sim);
    let client = full(by_name(&sim).resolver(asked.clone()), 2);
    let before = asked.count();
    sim.retire(a);
    eventually("the loss is noticed", || {
        client.stats().connections_lost == 2
    });
    let error = client.ping().unwrap_err();
    assert!(error.is_safe_to_retry(), "{error:?}");
    let failed = client.stats().dials_failed;
    assert!(failed >= 3, "{failed}");
    assert!(
        asked.count() - before >= 3,
        "{} questions for {failed} dials",
        asked.count() - before
    );
    sim.advertise(&[b]);
    eventually("the other node is found", || client.ping().is_ok());
    // And once the last attempt that began before has ended, nobody dials the node that has gone.
    fill(&client, 2);
    assert!(all_at(&client, sim.addr(b), 2));
    let (failed, lost) = (client.stats().dials_failed, client.stats().connections_lost);
    kill_all(&sim);
    eventually("the loss is noticed", || {
        client.stats().connections_lost == lost + 2
    });
    fill(&client, 2);
    assert!(all_at(&client, sim.addr(b), 2));
    assert_eq!(client.stats().dials_failed, failed);
}

#[test]
fn a_name_service_that_hangs_holds_up_no_command() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let asked = Asked::of(&sim);
    let client = full(by_name(&sim).resolver(asked.clone()), 2);
    sim.resolver().set_delay(Duration::from_secs(3600));
    let (_, tally) = under_load(&client, 3, Some(ms(1)), || {
        sim.start_moving(Moving::new(a, Target::Null(b)));
        sim.migrating(2, "[\"1\"]");
        eventually("both windows open", || {
            client.maintenance().windows_opened == 2
        });
        // The commands go on under the eyes of who waits for the name.
        let until = Instant::now() + ms(500);
        while Instant::now() < until {
            client.ping().unwrap();
            crate::common::pause(ms(5));
        }
    });
    assert!(tally.errors.is_empty() && tally.commands > 0, "{tally:?}");
    // The resolver takes an hour.
    assert!(tally.slowest < SOON, "{tally:?}");
    sim.resolver().set_delay(Duration::ZERO);
    sim.advertise(&[b]);
    eventually("the name is followed", || all_at(&client, sim.addr(b), 2));
}
