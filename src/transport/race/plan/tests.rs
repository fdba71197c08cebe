//! The attempts of a dial on simulated time, in front of a network that loses what is sent.

use super::*;
use crate::clock;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn addresses(text: &[&str]) -> Vec<SocketAddr> {
    text.iter().map(|one| one.parse().unwrap()).collect()
}

/// When the kernel sends a SYN of an attempt: at once, and again after 1, 2, 4 and 8 s more.
const SYNS: [u64; 5] = [0, 1000, 3000, 7000, 15_000];

/// The round trip of a network that works.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// What the attempts of one dial came to.
#[derive(Debug, Default)]
struct Outcome {
    connected_at: Option<Instant>,
    started: usize,
    most_alive: usize,
    ended_at: Option<Instant>,
}

/// Runs one dial. `heals` says when each address begins to answer; before that all is lost.
fn dial(
    plan: &mut Plan,
    mut now: Instant,
    deadline: Instant,
    heals: impl Fn(SocketAddr) -> Option<Instant>,
) -> Outcome {
    let mut alive: Vec<(AttemptId, SocketAddr, Instant)> = Vec::new();
    let mut outcome = Outcome::default();
    for _ in 0..100_000 {
        let wake = match plan.poll(now) {
            Step::Start(id, address) => {
                alive.push((id, address, now));
                outcome.started += 1;
                let here = alive.iter().filter(|(_, other, _)| *other == address);
                outcome.most_alive = outcome.most_alive.max(here.count());
                continue;
            }
            Step::Close(id) => {
                alive.retain(|(other, ..)| *other != id);
                continue;
            }
            Step::GiveUp => {
                outcome.ended_at = Some(now);
                return outcome;
            }
            Step::Wait(until) => {
                assert!(until > now, "a wait for nothing");
                until.min(deadline)
            }
        };
        // The answer to the first SYN that is not lost.
        let answers = alive.iter().filter_map(|(_, address, begun)| {
            let heals = heals(*address)?;
            let mut syns = SYNS.iter().map(|after| *begun + ms(*after));
            syns.find(|sent| *sent >= heals)
                .map(|sent| sent + ROUND_TRIP)
        });
        if let Some(answer) = answers.min().filter(|answer| *answer <= wake) {
            outcome.connected_at = Some(answer);
            return outcome;
        }
        now = wake;
        if now >= deadline {
            outcome.ended_at = Some(now);
            return outcome;
        }
    }
    panic!("a dial without an end: {outcome:?}");
}

/// Dials one address again and again, each time within 5 s and after a pause of 200 ms, while it is
/// dark. Returns how long after the end of the darkness the first connection was there.
fn recovery(dark: Duration) -> Duration {
    let origin = clock::now();
    let heal = origin + dark;
    let mut now = origin;
    loop {
        let deadline = now + ms(5000);
        let mut plan = Plan::new(now, deadline, addresses(&["10.0.0.1:1"]), Vec::new());
        let outcome = dial(&mut plan, now, deadline, |_| Some(heal));
        assert!(outcome.most_alive <= MOST_ALIVE, "{outcome:?}");
        if let Some(connected) = outcome.connected_at {
            return connected - heal;
        }
        now = outcome.ended_at.unwrap() + ms(200);
    }
}

#[test]
fn a_lost_syn_costs_no_more_than_600_ms_after_the_network_heals() {
    for dark in [ms(6000), ms(20_000)] {
        let took = recovery(dark);
        assert!(took <= ms(600), "dark for {dark:?}: {took:?}");
    }
    // Whenever it heals.
    for dark in (0..20_000).step_by(10).map(ms) {
        let took = recovery(dark);
        assert!(took <= ms(600), "dark for {dark:?}: {took:?}");
    }
}

#[test]
fn an_address_that_never_answers_gets_a_fresh_attempt_every_500_ms_and_three_at_most() {
    let now = clock::now();
    let deadline = now + ms(5000);
    let mut plan = Plan::new(now, deadline, addresses(&["10.0.0.1:1"]), Vec::new());
    let outcome = dial(&mut plan, now, deadline, |_| None);
    assert_eq!(outcome.ended_at, Some(deadline));
    // At 0, 0.5, ... 4.5 s, and a last one at 4.75 s.
    assert_eq!((outcome.started, outcome.most_alive), (11, 3));
}

#[test]
fn a_slow_answer_to_the_first_attempt_is_not_given_up() {
    let now = clock::now();
    let deadline = now + ms(60_000);
    let mut plan = Plan::new(now, deadline, addresses(&["10.0.0.1:1"]), Vec::new());
    let Step::Start(first, _) = plan.poll(now) else {
        panic!("nothing is tried");
    };
    let mut now = now;
    while now < deadline {
        match plan.poll(now) {
            Step::Close(id) => assert_ne!(id, first),
            Step::Start(..) => {}
            Step::Wait(until) => now = until,
            Step::GiveUp => panic!("given up"),
        }
    }
}

