use super::*;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn announced_seconds_lie_between_nothing_and_an_hour() {
    for (seconds, expected) in [
        (i64::MIN, 0),
        (-1, 0),
        (0, 0),
        (1, 1),
        (15, 15),
        (3600, 3600),
        (3601, 3600),
        (i64::MAX, 3600),
    ] {
        assert_eq!(
            announced(seconds),
            Duration::from_secs(expected),
            "{seconds}"
        );
    }
}

#[test]
fn no_duration_overflows_the_clock() {
    let now = origin();
    assert_eq!(later(now, Duration::ZERO), now);
    assert_eq!(
        later(now, Duration::from_secs(5)),
        now + Duration::from_secs(5)
    );
    let far = later(now, Duration::MAX);
    assert!(far > now + Duration::from_secs(3_000_000_000), "{far:?}");
    let mut further = far;
    for _ in 0..100_000 {
        let next = later(further, Duration::MAX);
        assert!(next >= further);
        if next == further {
            return;
        }
        further = next;
    }
}

#[test]
fn an_address_has_one_spelling() {
    for (written, meant) in [
        ("10.0.0.1:6379", "10.0.0.1:6379"),
        ("[::ffff:10.0.0.1]:6379", "10.0.0.1:6379"),
        ("[2001:db8::1]:6379", "[2001:db8::1]:6379"),
        ("[::1]:1", "[::1]:1"),
    ] {
        assert_eq!(canonical(at(written)), at(meant), "{written}");
    }
    let scoped = SocketAddr::V6(std::net::SocketAddrV6::new(
        "fe80::1".parse().unwrap(),
        1,
        7,
        3,
    ));
    assert_eq!(
        canonical(scoped),
        at("[fe80::1]:1"),
        "flow and zone are no part of it"
    );
}

#[test]
fn an_endpoint_is_at_an_address_only_if_it_is_written_as_that() {
    for (host, port, addr, expected) in [
        ("10.0.0.1", 6379, "10.0.0.1:6379", true),
        ("10.0.0.1", 6379, "[::ffff:10.0.0.1]:6379", true),
        ("::ffff:10.0.0.1", 6379, "10.0.0.1:6379", true),
        ("2001:db8::1", 6379, "[2001:db8::1]:6379", true),
        ("2001:DB8:0::1", 6379, "[2001:db8::1]:6379", true),
        ("10.0.0.1", 6380, "10.0.0.1:6379", false),
        ("10.0.0.2", 6379, "10.0.0.1:6379", false),
        ("localhost", 6379, "127.0.0.1:6379", false),
        ("", 6379, "127.0.0.1:6379", false),
    ] {
        assert_eq!(
            is_at(&Endpoint::tcp(host, port), at(addr)),
            expected,
            "{host} {addr}"
        );
    }
    assert!(!is_at(
        &Endpoint::Unix("/run/redis".into()),
        at("127.0.0.1:6379")
    ));
}

#[test]
fn an_address_as_an_endpoint_is_at_that_address() {
    for text in [
        "10.0.0.1:6379",
        "[2001:db8::1]:7000",
        "[::ffff:10.0.0.1]:6379",
    ] {
        assert!(is_at(&endpoint_of(at(text)), at(text)), "{text}");
    }
}
