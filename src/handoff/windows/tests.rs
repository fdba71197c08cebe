use super::*;
use crate::handoff::origin;
use proptest::prelude::*;

const TAIL: Duration = Duration::from_secs(20);

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn cause(family: Family, seq: i64) -> Cause {
    Cause {
        family,
        seq: Some(seq),
    }
}

fn peer(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 6379))
}

const FAMILIES: [Family; 4] = [
    Family::Failover,
    Family::Migration,
    Family::Moving,
    Family::SlotMigration,
];

/// The states of one window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    None,
    Open,
    Tail,
}

fn state(windows: &Windows, now: Instant) -> State {
    if windows.iter_open().count() > 0 {
        State::Open
    } else if windows.relaxed_until(None, now).is_some() {
        State::Tail
    } else {
        State::None
    }
}

fn prepare(which: State, now: Instant) -> Windows {
    let mut windows = Windows::new(TAIL);
    if which != State::None {
        let _ = windows.open(
            now,
            Scope::Database,
            cause(Family::Migration, 5),
            now + secs(60),
        );
    }
    if which == State::Tail {
        let _ = windows.close(now, Family::Migration, Some(6));
    }
    windows
}

#[test]
fn every_event_in_every_state_does_what_the_drawing_says() {
    let now = origin();
    for before in [State::None, State::Open, State::Tail] {
        let after = |event: &dyn Fn(&mut Windows), at: Instant| {
            let mut windows = prepare(before, now);
            assert_eq!(state(&windows, now), before);
            event(&mut windows);
            windows.handle_timeout(at);
            state(&windows, at)
        };
        let start = |w: &mut Windows| {
            let _ = w.open(
                now,
                Scope::Database,
                cause(Family::Migration, 7),
                now + secs(60),
            );
        };
        assert_eq!(after(&start, now), State::Open, "start in {before:?}");
        let completion = |w: &mut Windows| drop(w.close(now, Family::Migration, Some(8)));
        let ended = if before == State::None {
            State::None
        } else {
            State::Tail
        };
        assert_eq!(after(&completion, now), ended, "completion in {before:?}");
        let older = |w: &mut Windows| drop(w.close(now, Family::Migration, Some(5)));
        assert_eq!(after(&older, now), before, "older completion in {before:?}");
        let nothing = |_: &mut Windows| {};
        assert_eq!(after(&nothing, now), before);
        let capped = if before == State::Open {
            State::Tail
        } else {
            State::None
        };
        assert_eq!(after(&nothing, now + secs(60)), capped, "cap in {before:?}");
        assert_eq!(
            after(&nothing, now + secs(80)),
            State::None,
            "end of the tail in {before:?}"
        );
    }
}

#[test]
fn a_start_seen_again_extends_and_never_shortens() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    let c = cause(Family::Moving, 1);
    let scope = Scope::Peer(peer(1));
    assert!(windows.open(now, scope, c, now + secs(10)).is_some());
    assert!(windows.open(now, scope, c, now + secs(5)).is_none());
    assert_eq!(windows.iter_open().next().unwrap().until, now + secs(10));
    assert!(windows.open(now, scope, c, now + secs(15)).is_none());
    assert_eq!(windows.iter_open().next().unwrap().until, now + secs(15));
}

#[test]
fn scopes_are_kept_apart() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Peer(peer(1)),
        cause(Family::Moving, 1),
        now + secs(10),
    );
    assert!(windows.relaxed_until(Some(peer(1)), now).is_some());
    assert!(windows.relaxed_until(Some(peer(2)), now).is_none());
    assert!(windows.relaxed_until(None, now).is_none());
    windows.open(
        now,
        Scope::Database,
        cause(Family::Migration, 2),
        now + secs(5),
    );
    for of in [Some(peer(1)), Some(peer(2)), None] {
        assert!(windows.relaxed_until(of, now).is_some());
    }
    assert_eq!(
        windows.scope_until(Scope::Database, now),
        Some(now + secs(25))
    );
    assert_eq!(windows.scope_until(Scope::Peer(peer(2)), now), None);
}

