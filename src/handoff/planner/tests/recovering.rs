//! How soon service is back after links were lost, and what that costs a server that is not.

use super::super::*;
use super::world::*;

/// A world of `entries` links on a network of a millisecond.
fn near(entries: usize, seed: u64) -> World {
    let mut w = World::with(Settings::new(Endpoint::tcp(NAME, 6379), entries), seed).filled();
    w.latency = ms(1);
    w
}

#[test]
fn a_server_that_is_back_serves_who_waits_within_a_quarter_of_a_second() {
    for seed in 0..44 {
        let mut w = near(4, seed);
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
        w.want();
        w.run(ms(100 + seed * 317));
        w.manners.insert(node(1), Manner::Accepts);
        let took = w.until_served();
        assert!(took <= ms(250), "seed {seed}: {took:?}");
    }
}

#[test]
fn who_comes_late_to_an_outage_waits_no_longer_than_who_came_early() {
    for seed in 0..44 {
        let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 2);
        settings.min_connections = 2;
        let mut w = World::with(settings, seed).filled();
        w.latency = ms(1);
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
        // Nobody waits: the pauses have grown.
        w.run(ms(20_000 + seed * 97));
        w.manners.insert(node(1), Manner::Accepts);
        let took = w.until_served();
        assert!(took <= ms(250), "seed {seed}: {took:?}");
    }
}

#[test]
fn a_link_that_proved_itself_is_replaced_however_young_it_was() {
    // One that is killed every 200 ms, and one that is given up in a stall every 400 ms.
    for (every, seed) in [(200, 1), (400, 2), (200, 3), (400, 4)] {
        let mut w = near(1, seed);
        let mut dark = Duration::ZERO;
        for _ in 0..100 {
            w.command(0, ms(1));
            w.run(ms(every));
            let link = w.link(0);
            w.end(link, false);
            let took = w.until_served();
            assert!(took <= ms(250), "every {every} ms: {took:?}");
            dark += took;
        }
        assert!(dark <= secs(4), "every {every} ms: {dark:?} of 100 losses");
    }
}

#[test]
fn a_dial_without_a_pause_is_granted_once_per_connection_and_second() {
    let mut w = near(3, 1);
    let mut dials = 0;
    // Each link answers one command, and is lost then.
    for _ in 0..10_000 {
        for entry in 0..3 {
            w.command(entry, Duration::ZERO);
        }
        w.run(ms(1));
        w.close(node(1));
        dials = w.jobs.len();
    }
    let took = w.elapsed().as_secs();
    // One at once, and then 10, 20, 40 ... ms at most: not more than twenty.
    let most = usize::try_from((took + 1) * 3 * 20).unwrap();
    assert!(dials <= most, "{dials} dials in {took} s");
    let least = usize::try_from(took * 3).unwrap();
    assert!(dials >= least, "{dials} dials in {took} s");
}

#[test]
fn a_server_that_hangs_up_unasked_is_dialled_at_the_pace_while_callers_wait() {
    for entries in [1, 4] {
        let mut w = near(entries, 1);
        for _ in 0..10_000 {
            w.want();
            w.run(ms(1));
            w.close(node(1));
        }
        // All entries, each time a pause of 100 ms on average is over.
        let most = entries * 10 * 10 * 2;
        assert!(w.jobs.len() <= most, "{} dials in 10 s", w.jobs.len());
    }
}

#[test]
fn an_idle_minimum_is_tried_for_however_long_at_the_capped_pace() {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 6);
    settings.min_connections = 3;
    let mut w = World::with(settings, 1).filled();
    w.manners.insert(node(1), Manner::Refuses);
    w.close(node(1));
    w.run(secs(600));
    let at: Vec<_> = w.jobs.iter().map(|(at, _)| *at).collect();
    let pauses = at.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(pauses.max().unwrap() <= ms(1050), "never given up");
    assert!(
        (600..=600 * 4).contains(&at.len()),
        "{} dials in 600 s",
        at.len()
    );
    w.manners.insert(node(1), Manner::Accepts);
    w.run(ms(1100));
    assert!(w.live() >= 3, "{:?}", w.peers());
}

#[test]
fn dials_that_fail_together_slow_down_what_follows_only_once() {
    let mut w = near(30, 1);
    w.manners.insert(node(1), Manner::Refuses);
    w.close(node(1));
    w.run(ms(3));
    assert_eq!(w.jobs.len(), 30, "all at once");
    w.want();
    w.run(ms(57));
    w.manners.insert(node(1), Manner::Accepts);
    w.run(ms(250));
    assert_eq!(w.live(), 30, "after 60 ms of refusals");
}

#[test]
fn only_who_waits_shortens_the_pauses() {
    // All links are busy, and there is no room for another.
    let dials = |awaited: bool| {
        let mut w = World::new(4);
        w.want();
        w.run(secs(1));
        w.jobs.clear();
        w.room = 1;
        for _ in 0..6000 {
            w.c.handle_wanted(w.now, &mut w.a, 1, awaited);
            w.late_wakeup(Duration::ZERO);
            w.run(ms(10));
        }
        w.jobs.len()
    };
    let (growing, waiting) = (dials(false), dials(true));
    assert!((60..=200).contains(&growing), "{growing} dials in a minute");
    assert!(
        (290..=450).contains(&waiting),
        "{waiting} dials in a minute"
    );
}
