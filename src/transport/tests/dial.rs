use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::options::{TcpOptions, TlsOptions};
use crate::protocol::Endpoint;
use crate::transport::dial::{Dialed, Dialer, Route};
use crate::transport::error::{DialError, DialErrorKind, DialPhase};
use crate::transport::race;

static WANTED: AtomicBool = AtomicBool::new(false);

fn dialer(addresses: &[IpAddr]) -> Dialer {
    Dialer::new(TcpOptions::default(), None, Arc::new(Fixed::new(addresses))).unwrap()
}

fn dial(dialer: &Dialer, port: u16, route: &Route) -> Result<Dialed, DialError> {
    dialer.dial(
        &Endpoint::tcp("redis.test", port),
        "redis.test",
        route,
        soon(),
        &WANTED,
    )
}

fn at(last: u8, port: u16) -> SocketAddr {
    SocketAddr::new(local(last), port)
}

#[test]
fn a_dead_or_refusing_address_before_a_live_one_is_passed_over() {
    let (live, port) = listen_on(&[12]);
    let _hole = BlackHole::at(at(11, port));
    for dead in [11, 13] {
        let dialed = dial(&dialer(&[local(dead), local(12)]), port, &Route::default()).unwrap();
        assert_eq!(dialed.peer, Some(at(12, port)));
        assert_eq!(dialed.wire.peer(), dialed.peer);
        assert!(!dialed.tls);
        live[0].accept().unwrap();
    }
}

#[test]
fn a_refusal_by_all_addresses_names_the_first() {
    let (listener, port) = listen_on(&[15]);
    drop(listener);
    let dialer = dialer(&[local(15), local(16)]);
    let error = dial(&dialer, port, &Route::default()).unwrap_err();
    assert_eq!(error.kind(), DialErrorKind::Refused);
    assert_eq!(error.address(), Some(at(15, port)));
    assert_eq!(
        error.to_string(),
        format!("connection refused (127.0.0.15:{port})")
    );
}

#[test]
fn a_dial_into_nothing_ends_at_its_deadline() {
    let hole = BlackHole::at(at(17, 0));
    let port = hole.port;
    let dialer = dialer(&[local(17)]);
    // No name, as on a busy machine a resolver may not answer within the limit.
    let to = Endpoint::tcp("127.0.0.17", port);
    let limit = Duration::from_millis(200);
    takes_at_most(limit + Duration::from_millis(100), || {
        let (outcome, took) = timed(|| {
            dialer.dial(
                &to,
                "redis.test",
                &Route::default(),
                clock::now() + limit,
                &WANTED,
            )
        });
        let kind = outcome.unwrap_err().kind();
        assert_eq!(kind, DialErrorKind::TimedOut(DialPhase::Connect));
        assert!(took >= limit, "{took:?}");
        took
    });
}

