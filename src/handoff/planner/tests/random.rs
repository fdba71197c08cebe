//! Seeded mixtures of everything that can happen, against what must hold whatever happens.
//!
//! [`World`] checks after every step: one job per entry, sockets within twice the entries, one handoff
//! per address, every table within its bound, no timer in the past, no standing still. Here each run
//! ends with a quiet spell, after which everything must be in order again.

use super::super::*;
use super::world::*;
use crate::handoff::sizing;

struct Dice(Jitter);

impl Dice {
    fn up_to(&mut self, most: u64) -> u64 {
        u64::try_from(self.0.up_to(Duration::from_nanos(most)).as_nanos()).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.up_to(n - 1) == 0
    }

    fn node(&mut self) -> u8 {
        1 + u8::try_from(self.up_to(4)).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.up_to(from.len() as u64 - 1)).unwrap()].clone()
    }
}

const MANNERS: [Manner; 6] = [
    Manner::Accepts,
    Manner::BlackHole,
    Manner::HangsUp,
    Manner::Refuses,
    Manner::Stalls,
    Manner::TurnsAway,
];

fn settings(dice: &mut Dice) -> (Settings, AnnouncementSettings) {
    let entries = 1 + usize::try_from(dice.up_to(7)).unwrap();
    let configured = if dice.one_in(4) {
        named(1)
    } else {
        Endpoint::tcp(NAME, 6379)
    };
    let mut settings = Settings::new(configured, entries);
    settings.min_connections = usize::try_from(dice.up_to(entries as u64)).unwrap();
    settings.max_retries = u32::try_from(dice.up_to(4)).unwrap();
    settings.handoff_concurrency = usize::try_from(dice.up_to(3)).unwrap();
    settings.handoff_timeout = secs(1 + dice.up_to(19));
    let mut announced = AnnouncementSettings::default();
    announced.breaker.threshold = 1 + u32::try_from(dice.up_to(5)).unwrap();
    (settings, announced)
}

fn disturb(w: &mut World, dice: &mut Dice, seq: &mut i64) {
    *seq += 1;
    let here = node(dice.node());
    match dice.up_to(15) {
        0 | 1 => {
            let target = Some(named(dice.node())).filter(|_| !dice.one_in(3));
            let time = dice.pick(&[-3, 0, 1, 2, 5, 10, 15, 30, i64::MAX]);
            let number = if dice.one_in(5) { 7 } else { *seq };
            w.broadcast(here, &moving(number, time, target));
        }
        2 => {
            let notice = dice.pick(&[migrating(*seq), failing_over(*seq), slots_migrating(*seq)]);
            w.broadcast(here, &notice);
        }
        3 => {
            let number = (*seq - i64::try_from(dice.up_to(3)).unwrap()).max(0);
            let notice = dice.pick(&[
                migrated(number),
                failed_over(number),
                slots_migrated(number),
            ]);
            w.broadcast(here, &notice);
        }
        4 => w.close(here),
        5 => {
            let manner = dice.pick(&MANNERS);
            w.manners.insert(here, manner);
        }
        6 => {
            w.manners.insert(here, Manner::Accepts);
        }
        7 => {
            let nodes: Vec<u8> = (1..=5).filter(|_| dice.one_in(2)).collect();
            w.list(&nodes);
        }
        8 => {
            w.names.insert(NAME.into(), Err(()));
        }
        9 | 10 => w.want(),
        11 => {
            let busy = dice.one_in(2);
            w.wires.values_mut().for_each(|wire| wire.busy = busy);
        }
        12 if dice.one_in(2) => w.room = usize::try_from(dice.up_to(12)).unwrap(),
        12 => w.queue = usize::try_from(dice.up_to(4)).unwrap(),
        13 => w.latency = ms(dice.pick(&[0, 1, 20, 200, 900])),
        14 => {
            let replay = dice.pick(&[moving(*seq, 10, None), migrated(3), migrating(*seq)]);
            w.replays.insert(here, vec![replay]);
        }
        _ => {
            let links: Vec<LinkId> = w.wires.keys().copied().collect();
            if !links.is_empty() {
                let link = dice.pick(&links);
                let planned = dice.one_in(2);
                w.end(link, planned);
            }
        }
    }
}

