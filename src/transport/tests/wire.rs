use std::sync::{Arc, Barrier};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::transport::plain::Plain;
use crate::transport::wire::{TICK, Wire};

type Pair = (Arc<dyn Wire>, Arc<dyn Wire>);

/// Two ends of a TCP connection.
pub(super) fn connected(small: bool) -> (Socket, Socket) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if small {
        for socket in [&listener, &client] {
            socket.set_send_buffer_size(16 << 10).unwrap();
            socket.set_recv_buffer_size(16 << 10).unwrap();
        }
    }
    listener.bind(&SocketAddr::new(local(1), 0).into()).unwrap();
    listener.listen(1).unwrap();
    client.connect(&listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for socket in [&server, &client] {
        socket.set_tcp_nodelay(true).unwrap();
    }
    (client, server)
}

/// Both ends of a connection of every kind there is.
fn pairs(small: bool) -> Vec<(&'static str, Pair)> {
    let plain = |(client, server)| -> Pair {
        (
            Arc::new(Plain::new(client).unwrap()),
            Arc::new(Plain::new(server).unwrap()),
        )
    };
    vec![
        ("tcp", plain(connected(small))),
        #[cfg(unix)]
        (
            "unix",
            plain(Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap()),
        ),
        #[cfg(feature = "sim-tls")]
        ("tls", tls::encrypted(connected(small))),
    ]
}

fn is_not_yet<T: std::fmt::Debug>(outcome: io::Result<T>) -> bool {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
        other => panic!("{other:?}"),
    }
}

fn read_all(wire: &dyn Wire, buf: &mut [u8]) {
    let mut filled = 0;
    while filled < buf.len() {
        match wire.read(&mut buf[filled..], PATIENCE) {
            Ok(0) => panic!("ended after {filled} of {} bytes", buf.len()),
            Ok(count) => filled += count,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

fn write_all(wire: &dyn Wire, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match wire.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                wire.wait_writable(PATIENCE).unwrap();
            }
        }
    }
}

/// Writes until there is no room. Returns how many bytes were taken.
fn fill(wire: &dyn Wire) -> usize {
    let bytes = [7; 32 << 10];
    let mut taken = 0;
    loop {
        match wire.try_write(&bytes) {
            Ok(count) => taken += count,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                return taken;
            }
        }
    }
}

#[test]
fn bytes_arrive_and_then_the_end() {
    for (kind, (client, server)) in pairs(false) {
        write_all(&*client, b"hello");
        let mut buf = [0; 5];
        read_all(&*server, &mut buf);
        assert_eq!(&buf, b"hello", "{kind}");
        write_all(&*server, b"world");
        drop(server);
        read_all(&*client, &mut buf);
        assert_eq!(&buf, b"world", "{kind}");
        client.wait_readable().unwrap();
        assert_eq!(client.try_read(&mut buf).unwrap(), 0, "{kind}");
        assert_eq!(client.read(&mut buf, PATIENCE).unwrap(), 0, "{kind}");
        assert_eq!(client.read(&mut buf, Duration::ZERO).unwrap(), 0, "{kind}");
    }
}

