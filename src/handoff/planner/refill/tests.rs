use super::*;
use crate::handoff::origin;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn refill() -> (Refill, Jitter) {
    (
        Refill::new(Backoff {
            floor: ms(10),
            cap: secs(1),
        }),
        Jitter::new(5),
    )
}

#[test]
fn it_is_sure_at_first() {
    let (refill, _) = refill();
    assert!(refill.is_eager());
    assert_eq!((refill.at_once(), refill.misses()), (usize::MAX, 0));
    assert_eq!(refill.paused_until(origin(), false), None);
}

#[test]
fn failures_make_it_unsure_and_then_reluctant() {
    let mut now = origin();
    let (mut refill, mut jitter) = refill();
    for (n, eager) in [(1, true), (2, true), (3, false), (4, false)] {
        refill.handle_failure(now, now, &mut jitter);
        assert_eq!((refill.misses(), refill.at_once()), (n, 1));
        assert_eq!(refill.is_eager(), eager, "{n}");
        now += secs(1);
    }
    refill.handle_success();
    assert!(refill.is_eager() && refill.at_once() > 1);
    assert_eq!(refill.paused_until(now, false), None);
}

#[test]
fn pauses_grow_with_failures() {
    let mut now = origin();
    let (mut refill, mut jitter) = refill();
    let mut longest = Duration::ZERO;
    for n in 0..200 {
        refill.handle_failure(now, now, &mut jitter);
        let pause = refill
            .paused_until(now, false)
            .map_or(Duration::ZERO, |at| at.duration_since(now));
        assert!(
            pause <= ms(10) * 2_u32.pow(n.min(7)) && pause <= secs(1),
            "{n}: {pause:?}"
        );
        longest = longest.max(pause);
        let awaited = refill.paused_until(now, true);
        assert!(awaited.is_none_or(|at| at <= now + ms(200)), "{n}");
        now += pause;
    }
    assert!(longest > ms(900));
}

#[test]
fn failures_of_one_moment_count_once() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    for _ in 0..50 {
        refill.handle_failure(now + ms(5), now, &mut jitter);
    }
    assert_eq!(refill.misses(), 1);
    let over = refill.paused_until(now + ms(5), true).unwrap();
    // Not even one that was offered afterwards, if it did not wait for the end of the pause.
    refill.handle_failure(over, over - Duration::from_nanos(1), &mut jitter);
    assert_eq!(refill.misses(), 1);
    refill.handle_failure(over, over, &mut jitter);
    assert_eq!(refill.misses(), 2);
}

#[test]
fn a_loss_is_answered_at_once_every_second_and_after_growing_pauses_in_between() {
    let start = origin();
    let (refill, mut jitter) = refill();
    let mut renewal = Renewal::default();
    assert!(!renewal.is_granted(), "nothing was lost");
    let mut longest = Duration::ZERO;
    for second in 0..50 {
        let now = start + secs(second);
        renewal.handle_loss(now, refill.pace(), &mut jitter);
        assert!(renewal.is_granted());
        renewal.handle_dial();
        assert!(!renewal.is_granted(), "the dial is made");
        for again in 0..8_u32 {
            let now = now + ms(999);
            renewal.handle_loss(now, refill.pace(), &mut jitter);
            assert!(!renewal.is_granted());
            let until = renewal.paused_until(now, false).unwrap_or(now);
            let pause = until.duration_since(now);
            assert!(pause <= ms(10 << again), "{again}: {pause:?}");
            let awaited = renewal.paused_until(now, true).unwrap_or(now);
            assert!(awaited <= now + ms(200));
            longest = longest.max(pause);
        }
    }
    assert!(longest > ms(700));
}

#[test]
fn links_that_die_young_one_after_the_other_slow_it_down() {
    let mut now = origin();
    let (mut refill, mut jitter) = refill();
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let up_at = now;
        now += ms(1);
        refill.handle_success();
        refill.handle_death(now, up_at, &mut jitter);
        let until = refill.paused_until(now, false).unwrap_or(now);
        longest = longest.max(until.duration_since(now));
        now = until;
    }
    assert!(longest > ms(700), "{longest:?}");
    assert_eq!(refill.at_once(), 1);
    assert!(refill.is_eager(), "the dials succeed");
}

#[test]
fn a_success_does_not_hide_an_early_death() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    while refill.paused_until(now, false).is_none() {
        refill.deaths = 9;
        refill.died_at = None;
        refill.handle_death(now, now, &mut jitter);
    }
    refill.handle_success();
    assert!(refill.paused_until(now, false).is_some());
}

#[test]
fn links_that_die_together_count_once() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    for _ in 0..50 {
        refill.handle_death(now + ms(500), now, &mut jitter);
    }
    assert_eq!(refill.deaths, 1);
    assert!(refill.is_eager());
}

#[test]
fn a_link_that_dies_of_age_counts_for_nothing() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    refill.handle_death(now + secs(1), now, &mut jitter);
    assert_eq!(refill.at_once(), usize::MAX);
}

#[test]
fn early_deaths_are_forgiven_after_ten_seconds() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    refill.handle_death(now, now, &mut jitter);
    assert_eq!(refill.at_once(), usize::MAX, "one is an accident");
    refill.handle_death(now + ms(2), now + ms(1), &mut jitter);
    assert_eq!(refill.at_once(), 1);
    refill.forgive(now + secs(10));
    assert_eq!(refill.at_once(), 1);
    refill.forgive(now + secs(10) + ms(2));
    assert_eq!(refill.at_once(), usize::MAX);
}

#[test]
fn news_ends_every_pause() {
    let now = origin();
    let (mut refill, mut jitter) = refill();
    for _ in 0..20 {
        refill.handle_failure(now, now, &mut jitter);
        refill.handle_death(now, now, &mut jitter);
    }
    refill.handle_news();
    assert_eq!(refill.paused_until(now, false), None);
    assert_eq!(refill.at_once(), 1, "but it stays unsure");
}