fn live(w: &World) -> usize {
    w.c.phases().filter(|state| *state == Phase::Steady).count()
}

#[test]
fn after_any_disturbance_everything_is_in_order_again() {
    let mut moves = 0;
    for seed in 0..60 {
        let mut dice = Dice(Jitter::new(seed));
        let (settings, announced) = settings(&mut dice);
        let (entries, min_connections) = (settings.pool_size, settings.min_connections);
        let mut w = World::announced(settings, announced, seed);
        w.resolver_answers = !dice.one_in(10);
        w.opts_in = !dice.one_in(20);
        w.hides_peers = dice.one_in(10);
        let mut seq = 0;
        for _ in 0..150 {
            disturb(&mut w, &mut dice, &mut seq);
            let pause = dice.pick(&[0, 0, 3, 50, 400, 2000]);
            w.run(ms(pause));
        }
        // Peace: every node answers, the name is right, nothing more is said.
        (1..=5).for_each(|n| {
            w.manners.insert(node(n), Manner::Accepts);
        });
        w.replays.clear();
        w.list(&[1, 2, 3, 4, 5]);
        w.queue = usize::MAX;
        w.room = usize::MAX;
        w.latency = ms(5);
        w.wires.values_mut().for_each(|wire| wire.busy = false);
        w.run(secs(2 * 3600));
        let context = format!("seed {seed}: {:#?}", w.c);
        assert_eq!(
            w.a.windows().iter_open().count(),
            0,
            "a window is open; {context}"
        );
        assert_eq!(w.c.handoffs(w.now), [], "a handoff goes on; {context}");
        assert_eq!(
            w.c.redirects().avoided(w.now),
            [],
            "an address retires; {context}"
        );
        assert_eq!(w.c.draining(), 0, "a link drains; {context}");
        assert_eq!(w.sockets(), live(&w), "more sockets than links; {context}");
        let settled = |state| matches!(state, Phase::Steady | Phase::Vacant);
        assert!(
            w.c.phases().all(settled),
            "an entry is not settled; {context}"
        );
        for _ in 0..entries {
            w.want();
        }
        w.run(secs(10));
        assert_eq!(live(&w), entries, "an entry cannot be filled; {context}");
        assert!(live(&w) >= min_connections);
        let ends = w.count(|e| {
            matches!(
                e,
                MaintenanceEvent::HandoffAbandoned(_)
                    | MaintenanceEvent::HandoffCompleted(_)
                    | MaintenanceEvent::HandoffFailed(..)
            )
        });
        assert_eq!(
            w.started(),
            ends,
            "a handoff ended twice or never; {context}"
        );
        let opened = w.count(|e| matches!(e, MaintenanceEvent::WindowOpened(_)));
        let closed = w.count(|e| matches!(e, MaintenanceEvent::WindowClosed(_)));
        assert_eq!(opened, closed, "a window closed twice or never; {context}");
        moves += w.count(|e| matches!(e, MaintenanceEvent::ConnectionMoved { .. }));
    }
    assert!(moves > 200, "the mixture moves entries: {moves}");
}

#[test]
fn every_entry_reaches_a_target_that_can_be_reached_before_the_deadline() {
    for seed in 0..100 {
        let mut dice = Dice(Jitter::new(seed));
        let entries = 1 + usize::try_from(dice.up_to(30)).unwrap();
        let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
        settings.handoff_concurrency = dice.pick(&[0, 0, 8]);
        let mut w = World::with(settings, seed);
        let linked = 1 + dice.up_to(entries as u64 - 1);
        (0..linked).for_each(|_| w.want());
        w.run(ms(100));
        w.latency = ms(dice.pick(&[1, 10, 100, 300]));
        w.queue = usize::try_from(1 + dice.up_to(7)).unwrap().max(entries / 4);
        let grace = dice.pick(&[5, 10, 15, 30]);
        let start = w.now;
        let link = w.link(0);
        w.says(link, &moving(1, grace, Some(named(2))));
        // Growth, deaths and copies meanwhile.
        for _ in 0..dice.up_to(6) {
            w.run(ms(dice.up_to(300)));
            match dice.up_to(2) {
                0 => w.want(),
                1 => {
                    w.broadcast(node(1), &moving(1, grace, Some(named(2))));
                }
                _ => {
                    let links: Vec<LinkId> = w.wires.keys().copied().collect();
                    if !links.is_empty() {
                        let link = dice.pick(&links);
                        w.end(link, false);
                    }
                }
            }
        }
        let deadline = start + secs(u64::try_from(grace).unwrap());
        w.run(deadline.duration_since(w.now));
        let peers: Vec<_> = w.peers().into_iter().flatten().collect();
        assert!(peers.len() as u64 >= linked, "seed {seed}: {peers:?}");
        assert!(
            peers.iter().all(|peer| *peer == node(2)),
            "seed {seed}: {peers:?}"
        );
        assert_eq!(w.started(), 1, "seed {seed}");
        w.run(secs(60));
        assert_eq!(w.sockets(), live(&w), "seed {seed}");
    }
}