#[test]
fn a_mapped_address_is_the_same_peer() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Peer(peer(1)),
        cause(Family::Moving, 1),
        now + secs(10),
    );
    let mapped = "[::ffff:10.0.0.1]:6379".parse().unwrap();
    assert!(windows.relaxed_until(Some(mapped), now).is_some());
}

#[test]
fn the_window_that_lasts_longest_is_the_one_responsible() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Database,
        cause(Family::Migration, 1),
        now + secs(10),
    );
    windows.open(
        now,
        Scope::Peer(peer(1)),
        cause(Family::Moving, 2),
        now + secs(30),
    );
    windows.open(
        now,
        Scope::Database,
        cause(Family::Failover, 3),
        now + secs(20),
    );
    let (until, why) = windows.relaxed_until(Some(peer(1)), now).unwrap();
    assert_eq!((until, why), (now + secs(50), cause(Family::Moving, 2)));
    let (until, why) = windows.relaxed_until(Some(peer(2)), now).unwrap();
    assert_eq!((until, why), (now + secs(40), cause(Family::Failover, 3)));
}

#[test]
fn completions_end_their_own_family_only() {
    let now = origin();
    for ended in FAMILIES {
        let mut windows = Windows::new(TAIL);
        for family in FAMILIES {
            windows.open(now, Scope::Database, cause(family, 1), now + secs(60));
        }
        assert!(windows.matches(ended, Some(2)));
        let closed = windows.close(now, ended, Some(2));
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].cause.family, ended);
        assert!(!windows.matches(ended, Some(2)));
        assert_eq!(windows.iter_open().count(), 3);
    }
}

#[test]
fn numbers_decide_what_a_completion_ends() {
    let now = origin();
    let family = Family::Migration;
    for (start, completion, ends) in [
        (Some(4), Some(5), true),
        (Some(4), Some(400), true),
        (Some(4), Some(4), false),
        (Some(4), Some(3), false),
        (Some(i64::MIN), Some(i64::MAX), true),
        (None, Some(1), true),
        (None, None, true),
        (Some(4), None, false),
    ] {
        let mut windows = Windows::new(TAIL);
        let why = Cause { family, seq: start };
        windows.open(now, Scope::Database, why, now + secs(60));
        assert_eq!(
            windows.matches(family, completion),
            ends,
            "{start:?} {completion:?}"
        );
        assert_eq!(
            windows.close(now, family, completion).len(),
            usize::from(ends)
        );
    }
}

#[test]
fn a_window_spreads_to_another_peer_only_while_it_is_open() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    let c = cause(Family::SlotMigration, 1);
    assert!(windows.spread(now, c, Scope::Peer(peer(2))).is_none());
    windows.open(now, Scope::Peer(peer(1)), c, now + secs(60));
    let window = windows
        .spread(now + secs(5), c, Scope::Peer(peer(2)))
        .unwrap();
    assert_eq!(window.until, now + secs(60));
    assert!(
        windows
            .spread(now + secs(6), c, Scope::Peer(peer(2)))
            .is_none(),
        "has it already"
    );
    windows.close(now + secs(7), Family::SlotMigration, Some(2));
    assert!(
        windows
            .spread(now + secs(8), c, Scope::Peer(peer(3)))
            .is_none()
    );
}

#[test]
fn a_trail_relaxes_without_a_window() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.trail(now, Scope::Peer(peer(1)), cause(Family::Moving, 1));
    assert_eq!(windows.iter_open().count(), 0);
    assert_eq!(
        windows.scope_until(Scope::Peer(peer(1)), now),
        Some(now + TAIL)
    );
    windows.trail(
        now + secs(5),
        Scope::Peer(peer(1)),
        cause(Family::Moving, 1),
    );
    assert_eq!(
        windows.scope_until(Scope::Peer(peer(1)), now),
        Some(now + secs(25))
    );
    assert_eq!(windows.poll_timeout(), None, "nothing to be woken for");
}