/// Bytes that differ, so that a gap or a repetition shows.
fn numbered(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

#[test]
fn bytes_are_appended_in_the_room_there_is_and_no_further() {
    let sent = numbered(300_000);
    for (kind, (client, server)) in pairs(false) {
        let mut bytes = Vec::with_capacity(sent.len() - 1);
        bytes.push(sent[0]);
        let (capacity, place) = (bytes.capacity(), bytes.as_ptr());
        for patience in [None, Some(Duration::ZERO)] {
            assert!(is_not_yet(server.append_to(&mut bytes, patience)), "{kind}");
            assert_eq!(bytes, sent[..1], "{kind}");
        }
        let writer = {
            let sent = sent.clone();
            crate::sync::spawn("test".to_owned(), move || write_all(&*client, &sent[1..])).unwrap()
        };
        let mut is_patient = true;
        while bytes.len() < capacity {
            let before = bytes.len();
            // Both ways in turn.
            is_patient = !is_patient;
            match server.append_to(&mut bytes, is_patient.then_some(PATIENCE)) {
                Ok(count) => assert!(count > 0 && bytes.len() == before + count, "{kind}"),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                    assert_eq!(bytes.len(), before, "{kind}");
                }
            }
        }
        assert_eq!(
            (bytes.capacity(), bytes.as_ptr()),
            (capacity, place),
            "{kind}"
        );
        assert_eq!(bytes, sent[..capacity], "{kind}");
        // What there was no room for is still there, and so is the end behind it.
        writer.join().unwrap();
        let mut rest = Vec::with_capacity(10);
        while rest.len() < sent.len() - capacity {
            let _ = server.append_to(&mut rest, Some(PATIENCE));
        }
        assert_eq!(rest, sent[capacity..], "{kind}");
        loop {
            match server.append_to(&mut rest, Some(PATIENCE)) {
                Ok(count) => {
                    break assert_eq!((count, &rest[..]), (0, &sent[capacity..]), "{kind}");
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
            }
        }
    }
}

#[test]
fn an_empty_buffer_moves_nothing() {
    for (kind, (client, server)) in pairs(false) {
        assert_eq!(client.try_write(b"").unwrap(), 0, "{kind}");
        assert_eq!(client.try_read(&mut []).unwrap_or(0), 0, "{kind}");
        write_all(&*client, b"x");
        let mut buf = [0; 2];
        read_all(&*server, &mut buf[..1]);
        assert!(is_not_yet(server.try_read(&mut buf)), "{kind}");
    }
}

#[test]
fn reading_a_silent_wire_takes_as_long_as_the_patience() {
    for (kind, (client, _server)) in pairs(false) {
        let mut buf = [0; 8];
        // What TLS says after its handshake is no silence yet.
        while client.read(&mut buf, Duration::from_millis(50)).is_ok() {}
        for patience in [Duration::from_millis(20), TICK, Duration::from_micros(300)] {
            let (outcome, took) = timed(|| client.read(&mut buf, patience));
            assert!(is_not_yet(outcome), "{kind}");
            // The receive timeout counts in the kernel's own ticks.
            assert!(
                took + Duration::from_millis(12) >= patience,
                "{kind} {took:?}"
            );
        }
        takes_at_most(Duration::from_millis(20), || {
            let (outcome, took) = timed(|| client.try_read(&mut buf));
            assert!(is_not_yet(outcome), "{kind}");
            let (outcome, also) = timed(|| client.read(&mut buf, Duration::ZERO));
            assert!(is_not_yet(outcome), "{kind}");
            took + also
        });
    }
}

#[test]
fn a_plain_read_gives_the_caller_its_tick() {
    let (client, _server) = pairs(false).remove(0).1;
    let (outcome, took) = timed(|| client.read(&mut [0; 8], PATIENCE));
    assert!(is_not_yet(outcome));
    assert!(took < PATIENCE / 2, "{took:?}");
}

#[test]
fn bytes_left_over_from_a_read_are_not_slept_on() {
    for (kind, (client, server)) in pairs(false) {
        write_all(&*server, b"0123456789");
        let mut buf = [0; 1];
        read_all(&*client, &mut buf);
        let waiting = Arc::clone(&client);
        end(&start(move || waiting.wait_readable())).unwrap();
        let mut rest = [0; 9];
        let (outcome, took) = timed(|| client.read(&mut rest, PATIENCE));
        assert_eq!(outcome.unwrap(), 9, "{kind}");
        assert!(took < PATIENCE / 2, "{kind} {took:?}");
        assert_eq!(&rest, b"123456789", "{kind}");
    }
}

#[test]
fn a_full_wire_takes_parts_and_says_when_it_takes_more() {
    for (kind, (client, server)) in pairs(true) {
        let mut taken = fill(&*client);
        assert!(taken > 0, "{kind}");
        // The system may still be moving bytes to the other end, which makes room again.
        eventually("a full wire has no room", || {
            let room = client.wait_writable(Duration::from_millis(20)).unwrap();
            taken += fill(&*client);
            !room
        });
        // As much again as was taken in parts: the peer reads while the writer waits for room.
        let reading = start(move || {
            let mut buf = vec![0; 2 * taken + (32 << 10)];
            read_all(&*server, &mut buf);
            buf.iter().all(|byte| *byte == 7)
        });
        write_all(&*client, &vec![7; taken + (32 << 10)]);
        assert!(end(&reading), "{kind}");
        assert!(client.wait_writable(PATIENCE).unwrap(), "{kind}");
    }
}

#[test]
fn parts_of_a_write_arrive_in_order_also_if_they_lie_elsewhere_when_the_rest_is_offered() {
    for (kind, (client, server)) in pairs(true) {
        let lengths = [3, 300_000, 1, 5, 16 << 10, 2, 20_000];
        let whole: Vec<u8> = (0..lengths.iter().sum())
            .map(|at| (at % 251) as u8)
            .collect();
        let expected = whole.clone();
        let reading = start(move || {
            let mut buf = vec![0; expected.len()];
            read_all(&*server, &mut buf);
            buf == expected
        });
        let mut written = 0;
        while written < whole.len() {
            // A copy of its own for each write.
            let rest = whole[written..].to_vec();
            let mut at = whole.len() - written;
            let mut parts = Vec::new();
            for length in lengths.iter().rev() {
                let start = at.saturating_sub(*length);
                if start < at {
                    parts.insert(0, IoSlice::new(&rest[start..at]));
                }
                at = start;
            }
            match client.try_write_vectored(&parts) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    client.wait_writable(PATIENCE).unwrap();
                }
                Err(error) => panic!("{kind} {error}"),
            }
        }
        assert!(end(&reading), "{kind}");
    }
}

#[test]
fn a_write_of_parts_takes_more_than_the_first() {
    for (kind, (client, server)) in pairs(false) {
        let parts = [&b"head"[..], b"body", b"end"].map(IoSlice::new);
        assert_eq!(client.try_write_vectored(&parts).unwrap(), 11, "{kind}");
        let mut buf = [0; 11];
        read_all(&*server, &mut buf);
        assert_eq!(&buf, b"headbodyend", "{kind}");
    }
}

