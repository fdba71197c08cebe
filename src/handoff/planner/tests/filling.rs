//! Vacant entries: who fills them, when, and how often that is tried.

use super::super::*;
use super::world::*;

fn idle(entries: usize, min_connections: usize) -> World {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), entries);
    settings.min_connections = min_connections;
    World::with(settings, 1)
}

#[test]
fn nothing_is_dialled_unasked() {
    let mut w = World::new(5);
    w.run(secs(600));
    assert_eq!(w.jobs.len(), 0);
    assert_eq!(w.poll_timeout(), None, "an idle client is never woken");
}

#[test]
fn an_idle_client_with_links_is_never_woken() {
    let w = World::full(5);
    assert_eq!(w.poll_timeout(), None);
}

#[test]
fn each_want_brings_one_link_until_all_entries_have_one() {
    let mut w = World::new(3);
    for links in [1, 2, 3, 3] {
        w.want();
        w.run(ms(50));
        assert_eq!(w.live(), links);
    }
    assert_eq!(w.jobs.len(), 3);
}

#[test]
fn wants_at_the_same_time_bring_as_many_links() {
    let mut w = World::new(8);
    (0..5).for_each(|_| w.want());
    w.run(ms(50));
    assert_eq!(w.live(), 5);
}

#[test]
fn the_idle_minimum_is_filled_and_kept() {
    let mut w = idle(6, 3);
    w.run(ms(50));
    assert_eq!(w.live(), 3);
    let link = w.link(1);
    w.end(link, true);
    w.run(ms(50));
    assert_eq!(
        w.live(),
        3,
        "a link that was closed on purpose is missed all the same"
    );
}

#[test]
fn a_minimum_above_the_entries_means_all_of_them() {
    let mut w = idle(2, 100);
    w.run(ms(50));
    assert_eq!(w.live(), 2);
}

#[test]
fn a_link_that_dies_is_replaced_unasked() {
    let mut w = World::full(3);
    let link = w.link(1);
    w.end(link, false);
    w.run(ms(50));
    assert_eq!(w.live(), 3);
}

#[test]
fn a_link_that_was_closed_on_purpose_is_not_replaced_unasked() {
    let mut w = World::full(3);
    let link = w.link(1);
    w.end(link, true);
    w.run(secs(60));
    assert_eq!(w.live(), 2);
    w.want();
    w.run(ms(50));
    assert_eq!(w.live(), 3);
}

#[test]
fn after_three_failures_an_entry_that_nobody_wants_stays_vacant() {
    let mut w = World::full(4);
    w.manners.insert(node(1), Manner::Refuses);
    w.close(node(1));
    w.run(secs(600));
    // The four entries dial at once; then one at a time until three have failed.
    assert!((3..=6).contains(&w.jobs.len()), "{}", w.jobs.len());
    assert_eq!(w.poll_timeout(), None);
    w.manners.insert(node(1), Manner::Accepts);
    w.want();
    w.run(secs(2));
    assert_eq!(w.live(), 4, "one success, and the rest follows");
}

#[test]
fn a_wanted_entry_is_dialled_until_it_has_a_link() {
    let mut w = World::new(4);
    w.manners.insert(node(1), Manner::Refuses);
    w.want();
    w.run(secs(60));
    // A caller waits: each 200 ms at the latest.
    assert!((290..=450).contains(&w.jobs.len()), "{}", w.jobs.len());
    w.manners.insert(node(1), Manner::Accepts);
    w.run(secs(2));
    assert_eq!(w.live(), 1);
}

#[test]
fn while_nothing_can_be_reached_one_dial_at_a_time_is_made() {
    let mut w = World::new(10);
    w.manners.insert(node(1), Manner::Refuses);
    w.want();
    w.run(secs(1));
    (0..9).for_each(|_| w.want());
    let before = w.jobs.len();
    for _ in 0..1000 {
        w.run(ms(10));
        let filling =
            w.c.phases()
                .filter(|state| *state == Phase::Filling)
                .count();
        assert!(filling <= 1, "{filling}");
    }
    assert!(w.jobs.len() - before <= 70, "{}", w.jobs.len() - before);
    w.manners.insert(node(1), Manner::Accepts);
    w.run(secs(2));
    assert_eq!(w.live(), 10);
}

