//! What is said of links that their server is about to close.

use super::super::*;
use super::world::*;

/// When it was said of each of these links, and until when each is in danger.
fn calls(w: &World) -> Vec<(Duration, LinkId, Duration)> {
    let of = |(at, link, until): &(Duration, LinkId, Instant)| {
        (*at, *link, until.saturating_duration_since(w.start))
    };
    w.last_calls.iter().map(of).collect()
}

#[test]
fn a_replaced_link_that_still_answers_is_announced_before_its_server_closes_it() {
    // The announced time, and how long before its end: a second, or a quarter.
    for (time, ahead) in [(15, secs(1)), (4, secs(1)), (2, ms(500)), (0, ms(0))] {
        let mut w = World::full(1);
        let old = w.link(0);
        w.command(0, secs(60));
        let from = w.elapsed();
        w.says(old, &moving(1, time, Some(named(2))));
        w.run(secs(30));
        let end = from + secs(u64::try_from(time).unwrap());
        let said = end.checked_sub(ahead).unwrap();
        let calls = calls(&w);
        // Without a time the link is announced at once, and then once more when it has been replaced.
        assert_eq!(calls.len(), if time == 0 { 2 } else { 1 }, "{calls:?}");
        assert!(calls.iter().all(|(_, link, _)| *link == old));
        let (at, _, until) = calls[0];
        assert!(at >= said && at <= said + ms(1), "{time}: {calls:?}");
        assert!(until >= end + secs(5), "{time}: {calls:?}");
    }
}

#[test]
fn a_link_that_has_nothing_to_answer_is_gone_before() {
    let mut w = World::full(3);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(secs(60));
    assert_eq!(w.last_calls, []);
}

#[test]
fn a_link_that_still_serves_is_announced_once_in_each_handoff() {
    let mut w = World::full(2);
    w.manners.insert(node(2), Manner::Refuses);
    let from = w.elapsed();
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.run(ms(13_990));
    assert_eq!(w.last_calls, []);
    w.run(secs(10));
    let links: Vec<LinkId> = w.last_calls.iter().map(|(_, link, _)| *link).collect();
    assert_eq!(links, [w.link(0), w.link(1)]);
    assert!(calls(&w).iter().all(|(at, ..)| *at >= from + secs(14)));
    w.run(secs(60));
    assert_eq!(w.last_calls.len(), 2);
    // Announced anew, it is in danger anew.
    w.broadcast(node(1), &moving(2, 15, Some(named(2))));
    w.run(secs(60));
    assert_eq!(w.last_calls.len(), 4);
}

#[test]
fn a_link_that_is_replaced_late_is_announced_at_once() {
    let mut w = World::full(1);
    let old = w.link(0);
    w.command(0, secs(60));
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    w.at(ms(13_900), |w| {
        w.manners.insert(node(2), Manner::Accepts);
    });
    w.run(secs(17));
    assert!(w.all_at(2), "{:?}", w.peers());
    let links: Vec<LinkId> = w.last_calls.iter().map(|(_, link, _)| *link).collect();
    // While it served, and again with the time until which it is in danger as a replaced one.
    assert_eq!(links, [old, old]);
}

#[test]
fn a_link_that_was_dialled_after_the_last_call_is_not_announced() {
    let mut w = World::full(1);
    w.manners.insert(node(2), Manner::Refuses);
    w.broadcast(node(1), &moving(1, 15, Some(named(2))));
    // Lost and made again at the only place that there is, while its server is about to close.
    for at in [14_200, 14_400, 14_600] {
        w.at(ms(at), |w| {
            let link = w.link(0);
            w.end(link, false);
            w.want();
        });
    }
    w.run(secs(15));
    assert_eq!(w.last_calls.len(), 1, "{:?}", calls(&w));
}