#[test]
fn shutdown_wakes_every_wait() {
    // Different delays meet the waiting threads at different points of their way to sleep.
    for round in 0..20 {
        for (kind, (client, _server)) in pairs(true) {
            fill(&*client);
            let barrier = Arc::new(Barrier::new(4));
            let wait = |work: fn(&dyn Wire)| {
                let (wire, barrier) = (Arc::clone(&client), Arc::clone(&barrier));
                start(move || {
                    barrier.wait();
                    work(&*wire);
                })
            };
            let waits = [
                wait(|wire| {
                    while wire
                        .read(&mut [0; 8], PATIENCE)
                        .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
                    {
                    }
                }),
                wait(|wire| wire.wait_readable().unwrap()),
                wait(|wire| while !wire.wait_writable(PATIENCE).unwrap() {}),
            ];
            barrier.wait();
            let until = clock::now() + Duration::from_micros(round * 100);
            while clock::now() < until {
                thread::yield_now();
            }
            client.shutdown();
            client.shutdown();
            let ((), took) = timed(|| waits.iter().for_each(end));
            assert!(took < PATIENCE / 2, "{kind} {took:?}");
            assert_eq!(client.try_read(&mut [0; 8]).unwrap_or(0), 0, "{kind}");
            client.try_write(b"x").unwrap_err();
        }
    }
}

/// Sends `total` bytes of a pattern that no buffer size divides, and checks what comes back.
fn exchange(client: &Arc<dyn Wire>, server: &Arc<dyn Wire>, total: usize) {
    const PERIOD: usize = 251;
    const CHUNK: usize = PERIOD * 200;
    let pattern: Arc<[u8]> = (0..CHUNK + PERIOD).map(|at| (at % PERIOD) as u8).collect();
    let mut running = Vec::new();
    for wire in [client, server] {
        let (writer, bytes) = (Arc::clone(wire), Arc::clone(&pattern));
        running.push(start(move || {
            let mut left = total;
            while left > 0 {
                let size = left.min(CHUNK);
                write_all(&*writer, &bytes[..size]);
                left -= size;
            }
        }));
        let (reader, bytes) = (Arc::clone(wire), Arc::clone(&pattern));
        running.push(start(move || {
            let mut buf = vec![0; CHUNK];
            let mut seen = 0;
            while seen < total {
                match reader.read(&mut buf, PATIENCE) {
                    Ok(0) => panic!("ended after {seen} bytes"),
                    Ok(count) => {
                        let from = seen % PERIOD;
                        assert!(
                            buf[..count] == bytes[from..from + count],
                            "garbled at {seen}"
                        );
                        seen += count;
                    }
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
                }
            }
        }));
    }
    for thread in running {
        end(&thread);
    }
}

#[test]
fn both_directions_full_of_64_mib_go_through_small_buffers() {
    for (_, (client, server)) in pairs(true) {
        exchange(&client, &server, 64 << 20);
    }
}

#[test]
fn only_tls_hides_partial_writes() {
    for (kind, (client, _server)) in pairs(false) {
        assert_eq!(client.hides_partial_writes(), kind == "tls");
        assert_eq!(client.peer().is_none(), kind == "unix");
    }
}

/// Resuming a stopped process interrupts a receive that has a timeout, without any signal handler.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_read_is_only_an_early_return() {
    const STOP_AND_RESUME: &str = "kill -STOP $PPID; \
        until grep -q 'State:.T' /proc/$PPID/status; do :; done; kill -CONT $PPID";
    // Whoever waits for this process must not see it stop.
    if !is_alone("an_interrupted_read_is_only_an_early_return", "true") {
        return;
    }
    for (kind, (client, server)) in pairs(false) {
        let reading = start(move || {
            let mut buf = [0; 1];
            read_all(&*client, &mut buf);
            buf
        });
        for _ in 0..10 {
            let status = std::process::Command::new("sh")
                .args(["-c", STOP_AND_RESUME])
                .status()
                .unwrap();
            assert!(status.success());
        }
        assert!(reading.is_empty(), "{kind}: the read gave up");
        write_all(&*server, b"!");
        assert_eq!(&end(&reading), b"!", "{kind}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_the_system_gives_up_is_an_error_and_no_tick() {
    let sockets = || {
        let (client, server) = connected(true);
        let limit = Some(Duration::from_millis(50));
        client.set_tcp_user_timeout(limit).unwrap();
        (client, server)
    };
    let plain = |(client, server)| -> Pair {
        let wire = |socket| Arc::new(Plain::new(socket).unwrap());
        (wire(client), wire(server))
    };
    let all = [
        ("tcp", plain(sockets())),
        #[cfg(feature = "sim-tls")]
        ("tls", tls::encrypted(sockets())),
    ];
    for (kind, (client, _server)) in all {
        // The other end reads nothing: the system asks for room until the user timeout is over.
        fill(&*client);
        client.wait_readable().unwrap();
        let mut buf = [0; 16];
        let error = client.read(&mut buf, PATIENCE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{kind}: {error}");
        assert_eq!(client.read(&mut buf, PATIENCE).unwrap(), 0, "{kind}");
    }
}
