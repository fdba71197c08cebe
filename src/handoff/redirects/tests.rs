use super::*;
use crate::handoff::origin;
use proptest::prelude::*;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn at(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 6379))
}

fn to(n: u8) -> Option<Endpoint> {
    Some(Endpoint::tcp(format!("10.0.0.{n}"), 6379))
}

fn name(text: &str) -> Option<Endpoint> {
    Some(Endpoint::tcp(text, 6379))
}

fn newest(redirects: &Redirects, now: Instant) -> Option<Endpoint> {
    redirects.newest_target(now).map(|(_, target)| target)
}

#[test]
fn nothing_retires_at_first() {
    let now = origin();
    let redirects = Redirects::new();
    assert!(!redirects.retiring(at(1), now));
    assert_eq!(redirects.target_for(at(1), now), None);
    assert_eq!(redirects.newest_target(now), None);
    assert!(redirects.avoided(now).is_empty());
    assert_eq!(redirects.binding_until(), None);
}

#[test]
fn an_address_retires_in_favour_of_its_target() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    assert!(redirects.retiring(at(1), now) && !redirects.retiring(at(2), now));
    assert_eq!(redirects.target_for(at(1), now), to(2));
    assert_eq!(redirects.target_for(at(2), now), None);
    assert_eq!(redirects.avoided(now), [at(1)]);
}

#[test]
fn the_newest_mapping_of_an_address_wins() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.insert(now + secs(1), at(1), to(3), secs(15));
    assert_eq!(redirects.target_for(at(1), now + secs(1)), to(3));
    assert_eq!(redirects.len(), 1);
    assert_eq!(
        redirects.retiring_since(at(1), now + secs(1)),
        Some(now + secs(1))
    );
}

#[test]
fn a_chain_leads_to_its_end() {
    let now = origin();
    let mut redirects = Redirects::new();
    for n in 1..6 {
        redirects.insert(now, at(n), to(n + 1), secs(15));
    }
    for n in 1..6 {
        assert_eq!(redirects.target_for(at(n), now), to(6), "{n}");
    }
    assert_eq!(newest(&redirects, now), to(6));
}

#[test]
fn there_and_back_again_is_no_circle() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.insert(now, at(2), to(1), secs(15));
    assert!(!redirects.retiring(at(1), now));
    assert_eq!(redirects.target_for(at(2), now), to(1));
    assert_eq!(newest(&redirects, now), to(1));
}

#[test]
fn a_chain_that_returns_to_its_start_is_no_circle() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.insert(now, at(2), to(3), secs(15));
    redirects.insert(now, at(3), to(1), secs(15));
    assert_eq!(redirects.target_for(at(2), now), to(1));
    assert_eq!(redirects.target_for(at(3), now), to(1));
}

#[test]
fn a_chain_by_name_is_followed_once_the_name_has_landed() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), name("two.example"), secs(15));
    redirects.handle_landed(&name("two.example").unwrap(), at(2));
    redirects.insert(now, at(2), to(3), secs(15));
    assert_eq!(redirects.target_for(at(1), now), to(3));
}

#[test]
fn landings_are_few_and_belong_to_their_target() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), name("two.example"), secs(15));
    redirects.handle_landed(&name("other.example").unwrap(), at(9));
    for n in 2..100 {
        redirects.handle_landed(&name("two.example").unwrap(), at(n));
        redirects.handle_landed(&name("two.example").unwrap(), at(n));
    }
    let (_, redirect) = redirects.0.held().next().unwrap();
    assert_eq!(redirect.landed.len(), LANDINGS);
    assert!(!redirect.landed.contains(&at(9)) || LANDINGS > 7);
}

#[test]
fn an_entry_lasts_twice_its_time_but_between_half_a_minute_and_an_hour() {
    for (grace, lasts) in [
        (0, 30),
        (5, 30),
        (15, 30),
        (20, 40),
        (1000, 2000),
        (3000, 3600),
    ] {
        let now = origin();
        let mut redirects = Redirects::new();
        redirects.insert(now, at(1), to(2), secs(grace));
        assert!(
            redirects.retiring(at(1), now + secs(lasts) - secs(1)),
            "{grace}"
        );
        assert!(!redirects.retiring(at(1), now + secs(lasts)), "{grace}");
        assert_eq!(redirects.target_for(at(1), now + secs(lasts)), None);
        redirects.handle_timeout(now + secs(lasts));
        assert_eq!(redirects.len(), 0);
    }
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), Duration::MAX);
    assert!(!redirects.retiring(at(1), now + secs(3600)));
}