#[test]
fn a_want_during_a_fill_keeps_that_fill_going() {
    let mut w = World::full(1);
    w.manners.insert(node(1), Manner::Refuses);
    w.close(node(1));
    w.want();
    w.run(secs(30));
    w.manners.insert(node(1), Manner::Accepts);
    w.run(secs(2));
    assert_eq!(w.live(), 1);
}

#[test]
fn pauses_between_fills_grow_to_the_cap() {
    let pauses = |awaited: bool| -> Vec<Duration> {
        let mut w = idle(1, 1);
        w.run(secs(1));
        w.latency = ms(0);
        w.jobs.clear();
        w.manners.insert(node(1), Manner::Refuses);
        w.close(node(1));
        if awaited {
            w.want();
        }
        w.run(secs(30));
        let at: Vec<_> = w.jobs.iter().map(|(at, _)| *at).collect();
        at.windows(2).map(|pair| pair[1] - pair[0]).collect()
    };
    let most = pauses(true).into_iter().max();
    assert_eq!(most, Some(ms(200)), "while a caller waits");
    let pauses = pauses(false);
    assert!(
        pauses[..6].iter().all(|pause| *pause <= ms(320)),
        "{pauses:?}"
    );
    assert!(pauses.iter().all(|pause| *pause <= secs(1)), "{pauses:?}");
    assert!(pauses.iter().max().unwrap() > &ms(700), "{pauses:?}");
}

#[test]
fn a_queue_without_place_is_offered_to_again() {
    let mut w = World::new(10);
    w.queue = 1;
    w.latency = ms(30);
    (0..10).for_each(|_| w.want());
    w.run(ms(320));
    assert_eq!(w.live(), 10);
    assert!(w.overflows >= 9);
}

#[test]
fn a_queue_that_is_always_full_is_asked_a_hundred_times_a_second() {
    let mut w = World::new(10);
    w.queue = 0;
    (0..10).for_each(|_| w.want());
    w.run(secs(1));
    assert!((90..=1100).contains(&w.overflows), "{}", w.overflows);
    assert!(w.c.phases().all(|state| state == Phase::Vacant));
}

#[test]
fn a_silent_close_without_notice_is_an_ordinary_reconnect() {
    let mut w = World::full(4);
    w.list(&[2]);
    w.manners.insert(node(1), Manner::Refuses);
    w.close(node(1));
    w.run(secs(1));
    assert!(w.all_at(2), "{:?}", w.peers());
    assert_eq!(w.started(), 0);
}

#[test]
fn reports_about_entries_that_do_not_exist_are_harmless() {
    let mut w = World::full(1);
    let failure = JobFailure {
        reached: None,
        kind: FailureKind::Dial,
    };
    w.c.handle_job_failed(w.now, &mut w.a, 7.into(), failure);
    w.c.handle_queue_full(w.now, &mut w.a, 7.into());
    w.c.handle_link_down(
        w.now,
        &mut w.a,
        7.into(),
        LinkId::new(900),
        Ending::Unproved,
    );
    let up = LinkUp {
        entry: 7.into(),
        link: LinkId::new(901),
        peer: None,
        opted_in: true,
        via: named(1),
        is_replica: None,
        listed: Vec::new(),
    };
    w.c.handle_link_up(w.now, &mut w.a, up);
    let close = Action::Close {
        link: LinkId::new(901),
    };
    assert_eq!(w.c.poll_action(), Some(close));
    assert_eq!(w.live(), 1);
}

#[test]
fn reports_that_answer_nothing_are_harmless() {
    let mut w = World::full(2);
    let failure = JobFailure {
        reached: Some(node(1)),
        kind: FailureKind::Retiring,
    };
    w.c.handle_job_failed(w.now, &mut w.a, 0.into(), failure);
    w.c.handle_queue_full(w.now, &mut w.a, 1.into());
    w.c.handle_link_down(
        w.now,
        &mut w.a,
        0.into(),
        LinkId::new(900),
        Ending::Unproved,
    );
    w.run(secs(10));
    assert_eq!((w.live(), w.jobs.len()), (2, 0));
    assert_eq!(w.overflows, 0);
}