/// A move on the measured times, with threads that use every entry all the while.
fn move_under_load(seed: u64) {
    let mut dice = Dice(Jitter::new(seed));
    let entries = 1 + usize::try_from(dice.up_to(30)).unwrap();
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
    settings.handoff_concurrency = dice.pick(&[0, 0, 8]);
    let mut w = World::with(settings, seed).filled();
    w.latency = ms(dice.pick(&[1, 10, 100, 300]));
    w.queue = usize::try_from(2 + dice.up_to(7)).unwrap().max(entries / 4);
    let grace = dice.pick(&[5, 10, 15, 30]);
    let target = Some(named(2)).filter(|_| !dice.one_in(3));
    let said = moving(1, grace, target);
    let grace = ms(1000 * u64::try_from(grace).unwrap());
    // Every link is told, at its own time; so is whoever opts in later, on either node.
    for entry in 0..entries {
        let (link, said) = (w.link(entry), said.clone());
        w.at(ms(dice.up_to(30)), move |w| {
            w.says(link, &said);
        });
    }
    w.replays.insert(node(1), vec![said]);
    let dns = grace * u32::try_from(29 + dice.up_to(36)).unwrap() / 100;
    w.at(dns, |w| w.list(&[2]));
    let close = grace + ms(700 + dice.up_to(3400));
    w.at(close, |w| {
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
    });
    let end = w.now + close + secs(1);
    while w.now < end {
        let entry = usize::try_from(dice.up_to(entries as u64 - 1)).unwrap();
        w.command(entry, ms(dice.up_to(800)));
        w.run(ms(dice.up_to(10_000 / entries as u64).min(200)));
    }
    let context = format!("seed {seed}, {entries} entries, {grace:?}: {:?}", w.events);
    assert_eq!(w.failed, 0, "a command failed; {context}");
    assert!(w.all_at(2), "{:?}; {context}", w.peers());
    assert_eq!(w.started(), 1, "one event, one handoff; {context}");
    assert_eq!(w.completed(), 1, "{context}");
    w.run(secs(60));
    assert_eq!(w.sockets(), entries, "{context}");
    assert_eq!(
        (w.a.windows().iter_open().count(), w.c.draining()),
        (0, 0),
        "{context}"
    );
    let again = w
        .jobs
        .iter()
        .filter(|(_, job)| job.kind == JobKind::Fill)
        .count();
    assert_eq!(again, 0, "no entry was ever without a link; {context}");
}

#[test]
fn no_command_fails_when_the_target_can_be_reached_and_five_seconds_are_announced() {
    (0..300).for_each(move_under_load);
}

