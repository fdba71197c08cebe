//! What users get wrong.

use hitless::{Client, ErrorKind, MaintenanceOptions, Mode, Options, Protocol};
use std::time::Duration;

#[test]
fn what_cannot_be_read_is_refused_by_name_and_without_its_secrets() {
    let urls = [
        ("127.0.0.1", "address"),
        ("c4n4ry@", "address"),
        ("http://u:c4n4ry@h", "redis://"),
        ("://c4n4ry", "redis://"),
        ("redis://u:c4n4ry@h:port", "port"),
        ("redis://u:c4n4ry@h:99999", "port"),
        ("redis://u:c4n4ry@[::1", "host"),
        ("redis://u:c4n4ry@h/zero", "database"),
        ("redis://u:c4n4ry@h/-1", "database"),
        ("redis://u:c4n4ry@h#x", "fragment"),
        ("redis://u:c4n4ry#x@h", "fragment"),
        ("redis://u:%c4n4ry%ff@h", "password"),
        ("redis://u%ff:c4n4ry@h", "username"),
        ("redis://u:c4n4ry@h?c4n4ry", "="),
        ("redis://u:c4n4ry@h?no_such=1", "no_such"),
        ("redis://u:12?c4n4ry=1@h", "%3F"),
        ("redis://u:c4n%34ry@h?pool_size=many", "pool_size"),
        ("redis://u:c4n%34ry@h?db=c4n4ry", "db"),
        ("redis://u:c4n4ry@h?command_timeout=5", "command_timeout"),
        ("redis://u:c4n4ry@h?command_timeout=5h", "command_timeout"),
        ("redis://u:c4n4ry@h?connect_timeout=ms", "connect_timeout"),
        (
            "redis://u:c4n4ry@h?checkout_timeout=-5s",
            "checkout_timeout",
        ),
        ("redis://u:c4n4ry@h?connect_retries=-1", "connect_retries"),
        ("redis://u:c4n4ry@h?protocol=4", "protocol"),
        ("redis://u:c4n4ry@h?maintenance=c4n4ry", "maintenance"),
        ("redis://u:c4n4ry@h?endpoint_type=c4n4ry", "endpoint_type"),
        ("redis://u:c4n4ry@h?handoffs=c4n4ry", "handoffs"),
        ("unix://c4n4ry", "path"),
    ];
    for (url, names) in urls {
        let error = Options::new(url).unwrap_err();
        refused_without_secrets(url, &error, names);
    }
}

#[track_caller]
fn refused_without_secrets(what: &str, error: &hitless::Error, names: &str) {
    assert_eq!(*error.kind(), ErrorKind::Config, "{what}");
    let text = error.to_string();
    assert!(text.contains(names), "{what}: {text}");
    for shown in [text, format!("{error:?}"), format!("{error:#?}")] {
        assert!(
            !shown.contains("c4n4ry") && !shown.contains("c4n%34ry"),
            "{what}: {shown}"
        );
    }
}

#[test]
fn what_cannot_work_is_refused_by_name_and_without_its_secrets() {
    let plain = || Options::new("redis://u:c4n%34ry@127.0.0.1:1").unwrap();
    let maintenance = MaintenanceOptions::new;
    let enabled = maintenance().mode(Mode::Enabled);
    let cases: Vec<(Options, &str)> = vec![
        (
            Options::new("127.0.0.1:1").unwrap().username("u"),
            "username",
        ),
        (plain().pool_size(0), "pool_size"),
        (plain().pool_size(5_000), "pool_size"),
        (plain().connect_timeout(Duration::ZERO), "connect_timeout"),
        (plain().command_timeout(Duration::ZERO), "command_timeout"),
        (plain().client_name("two words"), "client_name"),
        (plain().client_name("line\nbreak"), "client_name"),
        (plain().library_name("two words"), "library_name"),
        (
            plain().protocol(Protocol::Resp2).maintenance(enabled),
            "RESP3",
        ),
        (
            plain().maintenance(maintenance().handoff_timeout(Duration::ZERO)),
            "handoff_timeout",
        ),
        (
            plain().maintenance(maintenance().max_workers(5_000)),
            "max_workers",
        ),
        (
            Options::new("unix:///tmp/socket")
                .unwrap()
                .tls(hitless::TlsOptions::default()),
            "tls",
        ),
    ];
    for (options, names) in cases {
        let shown = format!("{options:?}");
        assert!(!shown.contains("c4n4ry"), "{shown}");
        refused_without_secrets(&shown, &Client::lazy(options.clone()).unwrap_err(), names);
        refused_without_secrets(&shown, &Client::connect(options).unwrap_err(), names);
    }
}

#[test]
fn a_token_given_as_the_user_name_is_printed_nowhere() {
    let options = Options::new("redis://c4n4ry:c4n4ry@127.0.0.1:1").unwrap();
    let shown = format!(
        "{options:?} {options:#?} {:?}",
        options.clone().username("c4n4ry")
    );
    assert!(!shown.contains("c4n4ry"), "{shown}");
    // Whether there is one can be seen.
    assert!(shown.contains("[redacted]"), "{shown}");
}
