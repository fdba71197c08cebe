//! Endpoints as text.

use hitless::{BadEndpoint, Endpoint};
use std::path::PathBuf;

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::tcp(host, port)
}

#[test]
fn every_form_of_an_endpoint_is_read() {
    for (text, endpoint) in [
        ("localhost:6379", tcp("localhost", 6379)),
        (
            "redis-12000.cluster.example.com:12000",
            tcp("redis-12000.cluster.example.com", 12000),
        ),
        ("10.0.0.1:1", tcp("10.0.0.1", 1)),
        ("[::1]:65535", tcp("::1", 65535)),
        ("[2001:db8::1]:6379", tcp("2001:db8::1", 6379)),
        ("2001:db8::1:6379", tcp("2001:db8::1", 6379)),
        ("::1:6379", tcp("::1", 6379)),
        ("[fe80::1%eth0]:6379", tcp("fe80::1%eth0", 6379)),
        ("[::ffff:10.0.0.1]:6379", tcp("::ffff:10.0.0.1", 6379)),
        (
            "under_score-and.dot.:6379",
            tcp("under_score-and.dot.", 6379),
        ),
        (
            "/var/run/redis.sock",
            Endpoint::Unix(PathBuf::from("/var/run/redis.sock")),
        ),
        (
            "/tmp/with: colon",
            Endpoint::Unix(PathBuf::from("/tmp/with: colon")),
        ),
    ] {
        assert_eq!(text.parse(), Ok(endpoint), "{text}");
    }
}

#[test]
fn what_an_endpoint_prints_reads_back_as_the_same() {
    for endpoint in [
        tcp("localhost", 6379),
        tcp("::1", 1),
        tcp("fe80::1%eth0", 65535),
        tcp("2001:db8:0:0:0:0:0:1", 6379),
        Endpoint::Unix(PathBuf::from("/run/redis")),
    ] {
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
    }
}

#[test]
fn texts_that_are_no_endpoint_say_which_part_is_wrong() {
    let long = format!("{}:1", "h".repeat(254));
    for (text, reason) in [
        ("", BadEndpoint::Port),
        ("localhost", BadEndpoint::Port),
        ("localhost:", BadEndpoint::Port),
        ("localhost:0", BadEndpoint::Port),
        ("localhost:65536", BadEndpoint::Port),
        ("localhost:99999999999999999999", BadEndpoint::Port),
        ("localhost:+1", BadEndpoint::Port),
        ("localhost:-1", BadEndpoint::Port),
        ("localhost:01", BadEndpoint::Port),
        ("localhost: 1", BadEndpoint::Port),
        ("localhost:1 ", BadEndpoint::Port),
        ("localhost:6379x", BadEndpoint::Port),
        ("localhost:0x10", BadEndpoint::Port),
        ("localhost:٣", BadEndpoint::Port),
        ("[::1]", BadEndpoint::Host),
        ("[::1]x:1", BadEndpoint::Host),
        (":6379", BadEndpoint::Host),
        ("[]:6379", BadEndpoint::Host),
        ("?:6379", BadEndpoint::Host),
        ("null:6379", BadEndpoint::Host),
        ("a:b:6379", BadEndpoint::Host),
        ("[localhost]:6379", BadEndpoint::Host),
        ("[[::1]]:6379", BadEndpoint::Host),
        ("[::1:6379", BadEndpoint::Host),
        ("user@host:6379", BadEndpoint::Host),
        ("host/path:6379", BadEndpoint::Host),
        ("redis://host:6379", BadEndpoint::Host),
        ("host\\x:6379", BadEndpoint::Host),
        ("ho st:6379", BadEndpoint::Host),
        (" host:6379", BadEndpoint::Host),
        ("ho\tst:6379", BadEndpoint::Host),
        ("ho\0st:6379", BadEndpoint::Host),
        ("ho\r\nst:6379", BadEndpoint::Host),
        ("ho\u{7f}st:6379", BadEndpoint::Host),
        ("ho\u{85}st:6379", BadEndpoint::Host),
        ("ho\u{a0}st:6379", BadEndpoint::Host),
        ("host#x:6379", BadEndpoint::Host),
        ("host%20x:6379", BadEndpoint::Host),
        ("/var/run/\0", BadEndpoint::Host),
        (long.as_str(), BadEndpoint::Host),
    ] {
        assert_eq!(text.parse::<Endpoint>(), Err(reason), "{text:?}");
    }
}

