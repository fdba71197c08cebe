//! One URL of each form, and what it comes to.

use super::*;

fn read(url: &str) -> Options {
    parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn refusal(url: &str) -> String {
    parse(url).expect_err(url).to_string()
}

/// User and password, as they would be sent.
fn login(options: &Options) -> (Option<&str>, Option<&[u8]>) {
    let password = options.password.as_ref().map(|password| password.expose());
    (options.username.as_deref(), password)
}

#[test]
fn the_schemes_of_valkey_are_those_of_redis() {
    for (scheme, encrypted) in [
        ("redis", false),
        ("valkey", false),
        ("rediss", true),
        ("valkeys", true),
    ] {
        let options = read(&format!("{scheme}://user:pass@cache.example:7000/3"));
        assert_eq!(options.endpoint, Endpoint::tcp("cache.example", 7000));
        assert_eq!(login(&options), (Some("user"), Some(&b"pass"[..])));
        assert_eq!((options.database, options.tls.is_some()), (3, encrypted));
    }
}

#[test]
fn a_unix_socket_can_log_in() {
    let options = read("unix://us%40er:p%2Fss@/run/re%20dis.sock?db=2");
    assert_eq!(options.endpoint, Endpoint::Unix("/run/re dis.sock".into()));
    assert_eq!(login(&options), (Some("us@er"), Some(&b"p/ss"[..])));
    assert_eq!(options.database, 2);
    let options = read("unix:///run/redis@home.sock");
    assert_eq!(
        options.endpoint,
        Endpoint::Unix("/run/redis@home.sock".into())
    );
    assert_eq!(login(&options), (None, None));
    assert_eq!(
        login(&read("unix://:pass@/run/s")),
        (None, Some(&b"pass"[..]))
    );
    for bad in [
        "unix://",
        "unix://host/run/s",
        "unix://user:pass@",
        "unix://run",
    ] {
        assert!(refusal(bad).contains("absolute path"), "{bad}");
    }
    assert!(refusal("unix:///run/%00").contains("zero byte"));
}

#[test]
fn a_host_is_decoded_by_itself() {
    for (url, host, port) in [
        ("redis://cache%2Dtwo.example:1", "cache-two.example", 1),
        ("redis://[fe80::1%25eth0]:7000", "fe80::1%eth0", 7000),
        ("redis://[fe80::1%25eth0]", "fe80::1%eth0", 6379),
        ("redis://[::1]/0", "::1", 6379),
        ("redis://", "127.0.0.1", 6379),
        ("redis://:pass@", "127.0.0.1", 6379),
    ] {
        assert_eq!(read(url).endpoint, Endpoint::tcp(host, port), "{url}");
    }
    for bad in [
        "redis://%2Frun%2Fredis.sock",
        "redis://a%2Fb",
        "redis://a%40b",
        "redis://a%00",
        "redis://[fe80::1%25eth0",
        "redis://[]",
        "redis://h:",
        "redis://h:+1",
        "redis://[::1]x:1",
    ] {
        assert!(refusal(bad).contains("host or port"), "{bad}");
    }
    assert!(refusal("redis://a%ff").contains("not UTF-8"));
}

#[test]
fn the_library_name_and_the_options_of_tls_stand_in_a_url() {
    let options = read(
        "rediss://h?library_name=mine&tls_ca_file=/etc/ca.pem&tls_server_name=redis.example\
         &tls_min_version=1.3&tls_cert_file=/etc/cert.pem&tls_key_file=/etc/key.pem",
    );
    assert_eq!(options.library_name.as_deref(), Some("mine"));
    let files = |chain: &str, key: &str| TlsOptions::default().identity_files(chain, key);
    let expected = files("/etc/cert.pem", "/etc/key.pem")
        .ca_file("/etc/ca.pem")
        .server_name("redis.example")
        .min_version(TlsVersion::Tls13);
    assert_eq!(options.tls, Some(expected));
    // In either order, and from one file that holds both.
    for (query, chain, key) in [
        ("tls_key_file=/k&tls_cert_file=/c", "/c", "/k"),
        ("tls_cert_file=/both", "/both", "/both"),
        ("tls_key_file=/both", "/both", "/both"),
    ] {
        let options = read(&format!("valkeys://h?{query}"));
        assert_eq!(options.tls, Some(files(chain, key)), "{query}");
    }
    for url in [
        "redis://h?tls_ca_file=/etc/ca.pem",
        "unix:///s?tls_server_name=x",
    ] {
        assert!(refusal(url).contains("rediss://"), "{url}");
    }
    assert!(refusal("rediss://h?tls_min_version=1.1").contains("1.2 or 1.3"));
}

#[test]
fn an_option_that_does_not_exist_is_named_with_those_that_do() {
    let text = refusal("redis://user:pass@h?timeout=5s");
    assert!(
        text.contains("timeout: there are checkout_timeout, "),
        "{text}"
    );
    for name in NAMES {
        let refused = parse(&format!("rediss://h?{name}=\u{1}"));
        let text = refused.err().map(|error| error.to_string());
        assert!(
            text.is_none_or(|text| !text.contains("does not exist")),
            "{name}"
        );
    }
}

#[test]
fn what_may_be_a_part_of_a_password_is_not_named() {
    for url in [
        // An unescaped question mark in a password of digits.
        "redis://user:123?s3cret=x@h",
        "redis://h?s3cret%21=1",
        "redis://h?s3cret s3cret=1",
        "redis://h?s3crets3crets3crets3crets3crets3crets3crets3crets3cret=1",
    ] {
        let text = refusal(url);
        assert!(text.contains("%3F") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn every_option_that_is_read_has_its_name_in_the_list() {
    // An arm without its name would never be reached.
    let source = include_str!("../url.rs");
    let (_, set) = source.split_once("fn set(").unwrap();
    let (set, _) = set.split_once("\n}\n").unwrap();
    let arms = set.lines().filter(|line| line.starts_with("        \""));
    let names = arms.flat_map(|line| {
        let pattern = line
            .split(" =>")
            .next()
            .unwrap()
            .split(" if ")
            .next()
            .unwrap();
        pattern.split('"').skip(1).step_by(2)
    });
    let missing: Vec<&str> = names.filter(|name| !NAMES.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let options =
        parse("redis://h?max_active_connections=4&pool_size=8&min_connections=4").unwrap();
    let error = options.check().unwrap_err().to_string();
    assert!(
        error.starts_with("min_connections must be at most 3: max_active_connections"),
        "{error}"
    );
    assert!(options.min_connections(3).check().is_ok());
    let options = parse("redis://h?max_active_connections=20").unwrap();
    assert_eq!(options.max_active_connections, Some(20));
}
