use super::*;
use crate::handoff::origin;
use proptest::prelude::*;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn settings() -> BreakerSettings {
    BreakerSettings {
        threshold: 3,
        reset: secs(60),
        max_requests: 2,
        patience: secs(30),
    }
}

/// The situations that differ, each with a permit of its own generation and one of an older one.
#[derive(Clone, Copy, Debug)]
enum Situation {
    ClosedFresh,
    ClosedOneShort,
    Open,
    HalfOpenEmpty,
    HalfOpenOneOut,
    HalfOpenFull,
    HalfOpenOneDone,
}

const SITUATIONS: [Situation; 7] = [
    Situation::ClosedFresh,
    Situation::ClosedOneShort,
    Situation::Open,
    Situation::HalfOpenEmpty,
    Situation::HalfOpenOneOut,
    Situation::HalfOpenFull,
    Situation::HalfOpenOneDone,
];

#[derive(Clone, Copy, Debug)]
enum Event {
    Admission,
    Failure,
    LateFailure,
    LateSuccess,
    Relent,
    Success,
    Timeout,
    TimeoutAfterLong,
    Withdrawal,
}

fn prepare(situation: Situation, now: Instant) -> Breaker {
    let mut breaker = Breaker::new(settings());
    let fails = match situation {
        Situation::ClosedFresh => 0,
        Situation::ClosedOneShort => 2,
        _ => 3,
    };
    let start = now.checked_sub(secs(60)).unwrap();
    for _ in 0..fails {
        let at = if matches!(situation, Situation::Open) {
            now
        } else {
            start
        };
        let permit = breaker.try_admit(at).unwrap();
        breaker.handle_failure(at, permit);
    }
    breaker.handle_timeout(now);
    match situation {
        Situation::HalfOpenOneOut => {
            let _ = breaker.try_admit(now).unwrap();
        }
        Situation::HalfOpenFull => {
            let _ = (
                breaker.try_admit(now).unwrap(),
                breaker.try_admit(now).unwrap(),
            );
        }
        Situation::HalfOpenOneDone => {
            let permit = breaker.try_admit(now).unwrap();
            breaker.handle_success(now, permit);
        }
        _ => {}
    }
    breaker
}

#[test]
fn every_event_in_every_situation_does_what_the_drawing_says() {
    use BreakerState::{Closed, HalfOpen, Open};
    let table: [(Event, [BreakerState; 7]); 9] = [
        //                        fresh   short   open      empty     out       full      done
        (
            Event::Admission,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, HalfOpen],
        ),
        (Event::Failure, [Closed, Open, Open, Open, Open, Open, Open]),
        (
            Event::LateFailure,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, HalfOpen],
        ),
        (
            Event::LateSuccess,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, HalfOpen],
        ),
        (
            Event::Relent,
            [
                Closed, Closed, HalfOpen, HalfOpen, HalfOpen, HalfOpen, HalfOpen,
            ],
        ),
        (
            Event::Success,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, Closed],
        ),
        (
            Event::Timeout,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, HalfOpen],
        ),
        (
            Event::TimeoutAfterLong,
            [Closed, Closed, HalfOpen, HalfOpen, Open, Open, HalfOpen],
        ),
        (
            Event::Withdrawal,
            [Closed, Closed, Open, HalfOpen, HalfOpen, HalfOpen, HalfOpen],
        ),
    ];
    let now = origin() + secs(1000);
    for (event, expected) in table {
        for (situation, expected) in SITUATIONS.into_iter().zip(expected) {
            let mut breaker = prepare(situation, now);
            let current = Permit {
                generation: breaker.generation,
                admitted: now,
                expires: None,
            };
            let older = Permit {
                generation: breaker.generation.wrapping_sub(1),
                admitted: now,
                expires: None,
            };
            match event {
                Event::Admission => drop(breaker.try_admit(now)),
                Event::Failure => breaker.handle_failure(now, current),
                Event::LateFailure => breaker.handle_failure(now, older),
                Event::LateSuccess => breaker.handle_success(now, older),
                Event::Relent => breaker.force_probe(),
                Event::Success => breaker.handle_success(now, current),
                Event::Timeout => breaker.handle_timeout(now),
                Event::TimeoutAfterLong => breaker.handle_timeout(now + secs(60)),
                Event::Withdrawal => breaker.handle_withdrawal(current),
            }
            assert_eq!(breaker.state(), expected, "{event:?} while {situation:?}");
        }
    }
}