#[test]
fn a_host_of_253_bytes_is_the_longest() {
    let host = "h".repeat(253);
    assert_eq!(format!("{host}:1").parse(), Ok(tcp(&host, 1)));
    assert_eq!(
        format!("{host}h:1").parse::<Endpoint>(),
        Err(BadEndpoint::Host)
    );
    assert_eq!(
        Endpoint::from_notification(&host, 1),
        Ok(Some(tcp(&host, 1)))
    );
    assert_eq!(
        Endpoint::from_notification(&format!("{host}h"), 1),
        Err(BadEndpoint::Host)
    );
}

#[test]
fn a_notification_may_leave_the_place_open() {
    for text in ["", "?", "null", "NULL", "Null"] {
        assert_eq!(
            Endpoint::from_notification(text, 6379),
            Ok(None),
            "{text:?}"
        );
    }
}

#[test]
fn a_notification_without_a_port_means_the_current_one() {
    for (text, host) in [
        ("node1.example.com", "node1.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
        ("2001:db8::", "2001:db8::"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:1"),
    ] {
        let target = Endpoint::from_notification(text, 12000);
        assert_eq!(target, Ok(Some(tcp(host, 12000))), "{text}");
    }
    assert_eq!(
        Endpoint::from_notification("host", 0),
        Err(BadEndpoint::Port)
    );
}

#[test]
fn a_notification_with_a_port_means_that_one() {
    for (text, endpoint) in [
        ("54.78.247.156:12075", tcp("54.78.247.156", 12075)),
        ("node2.example.com:1", tcp("node2.example.com", 1)),
        ("[2001:db8::1]:6380", tcp("2001:db8::1", 6380)),
        ("2001:db8::1:6380", tcp("2001:db8::1", 6380)),
    ] {
        assert_eq!(
            Endpoint::from_notification(text, 12000),
            Ok(Some(endpoint)),
            "{text}"
        );
    }
}

#[test]
fn a_hostile_notification_is_refused() {
    for text in [
        "/var/run/redis.sock",
        "http://169.254.169.254/latest",
        "host:0",
        "host:65536",
        "host:70000",
        "host:6379/0",
        "evil@host:6379",
        "host :6379",
        "host\n:6379",
        "?:6379",
        ":6379",
        "null:6379",
        "\0",
        " ",
        "a b",
        "[::1",
        "::1]",
        "[]",
        "[host]",
        "host:",
        ":",
    ] {
        assert!(Endpoint::from_notification(text, 6379).is_err(), "{text:?}");
    }
}

#[test]
fn reasons_hold_nothing_of_the_text() {
    let reason = "canary canary:1".parse::<Endpoint>().unwrap_err();
    assert!(!format!("{reason} {reason:?}").contains("canary"));
    let reason = "host:canary".parse::<Endpoint>().unwrap_err();
    assert!(!format!("{reason} {reason:?}").contains("canary"));
}

#[test]
fn a_host_written_as_an_address_is_known_as_one() {
    assert!(
        tcp("10.0.0.1", 1)
            .literal_ip()
            .is_some_and(|ip| ip.is_ipv4())
    );
    assert!(
        tcp("::1", 1)
            .literal_ip()
            .is_some_and(|ip| ip.is_loopback())
    );
    assert_eq!(tcp("localhost", 1).literal_ip(), None);
    assert_eq!(Endpoint::Unix(PathBuf::from("/x")).literal_ip(), None);
}