#[test]
fn early_and_repeated_timeouts_change_nothing() {
    let mut w = World::full(3);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    let before = format!("{:?}", w.c);
    for _ in 0..5 {
        w.c.handle_timeout(w.now, &mut w.a);
    }
    assert_eq!(format!("{:?}", w.c), before);
}

#[test]
fn a_time_before_the_latest_one_counts_as_that() {
    let mut w = World::full(1);
    w.run(secs(5));
    w.c.handle_timeout(w.now, &mut w.a);
    let before = w.now - secs(3);
    let source = w.c.source(w.link(0), before).unwrap();
    let said = moving(1, 10, Some(named(2)));
    w.c.handle_notification(before, &mut w.a, &source, &said);
    assert_eq!(w.c.handoffs(w.now)[0].time_left, secs(10));
}

#[test]
fn a_link_that_nobody_waits_for_any_more_is_not_tried_for_ever() {
    let mut w = World::new(2);
    w.manners.insert(node(1), Manner::TurnsAway);
    w.want();
    w.run(secs(5));
    let jobs = w.jobs.len();
    assert!(jobs > 3, "somebody waits: {jobs}");
    w.c.handle_unwanted();
    w.run(secs(60));
    assert!(w.jobs.len() <= jobs + 1, "one may have been under way");
    w.manners.insert(node(1), Manner::Accepts);
    w.want();
    w.run(secs(5));
    assert_eq!(w.c.peer(0), Some(node(1)));
}

#[test]
fn several_callers_at_once_get_a_link_each() {
    let mut w = World::new(8);
    w.c.handle_wanted(w.now, &mut w.a, 5, false);
    w.late_wakeup(Duration::ZERO);
    w.run(ms(100));
    assert_eq!(w.live(), 5);
    w.c.handle_wanted(w.now, &mut w.a, 50, false);
    w.late_wakeup(Duration::ZERO);
    w.run(ms(100));
    assert_eq!(w.live(), 8);
}

#[test]
fn a_unix_socket_is_filled_like_any_other() {
    let mut a = Announcements::new(AnnouncementSettings::default());
    let mut c = Planner::new(Settings::new(Endpoint::Unix("/run/redis".into()), 1), 1);
    let now = crate::handoff::origin();
    c.handle_wanted(now, &mut a, 1, false);
    let Some(Action::Enqueue(job)) = c.poll_action() else {
        panic!("no job")
    };
    assert_eq!(job.target, Target::Configured);
    let via = Endpoint::Unix("/run/redis".into());
    c.handle_link_up(
        now,
        &mut a,
        LinkUp {
            entry: 0.into(),
            link: LinkId::new(1),
            peer: None,
            opted_in: false,
            via,
            is_replica: None,
            listed: Vec::new(),
        },
    );
    let source = c.source(LinkId::new(1), now).unwrap();
    assert_eq!(
        c.handle_notification(now, &mut a, &source, &moving(1, 5, None)),
        Verdict::NotOptedIn
    );
    assert_eq!(c.poll_timeout(), None);
}

#[test]
fn a_server_that_accepts_and_closes_at_once_is_not_stormed() {
    let mut w = World::new(4);
    w.latency = ms(1);
    (0..4).for_each(|_| w.want());
    w.run(ms(10));
    for _ in 0..3000 {
        w.close(node(1));
        w.run(ms(10));
    }
    // Four entries each time the pause, of half a second on average, is over.
    assert!(w.jobs.len() < 350, "{} dials in 30 s", w.jobs.len());
    w.run(secs(60));
    assert_eq!(w.live(), 4, "once it keeps them, all come back");
}

#[test]
fn links_that_die_together_come_back_together() {
    let mut w = World::new(20);
    (0..20).for_each(|_| w.want());
    w.run(ms(500));
    w.close(node(1));
    w.run(ms(300));
    assert_eq!(w.live(), 20);
}
