use super::*;
use crate::handoff::origin;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ip(n: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, n])
}

fn named() -> Lookups {
    Lookups::new(&Endpoint::tcp("redis", 7000))
}

fn answer(lookups: &mut Lookups, ips: &[u8]) -> Answer {
    lookups
        .handle_answer("redis", Ok(ips.iter().map(|n| ip(*n)).collect()))
        .unwrap()
}

#[test]
fn only_a_name_is_asked_about() {
    let now = origin();
    for endpoint in [
        Endpoint::tcp("10.0.0.1", 6379),
        Endpoint::tcp("2001:db8::1", 6379),
        Endpoint::Unix("/run/redis".into()),
    ] {
        let mut lookups = Lookups::new(&endpoint);
        assert!(!lookups.has_name());
        lookups.search_until(now + secs(10));
        lookups.check_after(now, Some(1));
        assert_eq!(lookups.due(Some((now, secs(1))), Some(now)), None);
        assert_eq!(lookups.ask(now), None);
        assert!(lookups.handle_answer("redis", Ok(vec![ip(1)])).is_none());
    }
    assert!(named().has_name());
}

#[test]
fn nothing_is_due_while_nobody_asks() {
    assert_eq!(named().due(None, None), None);
}

#[test]
fn a_search_asks_at_once_and_then_every_second() {
    let now = origin();
    let mut lookups = named();
    assert_eq!(lookups.due(Some((now, secs(1))), None), Some(now));
    assert_eq!(
        lookups.ask(now),
        Some(Action::Resolve {
            host: "redis".into()
        })
    );
    answer(&mut lookups, &[1]);
    assert_eq!(lookups.due(Some((now, secs(1))), None), Some(now + secs(1)));
}

#[test]
fn one_question_is_out_at_a_time_until_it_counts_as_lost() {
    let now = origin();
    let mut lookups = named();
    lookups.ask(now);
    assert_eq!(
        lookups.due(Some((now, secs(1))), None),
        Some(now + secs(10))
    );
    lookups.ask(now + secs(10));
    assert_eq!(
        lookups.due(Some((now, secs(1))), None),
        Some(now + secs(20))
    );
}

#[test]
fn a_search_that_is_to_last_lasts_that_long() {
    let now = origin();
    let mut lookups = named();
    lookups.search_until(now + secs(3));
    lookups.search_until(now + secs(2));
    let mut asked = 0;
    lookups.ask(now);
    answer(&mut lookups, &[1]);
    while let Some(at) = lookups.due(None, None) {
        lookups.ask(at);
        answer(&mut lookups, &[1]);
        asked += 1;
        assert!(asked < 10);
    }
    assert_eq!(asked, 3);
}

#[test]
fn a_redirect_is_confirmed_when_its_time_is_over_and_every_five_seconds() {
    let now = origin();
    let mut lookups = named();
    let binding = Some(now + secs(15));
    assert_eq!(lookups.due(None, binding), Some(now + secs(15)));
    lookups.ask(now + secs(15));
    answer(&mut lookups, &[1]);
    assert_eq!(lookups.due(None, binding), Some(now + secs(20)));
}

#[test]
fn a_check_asks_four_times_and_is_done() {
    let now = origin();
    let mut lookups = named();
    lookups.check_after(now, Some(8));
    for (n, delay) in [2, 5, 10, 20].into_iter().enumerate() {
        assert_eq!(lookups.due(None, None), Some(now + secs(delay)));
        lookups.ask(now + secs(delay));
        let checks = answer(&mut lookups, &[1, 2]).checks;
        assert_eq!(checks.len(), 1, "{n}");
        assert_eq!((checks[0].migrated_at, checks[0].seq), (now, Some(8)));
    }
    assert_eq!(lookups.due(None, None), None);
    lookups.ask(now + secs(30));
    assert!(answer(&mut lookups, &[1]).checks.is_empty());
}

#[test]
fn a_check_that_was_never_asked_for_is_not_decided() {
    let now = origin();
    let mut lookups = named();
    lookups.ask(now);
    lookups.check_after(now, Some(8));
    assert!(
        answer(&mut lookups, &[1]).checks.is_empty(),
        "asked before the event"
    );
}

#[test]
fn an_error_or_nothing_at_all_decides_nothing_but_passes_the_turn() {
    let now = origin();
    for nothing in [Err(()), Ok(vec![])] {
        let mut lookups = named();
        lookups.check_after(now, None);
        lookups.ask(now + secs(2));
        let answer = lookups.handle_answer("redis", nothing).unwrap();
        assert!(answer.addrs.is_empty() && answer.checks.is_empty() && !answer.news);
        assert_eq!(lookups.due(None, None), Some(now + secs(5)));
    }
}

#[test]
fn checks_are_few() {
    let now = origin();
    let mut lookups = named();
    for seq in 0..1000 {
        lookups.check_after(now, Some(seq));
    }
    assert_eq!(lookups.checks.len(), MOST_CHECKS);
}

#[test]
fn an_answer_has_the_configured_port_and_no_address_twice() {
    let mut lookups = named();
    let mapped = "::ffff:10.0.0.1".parse().unwrap();
    let found = lookups
        .handle_answer("redis", Ok(vec![ip(1), mapped, ip(2), ip(1)]))
        .unwrap();
    let expected = [1, 2].map(|n| SocketAddr::new(ip(n), 7000));
    assert_eq!(found.addrs, expected);
    assert!(lookups.handle_answer("other", Ok(vec![ip(1)])).is_none());
}

#[test]
fn what_was_ever_listed_is_remembered() {
    let mut lookups = named();
    assert!(answer(&mut lookups, &[1]).news);
    assert!(!lookups.several());
    assert!(!answer(&mut lookups, &[1]).news);
    assert!(answer(&mut lookups, &[1, 2]).news);
    assert!(lookups.several());
    assert!(!answer(&mut lookups, &[2]).news);
    assert!(lookups.was_listed(ip(1)) && lookups.was_listed(ip(2)) && !lookups.was_listed(ip(3)));
    assert!(
        lookups.several(),
        "it was once, so it is a name of that kind"
    );
    assert!(lookups.note_listed(ip(3)) && !lookups.note_listed(ip(3)));
}

#[test]
fn endless_answers_fit() {
    let mut lookups = named();
    for n in 0..=255 {
        answer(&mut lookups, &[n]);
    }
    assert_eq!(lookups.listed.len(), MOST_LISTED);
    assert!(lookups.was_listed(ip(255)) && !lookups.was_listed(ip(0)));
    let all: Vec<IpAddr> = (0..10_000_u16)
        .map(|n| {
            let [high, low] = n.to_be_bytes();
            IpAddr::from([10, 9, high, low])
        })
        .collect();
    let found = lookups.handle_answer("redis", Ok(all)).unwrap();
    assert_eq!(found.addrs.len(), MOST_LISTED);
}

#[test]
fn a_short_notice_is_asked_for_more_often() {
    let pace = |announced| Lookups::pace(Duration::from_millis(announced));
    let expected = [
        (0, 1000),
        (1, 100),
        (1500, 100),
        (3000, 200),
        (15_000, 1000),
    ];
    for (announced, every) in expected {
        assert_eq!(pace(announced), Duration::from_millis(every), "{announced}");
    }
    assert_eq!(Lookups::pace(Duration::MAX), secs(1));
}