#[test]
fn the_name_ends_an_entry_only_after_its_time() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.handle_resolved(now + secs(14), &[at(2).ip()]);
    assert!(redirects.retiring(at(1), now + secs(14)));
    redirects.handle_resolved(now + secs(15), &[]);
    redirects.handle_resolved(now + secs(15), &[at(3).ip(), at(1).ip()]);
    assert!(redirects.retiring(at(1), now + secs(15)));
    redirects.handle_resolved(now + secs(15), &[at(2).ip()]);
    assert!(!redirects.retiring(at(1), now + secs(15)));
}

#[test]
fn a_mapped_address_in_an_answer_is_the_same_address() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(0));
    redirects.handle_resolved(now + secs(1), &["::ffff:10.0.0.1".parse().unwrap()]);
    assert!(redirects.retiring(at(1), now + secs(1)));
}

#[test]
fn an_address_reached_twice_all_the_same_is_no_longer_avoided() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), None, secs(15));
    redirects.insert(now, at(2), None, secs(15));
    assert_eq!(redirects.handle_reached(at(1)), 1);
    assert_eq!(redirects.avoided(now), [at(1), at(2)]);
    assert_eq!(redirects.handle_reached(at(1)), 2);
    assert_eq!(redirects.avoided(now), [at(2)]);
    assert!(redirects.retiring(at(1), now), "it still retires");
    assert_eq!(redirects.handle_reached(at(7)), 0);
}

#[test]
fn a_target_that_is_forgotten_or_an_address_that_is_pardoned_is_gone() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.handle_landed(&to(2).unwrap(), at(2));
    redirects.forget_target(at(1));
    assert!(redirects.retiring(at(1), now));
    assert_eq!(redirects.newest_target(now), None);
    redirects.insert(now, at(2), to(3), secs(15));
    assert_eq!(
        redirects.target_for(at(1), now),
        None,
        "nor does what replaces the target count"
    );
    redirects.reinstate(at(1));
    assert!(!redirects.retiring(at(1), now));
}

#[test]
fn an_unknown_target_does_not_hide_a_known_one() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    redirects.insert(now, at(3), None, secs(15));
    assert_eq!(newest(&redirects, now), to(2));
}

#[test]
fn any_number_of_addresses_fits() {
    let now = origin();
    let mut redirects = Redirects::new();
    for n in 0..10_000_u16 {
        let [high, low] = n.to_be_bytes();
        let from = SocketAddr::from(([10, 1, high, low], 6379));
        redirects.insert(now, from, to(2), secs(15));
        assert!(redirects.len() <= CAP);
        assert!(
            redirects.retiring(from, now),
            "the newest is never the one that goes"
        );
    }
}

#[test]
fn an_address_is_not_forgiven_while_its_target_can_be_had() {
    let now = origin();
    let mut redirects = Redirects::new();
    redirects.insert(now, at(1), to(2), secs(15));
    for _ in 0..5 {
        redirects.handle_reached(at(1));
        redirects.handle_landed(&to(2).unwrap(), at(2));
    }
    assert_eq!(redirects.avoided(now), [at(1)]);
    redirects.handle_reached(at(1));
    assert_eq!(redirects.handle_reached(at(1)), 2);
    assert!(redirects.avoided(now).is_empty());
}

proptest! {
    #[test]
    fn no_target_ever_retires(moves in proptest::collection::vec((1_u8..8, 0_u8..8, 0_u64..20), 1..80)) {
        let mut now = origin();
        let mut redirects = Redirects::new();
        for (from, target, pause) in moves {
            now += secs(pause);
            if from == target {
                continue;
            }
            // Zero: the server named no place.
            let target = to(target).filter(|_| target > 0);
            redirects.insert(now, at(from), target.clone(), secs(15));
            prop_assert_eq!(redirects.target_for(at(from), now), target);
            for n in 1..8 {
                if let Some(place) = redirects.target_for(at(n), now) {
                    let circle = (1..8).any(|m| is_at(&place, at(m)) && redirects.retiring(at(m), now));
                    prop_assert!(!circle, "{} leads to {}, which retires", n, place);
                }
            }
        }
        redirects.handle_timeout(now + secs(3600));
        prop_assert_eq!(redirects.len(), 0);
    }
}