#[test]
fn the_same_seed_and_inputs_give_the_same_actions() {
    let run = || {
        let mut dice = Dice(Jitter::new(11));
        let (settings, announced) = settings(&mut dice);
        let mut w = World::announced(settings, announced, 11);
        let mut seq = 0;
        for _ in 0..100 {
            disturb(&mut w, &mut dice, &mut seq);
            w.run(ms(dice.up_to(500)));
        }
        let jobs: Vec<_> = w
            .jobs
            .iter()
            .map(|(at, job)| (*at, job.entry, job.kind))
            .collect();
        (jobs, w.events.len(), w.lookups)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_move_costs_twice_the_pool_and_twelve_dials_at_most_whatever_its_target_does() {
    let mut most = 0;
    for seed in 0..150 {
        let mut dice = Dice(Jitter::new(seed));
        let entries = 1 + usize::try_from(dice.up_to(15)).unwrap();
        let configured = dice.pick(&[named(1), Endpoint::tcp(NAME, 6379)]);
        let mut settings = Settings::new(configured, entries);
        settings.workers = dice.pick(&[usize::MAX, sizing::workers(entries)]);
        settings.handoff_concurrency = dice.pick(&[0, 1, 3]);
        let mut w = World::with(settings, seed).filled();
        w.latency = ms(dice.pick(&[1, 10, 50]));
        let (manner, room) = (dice.pick(&MANNERS), dice.up_to(entries as u64));
        w.manners.insert(node(2), manner);
        w.rooms.insert(node(2), usize::try_from(room).unwrap());
        let grace = dice.pick(&[1, 2, 3, 5, 10, 15, 30, 60]);
        w.broadcast(node(1), &moving(1, grace, Some(named(2))));
        let grace = secs(u64::try_from(grace).unwrap());
        let mut least = entries;
        while w.elapsed() < grace {
            w.command(
                usize::try_from(dice.up_to(entries as u64 - 1)).unwrap(),
                ms(5),
            );
            w.run(ms(dice.up_to(100)));
            least = least.min(w.peers().iter().flatten().count());
        }
        let context = format!("seed {seed}, {entries} entries, {grace:?}, {manner:?}, room {room}");
        let dials = w.jobs.len();
        assert!(dials <= 2 * entries + 12, "{dials} dials: {context}");
        assert!(
            least + (entries / 4).max(1) >= entries,
            "{least} served: {context}"
        );
        assert_eq!(w.failed, 0, "{context}");
        let came_back =
            w.count(|event| matches!(event, MaintenanceEvent::ConnectionMoved { to, .. } if *to != Some(node(2))));
        assert_eq!(came_back, 0, "counted as moved: {context}");
        most = most.max(dials);
    }
    assert!(most > 16, "some cost more than the pool: {most}");
}

#[test]
fn every_move_of_a_row_is_in_time() {
    for seed in 0..40 {
        let mut dice = Dice(Jitter::new(seed));
        let entries = 1 + usize::try_from(dice.up_to(11)).unwrap();
        let mut settings = Settings::new(named(1), entries);
        settings.workers = sizing::workers(entries);
        let mut w = World::with(settings, seed).filled();
        w.latency = ms(dice.pick(&[1, 5, 20]));
        for n in 1..=20_u8 {
            let grace = dice.pick(&[1, 1, 1, 2, 3]);
            let link = w.link(0);
            w.says(link, &moving(i64::from(n), grace, Some(named(n + 1))));
            w.run(secs(u64::try_from(grace).unwrap()));
            assert!(w.all_at(n + 1), "seed {seed}, move {n}: {:?}", w.peers());
            w.close(node(n));
        }
    }
}

#[test]
fn callers_are_served_within_a_second_while_any_address_accepts() {
    for seed in 0..100 {
        let mut dice = Dice(Jitter::new(seed));
        let entries = 1 + usize::try_from(dice.up_to(11)).unwrap();
        let mut settings = Settings::new(named(1), entries);
        settings.workers = sizing::workers(entries);
        let mut w = World::with(settings, seed).filled();
        w.latency = ms(dice.pick(&[1, 5]));
        let manner = dice.pick(&MANNERS);
        w.manners.insert(node(2), manner);
        let grace = dice.pick(&[1, 2, 3, 5, 10]);
        w.broadcast(node(1), &moving(1, grace, Some(named(2))));
        // Cut now and then, before and after the announced end.
        for cut in 0..6 {
            w.run(ms(1100 + dice.up_to(1500)));
            w.close(node(1));
            w.close(node(2));
            let from = w.now;
            while w.peers().iter().all(Option::is_none) {
                w.want();
                w.run(ms(1));
                let took = w.now - from;
                assert!(
                    took <= secs(1),
                    "seed {seed}, cut {cut}, {manner:?}: {took:?}"
                );
            }
        }
    }
}