/// How many connects to this port are on their way. The system's table is no snapshot: while one connect is
/// closed for another, both may be in it.
#[cfg(target_os = "linux")]
fn on_their_way(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let suffix = format!(":{port:04X}");
    let is_ours = |line: &&str| {
        let mut words = line.split_whitespace().skip(2);
        let remote = words.next().is_some_and(|word| word.ends_with(&suffix));
        remote && words.next() == Some("02")
    };
    table.lines().filter(is_ours).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_lost_syn_is_followed_by_fresh_attempts_and_the_losers_are_closed() {
    let hole = BlackHole::at(at(18, 0));
    let port = hole.port;
    let dialing = start(move || dial(&dialer(&[local(18)]), port, &Route::default()));
    // Never more, which the tests of the plan show.
    eventually("three attempts are alive", || on_their_way(port) == 3);
    // The queue has room again.
    let accepted = hole.open();
    let dialed = end(&dialing).unwrap();
    assert_eq!(dialed.peer, Some(at(18, port)));
    assert_eq!(on_their_way(port), 0, "a loser is alive");
    drop(accepted);
}

#[test]
fn a_cancelled_dial_into_nothing_ends_within_200_ms() {
    let hole = BlackHole::at(at(1, 0));
    let port = hole.port;
    takes_at_most(Duration::from_millis(200), || {
        let (resolver, questions, permit) = Gated::new();
        drop(permit);
        let cancel = Arc::new(AtomicBool::new(false));
        let dialing = {
            let cancel = Arc::clone(&cancel);
            start(move || {
                let tcp = TcpOptions::default();
                let dialer = Dialer::new(tcp, None, Arc::new(resolver)).unwrap();
                dialer.dial(
                    &Endpoint::tcp("redis.test", port),
                    "redis.test",
                    &Route::default(),
                    soon(),
                    &cancel,
                )
            })
        };
        end(&questions);
        cancel.store(true, Ordering::Relaxed);
        let (outcome, took) = timed(|| end(&dialing));
        assert_eq!(outcome.unwrap_err().kind(), DialErrorKind::Cancelled);
        took
    });
}

#[test]
fn a_dial_with_a_resolver_that_hangs_ends_at_its_deadline() {
    let (resolver, _questions, _permit) = Gated::new();
    let dialer = Dialer::new(TcpOptions::default(), None, Arc::new(resolver)).unwrap();
    let limit = Duration::from_millis(120);
    let (outcome, took) = timed(|| {
        let to = Endpoint::tcp("redis.test", 1);
        dialer.dial(
            &to,
            "redis.test",
            &Route::default(),
            clock::now() + limit,
            &WANTED,
        )
    });
    let kind = outcome.unwrap_err().kind();
    assert_eq!(kind, DialErrorKind::TimedOut(DialPhase::Resolve));
    assert!(took >= limit && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_name_without_addresses_is_not_resolved() {
    let error = dial(&dialer(&[]), 1, &Route::default()).unwrap_err();
    assert_eq!(error.kind(), DialErrorKind::Resolve);
}

#[test]
fn an_address_to_avoid_is_taken_only_if_nothing_else_answers() {
    let (mut live, port) = listen_on(&[21, 22]);
    let dialer = dialer(&[local(21), local(22)]);
    let route = Route {
        avoid: vec![at(21, port)],
        ..Route::default()
    };
    assert_eq!(
        dial(&dialer, port, &route).unwrap().peer,
        Some(at(22, port))
    );
    drop(live.pop());
    assert_eq!(
        dial(&dialer, port, &route).unwrap().peer,
        Some(at(21, port))
    );
}

#[test]
fn an_address_to_avoid_is_taken_after_half_of_the_time() {
    let (_live, port) = listen_on(&[24]);
    let _hole = BlackHole::at(at(23, port));
    let dialer = dialer(&[local(23), local(24)]);
    let route = Route {
        avoid: vec![at(24, port)],
        ..Route::default()
    };
    // The first limit of which a busy machine does not miss the second half will do.
    let dials = |limit: Duration| {
        let (dialed, took) = timed(|| {
            let to = Endpoint::tcp("redis.test", port);
            dialer.dial(&to, "redis.test", &route, clock::now() + limit, &WANTED)
        });
        assert!(took >= limit / 2, "{took:?}");
        let peer = dialed.ok().map(|dialed| dialed.peer);
        assert!(
            peer.is_none_or(|peer| peer == Some(at(24, port))),
            "{peer:?}"
        );
        peer.is_some()
    };
    let limits = [600, 2_000, 10_000].map(Duration::from_millis);
    assert!(limits.into_iter().any(dials));
}

#[test]
fn an_address_ruled_out_is_never_taken() {
    let (_live, port) = listen_on(&[25]);
    let dialer = dialer(&[local(25)]);
    let route = Route {
        avoid: vec![at(25, port)],
        never: vec![at(25, port)],
    };
    assert_eq!(
        dial(&dialer, port, &route).unwrap_err().kind(),
        DialErrorKind::Excluded
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_connected_with_itself_is_a_refusal() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&at(34, 0).into()).unwrap();
    socket.connect(&socket.local_addr().unwrap()).unwrap();
    let error = race::outcome(&socket).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn options_are_set_on_the_socket() {
    let (_live, port) = listen_on(&[28]);
    let options = TcpOptions::default()
        .keepalive_idle(Duration::from_millis(6500))
        .keepalive_interval(Duration::from_secs(2))
        .keepalive_probes(4)
        .local_address(local(29))
        .receive_buffer(16 << 10)
        .user_timeout(Duration::from_millis(1500));
    let first = vec![at(28, port)];
    let socket = race::connect(&options, first, Vec::new(), soon(), &WANTED).unwrap();
    race::tune(&socket, &options).unwrap();
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
    assert_eq!(
        socket.tcp_keepalive_interval().unwrap(),
        Duration::from_secs(2)
    );
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    assert_eq!(
        socket.local_addr().unwrap().as_socket().unwrap().ip(),
        local(29)
    );
    assert!(socket.recv_buffer_size().unwrap() <= 32 << 10);
    #[cfg(target_os = "linux")]
    assert_eq!(
        socket.tcp_user_timeout().unwrap(),
        Some(Duration::from_millis(1500))
    );
}

#[test]
fn extreme_options_are_cut_to_what_the_system_takes() {
    let (_live, port) = listen_on(&[30]);
    let options = TcpOptions::default()
        .keepalive_idle(Duration::MAX)
        .keepalive_interval(Duration::MAX)
        .keepalive_probes(u32::MAX)
        .user_timeout(Duration::MAX);
    let dialer = Dialer::new(options, None, Arc::new(Fixed::new(&[local(30)]))).unwrap();
    dial(&dialer, port, &Route::default()).unwrap();
    let options = TcpOptions::default()
        .keepalive_idle(Duration::from_nanos(1))
        .keepalive_interval(Duration::ZERO)
        .keepalive_probes(0)
        .user_timeout(Duration::from_nanos(1));
    let dialer = Dialer::new(options, None, Arc::new(Fixed::new(&[local(30)]))).unwrap();
    dial(&dialer, port, &Route::default()).unwrap();
}

#[test]
fn a_local_address_that_cannot_be_used_is_told() {
    let (_live, port) = listen_on(&[31]);
    let from = |address: &str| {
        let local_address: IpAddr = address.parse().unwrap();
        let options = TcpOptions::default().local_address(local_address);
        let dialer = Dialer::new(options, None, Arc::new(Fixed::new(&[local(31)]))).unwrap();
        dial(&dialer, port, &Route::default()).unwrap_err().kind()
    };
    assert_eq!(from("192.0.2.1"), DialErrorKind::Config);
    assert_eq!(from("::1"), DialErrorKind::Unreachable);
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_options_without_the_feature_are_refused() {
    let tls = Some(TlsOptions::default());
    let error = Dialer::new(TcpOptions::default(), tls, Arc::new(Fixed::default())).unwrap_err();
    assert_eq!(error.kind(), DialErrorKind::Config);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use super::*;

    /// A path in the temporary directory, removed when the test is over.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("hitless-{name}-{}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        fn endpoint(&self) -> Endpoint {
            Endpoint::Unix(self.0.clone())
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn dial(to: &Endpoint, limit: Duration) -> Result<Dialed, DialError> {
        dialer(&[]).dial(to, "", &Route::default(), clock::now() + limit, &WANTED)
    }

    #[test]
    fn a_unix_socket_is_dialed_by_its_path() {
        let place = Place::new("dial");
        let _listener = UnixListener::bind(&place.0).unwrap();
        let dialed = dial(&place.endpoint(), PATIENCE).unwrap();
        assert_eq!(dialed.peer, None);
        assert_eq!(dialed.wire.try_write(b"x").unwrap(), 1);
    }

    #[test]
    fn a_unix_socket_without_a_listener_says_why() {
        let place = Place::new("nobody");
        let kind = || dial(&place.endpoint(), PATIENCE).unwrap_err().kind();
        assert_eq!(kind(), DialErrorKind::Unreachable);
        drop(UnixListener::bind(&place.0).unwrap());
        assert_eq!(kind(), DialErrorKind::Refused);
        let long = Endpoint::Unix("x".repeat(200).into());
        assert_eq!(
            dial(&long, PATIENCE).unwrap_err().kind(),
            DialErrorKind::Config
        );
    }

    /// A listener whose queue has no place left, and what fills it.
    fn full(place: &Place) -> (socket2::Socket, Vec<Dialed>) {
        let listener =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        listener
            .bind(&socket2::SockAddr::unix(&place.0).unwrap())
            .unwrap();
        listener.listen(0).unwrap();
        let mut queued = Vec::new();
        while let Ok(dialed) = dial(&place.endpoint(), Duration::from_millis(50)) {
            queued.push(dialed);
        }
        (listener, queued)
    }

    #[test]
    fn a_full_unix_queue_is_waited_for_until_the_deadline() {
        let place = Place::new("full");
        let (listener, _queued) = full(&place);
        let limit = Duration::from_millis(120);
        let (outcome, took) = timed(|| dial(&place.endpoint(), limit));
        let kind = outcome.unwrap_err().kind();
        assert_eq!(kind, DialErrorKind::TimedOut(DialPhase::Connect));
        assert!(took >= limit && took < Duration::from_secs(10), "{took:?}");
        listener.accept().unwrap();
        dial(&place.endpoint(), PATIENCE).unwrap();
    }

    #[test]
    fn a_cancelled_dial_to_a_full_unix_queue_ends() {
        let place = Place::new("cancel");
        let (_listener, _queued) = full(&place);
        let cancel = Arc::new(AtomicBool::new(false));
        let (dialing, to) = (Arc::clone(&cancel), place.endpoint());
        let dialing = start(move || dialer(&[]).dial(&to, "", &Route::default(), soon(), &dialing));
        cancel.store(true, Ordering::Relaxed);
        assert_eq!(end(&dialing).unwrap_err().kind(), DialErrorKind::Cancelled);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_over_a_unix_socket_is_refused() {
        let tls = Some(TlsOptions::default());
        let dialer = Dialer::new(TcpOptions::default(), tls, Arc::new(Fixed::default())).unwrap();
        let to = Endpoint::Unix("/nowhere".into());
        let error = dialer
            .dial(&to, "x", &Route::default(), soon(), &WANTED)
            .unwrap_err();
        assert_eq!(error.kind(), DialErrorKind::Config);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn running_out_of_descriptors_is_told_and_loses_none() {
    if !is_alone(
        "running_out_of_descriptors_is_told_and_loses_none",
        "ulimit -n 64",
    ) {
        return;
    }
    let (_live, port) = listen_on(&[33]);
    let hole = BlackHole::at(at(32, port));
    let dialer = dialer(&[local(32), local(33)]);
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    drop(dial(&dialer, port, &Route::default()).unwrap());
    assert_eq!(open(), before, "the loser or the winner was left open");
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let error = dialer
        .dial(
            &Endpoint::tcp("127.0.0.33", port),
            "",
            &Route::default(),
            soon(),
            &WANTED,
        )
        .unwrap_err();
    assert_eq!(error.kind(), DialErrorKind::Exhausted);
    hoard.pop();
    let to = Endpoint::tcp("127.0.0.33", port);
    drop(
        dialer
            .dial(&to, "", &Route::default(), soon(), &WANTED)
            .unwrap(),
    );
    hoard.clear();
    assert_eq!(open(), before);
    drop(hole);
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_that_was_not_built_in_names_the_feature() {
    let tls = Some(TlsOptions::default());
    let error = Dialer::new(TcpOptions::default(), tls, Arc::new(Fixed::default())).unwrap_err();
    assert_eq!(error.kind(), DialErrorKind::Config);
    let text = error.to_string();
    assert!(
        text.contains("rediss://") && text.contains("feature `tls`"),
        "{text}"
    );
}