#[test]
fn admission_depends_on_the_situation_alone() {
    let now = origin() + secs(1000);
    for (situation, expected) in SITUATIONS
        .into_iter()
        .zip([true, true, false, true, true, false, true])
    {
        let admitted = prepare(situation, now).try_admit(now).is_ok();
        assert_eq!(admitted, expected, "{situation:?}");
    }
}

#[test]
fn a_refusal_says_when_to_ask_again() {
    let now = origin() + secs(1000);
    assert_eq!(
        prepare(Situation::Open, now).try_admit(now),
        Err(now + secs(60))
    );
    let mut full = prepare(Situation::HalfOpenFull, now);
    assert_eq!(
        full.try_admit(now),
        Err(now + secs(30)),
        "when a probe expires"
    );
}

#[test]
fn a_success_in_between_starts_the_count_again() {
    let now = origin();
    let mut breaker = Breaker::new(settings());
    for n in 0..20 {
        let permit = breaker.try_admit(now).unwrap();
        if n % 3 == 2 {
            breaker.handle_success(now, permit);
        } else {
            breaker.handle_failure(now, permit);
        }
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(breaker.stats().openings, 0);
}

#[test]
fn it_opens_at_five_failures_by_default_and_probes_after_a_minute() {
    let now = origin();
    let mut breaker = Breaker::new(BreakerSettings::default());
    for n in 0..5 {
        assert_eq!(breaker.state(), BreakerState::Closed, "{n}");
        let permit = breaker.try_admit(now).unwrap();
        breaker.handle_failure(now, permit);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(
        breaker
            .try_admit(now + secs(60) - Duration::from_nanos(1))
            .is_err()
    );
    let later = now + secs(60);
    let probes: Vec<_> = (0..5).map(|_| breaker.try_admit(later).is_ok()).collect();
    assert_eq!(probes, [true, true, true, false, false]);
}

#[test]
fn a_late_failure_of_an_older_generation_does_not_reopen_it() {
    let now = origin();
    let mut breaker = Breaker::new(settings());
    let slow = breaker.try_admit(now).unwrap();
    for _ in 0..3 {
        let permit = breaker.try_admit(now).unwrap();
        breaker.handle_failure(now, permit);
    }
    let later = now + secs(60);
    for _ in 0..2 {
        let permit = breaker.try_admit(later).unwrap();
        breaker.handle_success(later, permit);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    breaker.handle_failure(later, slow);
    assert_eq!(breaker.stats().failures_in_a_row, 0);
}

#[test]
fn a_probe_that_never_returns_expires_and_reopens_it() {
    let now = origin();
    let mut breaker = prepare(Situation::Open, now + secs(100));
    let half = now + secs(160);
    let lost = breaker.try_admit(half).unwrap();
    assert!(breaker.try_admit(half).is_ok());
    assert!(
        breaker.try_admit(half + secs(30)).is_err(),
        "expired, so open again"
    );
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker.handle_success(half + secs(31), lost);
    assert_eq!(breaker.state(), BreakerState::Open, "too late to count");
    assert!(breaker.try_admit(half + secs(90)).is_ok());
}

#[test]
fn a_withdrawn_probe_gives_its_place_back() {
    let now = origin() + secs(1000);
    let mut breaker = prepare(Situation::HalfOpenEmpty, now);
    for _ in 0..50 {
        let permit = breaker.try_admit(now).unwrap();
        breaker.handle_withdrawal(permit);
    }
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn settings_of_zero_count_as_one() {
    let now = origin();
    let zero = BreakerSettings {
        threshold: 0,
        max_requests: 0,
        ..settings()
    };
    let mut breaker = Breaker::new(zero);
    let permit = breaker.try_admit(now).unwrap();
    breaker.handle_failure(now, permit);
    assert_eq!(breaker.state(), BreakerState::Open);
    let later = now + secs(60);
    let permit = breaker.try_admit(later).unwrap();
    assert!(breaker.try_admit(later).is_err());
    breaker.handle_success(later, permit);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn the_counts_add_up() {
    let now = origin();
    let mut breaker = Breaker::new(settings());
    for _ in 0..3 {
        let permit = breaker.try_admit(now).unwrap();
        breaker.handle_failure(now, permit);
    }
    for _ in 0..4 {
        assert!(breaker.try_admit(now).is_err());
    }
    let stats = breaker.stats();
    assert_eq!((stats.failures, stats.successes), (3, 0));
    assert_eq!((stats.rejections, stats.openings), (4, 1));
    assert_eq!(stats.state, BreakerState::Open);
}

#[test]
fn failures_of_one_moment_count_once() {
    let start = origin();
    let mut breaker = Breaker::new(settings());
    let permits: Vec<_> = (0..20).map(|_| breaker.try_admit(start).unwrap()).collect();
    for permit in permits {
        breaker.handle_failure(start + secs(1), permit);
    }
    let stats = breaker.stats();
    assert_eq!((stats.failures, stats.failures_in_a_row), (20, 1));
    assert_eq!(stats.state, BreakerState::Closed);
    for second in 1..3 {
        let permit = breaker.try_admit(start + secs(second)).unwrap();
        breaker.handle_failure(start + secs(second), permit);
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn one_success_closes_what_relented_and_one_failure_opens_it() {
    let start = origin();
    for good in [true, false] {
        let mut breaker = prepare(Situation::Open, start);
        assert_eq!(breaker.open_since(), Some(start));
        breaker.force_probe();
        assert_eq!(breaker.open_since(), None);
        let permit = breaker.try_admit(start + secs(1)).unwrap();
        assert!(breaker.try_admit(start + secs(1)).is_err(), "one at a time");
        if good {
            breaker.handle_success(start + secs(2), permit);
            assert_eq!(breaker.state(), BreakerState::Closed);
        } else {
            breaker.handle_failure(start + secs(2), permit);
            assert_eq!(breaker.open_since(), Some(start + secs(2)));
        }
    }
}

#[test]
fn an_endpoint_that_was_reached_otherwise_needs_no_breaker() {
    for situation in SITUATIONS {
        let mut breaker = prepare(situation, origin());
        breaker.handle_reached();
        assert_eq!(breaker.state(), BreakerState::Closed, "{situation:?}");
    }
}

fn endpoint(n: usize) -> Endpoint {
    Endpoint::tcp(format!("host{n}"), 6379)
}

#[test]
fn each_endpoint_has_its_own() {
    let now = origin();
    let mut breakers = Breakers::new(settings());
    for _ in 0..3 {
        let permit = breakers.of(&endpoint(1), now).try_admit(now).unwrap();
        breakers.of(&endpoint(1), now).handle_failure(now, permit);
    }
    assert!(breakers.of(&endpoint(1), now).try_admit(now).is_err());
    assert!(breakers.of(&endpoint(2), now).try_admit(now).is_ok());
    let states: Vec<_> = breakers.stats().map(|(_, stats)| stats.state).collect();
    assert_eq!(states, [BreakerState::Open, BreakerState::Closed]);
}

#[test]
fn endpoints_beyond_the_cap_displace_the_one_used_least_lately() {
    let now = origin();
    let mut breakers = Breakers::new(settings());
    for n in 0..10_000 {
        let at = now + Duration::from_millis(u64::try_from(n).unwrap());
        let _ = breakers.of(&endpoint(n), at);
        let _ = breakers.of(&endpoint(0), at);
        assert!(breakers.len() <= CAP);
    }
    assert!(
        breakers.known(&endpoint(0)).is_some(),
        "in use all the time"
    );
    assert!(breakers.known(&endpoint(9_999)).is_some());
    assert!(breakers.known(&endpoint(1)).is_none());
}

#[test]
fn a_breaker_that_nobody_asks_for_half_an_hour_is_forgotten() {
    let now = origin();
    let mut breakers = Breakers::new(settings());
    for _ in 0..settings().threshold {
        let breaker = breakers.of(&endpoint(1), now);
        let permit = breaker.try_admit(now).unwrap();
        breaker.handle_failure(now, permit);
    }
    let _ = breakers.of(&endpoint(2), now);
    let _ = breakers.of(&endpoint(3), now + secs(60));
    assert_eq!(breakers.handle_timeout(now + secs(1799)), []);
    assert_eq!(breakers.len(), 3);
    assert_eq!(
        breakers.handle_timeout(now + secs(1800)),
        [endpoint(1)],
        "it was open"
    );
    assert!(breakers.known(&endpoint(1)).is_none());
    assert!(breakers.known(&endpoint(3)).is_some());
    assert_eq!(breakers.len(), 1);
}

/// When it was admitted, the number of edges before that, whether it succeeded and when it ended.
type Attempt = (Instant, usize, Option<(bool, Instant)>);

/// What a breaker should do, computed from the whole history at every question.
#[derive(Debug, Default)]
struct Reference {
    attempts: Vec<Attempt>,
    edges: Vec<(Instant, BreakerState)>,
}

impl Reference {
    fn state(&self) -> BreakerState {
        self.edges
            .last()
            .map_or(BreakerState::Closed, |(_, state)| *state)
    }

    fn mine(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .iter()
            .filter(|(_, edges, _)| *edges == self.edges.len())
    }

    fn tick(&mut self, now: Instant) {
        let settings = settings();
        let last = self.edges.last().copied();
        if let Some((since, BreakerState::Open)) = last {
            if now >= since + settings.reset {
                self.edges.push((now, BreakerState::HalfOpen));
            }
            return;
        }
        let lost = self
            .mine()
            .any(|(at, _, end)| end.is_none() && now >= *at + settings.patience);
        if self.state() == BreakerState::HalfOpen && lost {
            self.edges.push((now, BreakerState::Open));
        }
    }

    fn admit(&mut self, now: Instant) -> Option<usize> {
        self.tick(now);
        let places = usize::try_from(settings().max_requests).unwrap();
        let admitted = match self.state() {
            BreakerState::Closed => true,
            BreakerState::HalfOpen => self.mine().count() < places,
            BreakerState::Open => false,
        };
        admitted.then(|| {
            self.attempts.push((now, self.edges.len(), None));
            self.attempts.len() - 1
        })
    }

    fn end(&mut self, attempt: usize, good: bool, now: Instant) {
        self.tick(now);
        self.attempts[attempt].2 = Some((good, now));
        if self.attempts[attempt].1 != self.edges.len() {
            return;
        }
        let settings = settings();
        match self.state() {
            BreakerState::Open => {}
            BreakerState::HalfOpen => {
                let good_ones = self
                    .mine()
                    .filter(|(_, _, end)| matches!(end, Some((true, _))))
                    .count();
                if !good {
                    self.edges.push((now, BreakerState::Open));
                } else if good_ones >= usize::try_from(settings.max_requests).unwrap() {
                    self.edges.push((now, BreakerState::Closed));
                }
            }
            BreakerState::Closed => {
                let ended = |(from, _, end): &Attempt| end.map(|(good, at)| (at, good, *from));
                let mut ends: Vec<_> = self.mine().filter_map(ended).collect();
                ends.sort();
                let mut in_a_row = 0;
                let mut counted: Option<Instant> = None;
                for (at, good, from) in ends {
                    if good {
                        (in_a_row, counted) = (0, None);
                    } else if counted.is_none_or(|counted| from >= counted) {
                        (in_a_row, counted) = (in_a_row + 1, Some(at));
                    }
                }
                if in_a_row >= usize::try_from(settings.threshold).unwrap() {
                    self.edges.push((now, BreakerState::Open));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_the_reference_model(
        steps in proptest::collection::vec((0_u8..4, 0_usize..8, 1_u64..40_000), 1..200)
    ) {
        let mut now = origin();
        let mut breaker = Breaker::new(settings());
        let mut reference = Reference::default();
        let mut out: Vec<(Permit, usize)> = Vec::new();
        for (what, which, pause) in steps {
            now += Duration::from_millis(pause);
            match what {
                0 | 1 => {
                    let admitted = breaker.try_admit(now);
                    let expected = reference.admit(now);
                    prop_assert_eq!(admitted.is_ok(), expected.is_some());
                    if let (Ok(permit), Some(attempt)) = (admitted, expected) {
                        out.push((permit, attempt));
                    }
                }
                _ if out.is_empty() => {}
                good => {
                    let (permit, attempt) = out.swap_remove(which % out.len());
                    reference.end(attempt, good == 2, now);
                    if good == 2 {
                        breaker.handle_success(now, permit);
                    } else {
                        breaker.handle_failure(now, permit);
                    }
                }
            }
            prop_assert_eq!(breaker.state(), reference.state());
        }
    }

    #[test]
    fn it_never_has_more_probes_than_it_may(
        steps in proptest::collection::vec((0_u8..3, 1_u64..70_000), 1..200)
    ) {
        let mut now = origin();
        let mut breaker = Breaker::new(settings());
        let mut out: Vec<(Permit, Instant)> = Vec::new();
        for (what, pause) in steps {
            now += Duration::from_millis(pause);
            match (what, breaker.try_admit(now)) {
                (_, Ok(permit)) => out.push((permit, now)),
                (0, Err(again)) => prop_assert!(again > now, "no use asking at once"),
                _ => {}
            }
            if what == 2 {
                if let Some((permit, _)) = out.pop() {
                    breaker.handle_failure(now, permit);
                }
            }
            if breaker.state() == BreakerState::HalfOpen {
                let current = out.iter().filter(|(p, at)| {
                    p.generation == breaker.generation && now < *at + settings().patience
                });
                prop_assert!(current.count() <= 2);
            }
        }
    }
}