#[test]
fn trails_of_other_scopes_and_causes_are_kept_apart() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.trail(now, Scope::Peer(peer(1)), cause(Family::Moving, 1));
    windows.trail(
        now + secs(5),
        Scope::Peer(peer(2)),
        cause(Family::Moving, 1),
    );
    windows.trail(
        now + secs(9),
        Scope::Peer(peer(1)),
        cause(Family::Moving, 2),
    );
    windows.open(
        now,
        Scope::Peer(peer(3)),
        cause(Family::Moving, 3),
        now + secs(60),
    );
    windows.trail(
        now + secs(9),
        Scope::Peer(peer(3)),
        cause(Family::Moving, 3),
    );
    assert_eq!(windows.entries.len(), 5);
    assert_eq!(
        windows.scope_until(Scope::Peer(peer(2)), now),
        Some(now + secs(25))
    );
    assert_eq!(
        windows.scope_until(Scope::Peer(peer(3)), now),
        Some(now + secs(80))
    );
    assert_eq!(windows.peers(now + secs(28)), [peer(1), peer(3)]);
    assert_eq!(windows.peers(now + secs(80)), []);
}

#[test]
fn blame_prefers_what_is_open_to_what_has_ended() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Database,
        cause(Family::Migration, 1),
        now + secs(60),
    );
    windows.close(now, Family::Migration, Some(2));
    windows.open(
        now,
        Scope::Database,
        cause(Family::Failover, 3),
        now + secs(1),
    );
    let blamed = windows.blame(None, now, secs(1));
    assert_eq!(blamed, Some(cause(Family::Failover, 3)));
}

#[test]
fn any_number_of_windows_fits_and_the_longest_stays() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Database,
        cause(Family::Migration, -1),
        now + secs(3000),
    );
    for seq in 0..10_000_i64 {
        let scope = Scope::Peer(peer(u8::try_from(seq % 200).unwrap()));
        windows.open(now, scope, cause(Family::Moving, seq), now + secs(10));
        assert!(windows.entries.len() <= CAP);
    }
    assert_eq!(
        windows.relaxed_until(None, now).unwrap().0,
        now + secs(3020)
    );
}

#[test]
fn ends_are_reported_once_and_forgotten_in_the_end() {
    let now = origin();
    let mut windows = Windows::new(TAIL);
    windows.open(
        now,
        Scope::Database,
        cause(Family::Migration, 1),
        now + secs(10),
    );
    assert_eq!(windows.poll_timeout(), Some(now + secs(10)));
    assert!(windows.handle_timeout(now + secs(9)).is_empty());
    assert_eq!(windows.handle_timeout(now + secs(10)).len(), 1);
    assert!(windows.handle_timeout(now + secs(10)).is_empty());
    assert_eq!(windows.poll_timeout(), None);
    windows.handle_timeout(now + secs(200));
    assert!(windows.entries.is_empty());
}

proptest! {
    /// Against a plain list of intervals: starts add one, completions cut those that they end.
    #[test]
    fn it_agrees_with_a_list_of_intervals(
        steps in proptest::collection::vec((0_u8..3, 0_usize..4, 0_i64..20, 0_u64..9000), 1..60)
    ) {
        let mut now = origin();
        let mut windows = Windows::new(TAIL);
        let mut intervals: Vec<(Family, i64, Instant, bool)> = Vec::new();
        for (what, family, seq, pause) in steps {
            now += Duration::from_millis(pause);
            windows.handle_timeout(now);
            for interval in &mut intervals {
                interval.3 |= interval.2 <= now;
            }
            let family = FAMILIES[family];
            if what == 0 {
                windows.close(now, family, Some(seq));
                for interval in intervals.iter_mut().filter(|i| i.0 == family && i.1 < seq && !i.3) {
                    interval.2 = interval.2.min(now);
                    interval.3 = true;
                }
            } else {
                let until = now + secs(30);
                windows.open(now, Scope::Database, cause(family, seq), until);
                match intervals.iter_mut().find(|i| i.0 == family && i.1 == seq && !i.3) {
                    Some(interval) => interval.2 = until,
                    None => intervals.push((family, seq, until, false)),
                }
            }
            let expected = intervals.iter().map(|i| i.2 + TAIL).filter(|at| *at > now).max();
            prop_assert_eq!(windows.relaxed_until(None, now).map(|(at, _)| at), expected);
            prop_assert_eq!(windows.iter_open().count(), intervals.iter().filter(|i| !i.3).count());
        }
    }
}