#[test]
fn each_address_of_a_name_gets_its_fresh_attempts() {
    let now = clock::now();
    let deadline = now + ms(5000);
    let all = addresses(&["10.0.0.1:1", "10.0.0.2:1"]);
    let second = all[1];
    for dark in (0..4000).step_by(10).map(ms) {
        let mut plan = Plan::new(now, deadline, all.clone(), Vec::new());
        let heal = now + dark;
        let heals = |address| (address == second).then_some(heal);
        let outcome = dial(&mut plan, now, deadline, heals);
        let took = outcome.connected_at.unwrap() - heal;
        assert!(took <= ms(600), "dark for {dark:?}: {took:?}");
    }
}

#[test]
fn a_dead_address_before_a_live_one_costs_one_stagger() {
    let now = clock::now();
    let deadline = now + ms(5000);
    let all = addresses(&["10.0.0.1:1", "10.0.0.2:1"]);
    let live = all[1];
    let mut plan = Plan::new(now, deadline, all, Vec::new());
    let outcome = dial(&mut plan, now, deadline, |address| {
        (address == live).then_some(now)
    });
    assert_eq!(outcome.connected_at, Some(now + ms(250) + ROUND_TRIP));
}

#[test]
fn a_refusal_holds_for_the_address_and_the_next_is_tried_at_once() {
    let now = clock::now();
    let all = addresses(&["10.0.0.1:1", "10.0.0.2:1"]);
    let mut plan = Plan::new(now, now + ms(5000), all[..1].to_vec(), all[1..].to_vec());
    let Step::Start(first, _) = plan.poll(now) else {
        panic!("nothing is tried");
    };
    let later = now + ms(500);
    let Step::Start(second, address) = plan.poll(later) else {
        panic!("no fresh attempt");
    };
    assert_eq!(address, all[0]);
    assert_eq!(plan.handle_failure(later, second, true), [first]);
    let Step::Start(third, address) = plan.poll(later) else {
        panic!("the last resort is not tried");
    };
    assert_eq!(address, all[1]);
    assert_eq!(plan.handle_failure(later, third, true), []);
    assert_eq!(plan.poll(later), Step::GiveUp);
}

#[test]
fn an_attempt_that_fails_for_another_reason_leaves_the_others_alive() {
    let now = clock::now();
    let all = addresses(&["10.0.0.1:1"]);
    let mut plan = Plan::new(now, now + ms(5000), all, Vec::new());
    let Step::Start(first, _) = plan.poll(now) else {
        panic!("nothing is tried");
    };
    let later = now + ms(500);
    let Step::Start(second, _) = plan.poll(later) else {
        panic!("no fresh attempt");
    };
    // No descriptor was left for it.
    assert_eq!(plan.handle_failure(later, second, false), []);
    assert_eq!(plan.poll(later), Step::Wait(later + ms(500)));
    assert_eq!(plan.handle_failure(later, first, false), []);
    assert_eq!(plan.poll(later), Step::GiveUp);
}

#[test]
fn last_resorts_wait_for_half_of_the_time() {
    let now = clock::now();
    let deadline = now + ms(4000);
    let all = addresses(&["10.0.0.1:1", "10.0.0.2:1"]);
    let last = all[1];
    let mut plan = Plan::new(now, deadline, all[..1].to_vec(), all[1..].to_vec());
    let outcome = dial(&mut plan, now, deadline, |address| {
        (address == last).then_some(now)
    });
    assert_eq!(outcome.connected_at, Some(now + ms(2000) + ROUND_TRIP));
}

#[test]
fn a_name_of_many_addresses_has_a_bound_of_its_own() {
    let now = clock::now();
    let deadline = now + ms(60_000);
    let all: Vec<SocketAddr> = (0..64)
        .map(|last| SocketAddr::from(([10, 0, 0, last], 1)))
        .collect();
    let mut plan = Plan::new(now, deadline, all, Vec::new());
    let (mut now, mut alive) = (now, Vec::new());
    while now < deadline {
        match plan.poll(now) {
            Step::Close(id) => alive.retain(|other| *other != id),
            Step::Start(id, _) => alive.push(id),
            Step::Wait(until) => now = until,
            Step::GiveUp => panic!("given up"),
        }
        assert!(alive.len() <= 64 + 1, "{}", alive.len());
    }
}

#[test]
fn families_take_turns_and_keep_their_order() {
    let mixed = interleave(addresses(&[
        "[::1]:1",
        "[::2]:1",
        "[::3]:1",
        "1.0.0.1:1",
        "1.0.0.2:1",
    ]));
    assert_eq!(
        Vec::from(mixed),
        addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"])
    );
}
