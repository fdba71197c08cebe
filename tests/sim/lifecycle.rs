//! Threads and sockets: what starts, what ends, and when.

use crate::client::{Client, End, SOON, now};
use hitless::Value;
use hitless::sim::{Fault, Happening, Moving, Sim, Snapshot, Target};
use std::net::TcpStream;
use std::time::Duration;

#[test]
#[cfg(target_os = "linux")]
fn nodes_have_addresses_of_their_own_and_one_port() {
    let sim = Sim::builder().nodes(3).start().unwrap();
    let addresses: Vec<_> = sim.nodes().map(|node| sim.addr(node)).collect();
    for (addr, last) in addresses.iter().zip(1..) {
        assert_eq!(addr.ip().to_string(), format!("127.0.0.{last}"));
        assert_eq!(addr.port(), addresses[0].port());
    }
}

/// A port that nobody has at the moment, outside of those for outgoing connections.
fn free_port() -> u16 {
    let free = |port: &u16| {
        let taken = ["127.0.0.1", "127.0.0.2", "127.255.255.254"]
            .map(|ip| std::net::TcpListener::bind((ip, *port)))
            .iter()
            .any(Result::is_err);
        !taken
    };
    (0..100)
        .map(|_| fastrand::u16(10_000..32_000))
        .find(free)
        .unwrap()
}

#[test]
fn a_chosen_port_is_the_same_whenever_the_simulator_starts() {
    let starts_again = |port| {
        for _ in 0..3 {
            let sim = Sim::builder().port(port).start()?;
            assert_eq!(sim.addr(sim.node(0)).port(), port);
            let taken = Sim::builder().port(port).start().unwrap_err();
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
        }
        Ok::<_, std::io::Error>(())
    };
    // Another program may take the port when it is free for a moment, but not each of a hundred.
    let mut attempts = (0..100).map(|_| starts_again(free_port()));
    let ended = attempts.find(|ended| match ended {
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
        Ok(()) => true,
    });
    ended.unwrap().unwrap();
    let none = Sim::builder().port(0).start().unwrap_err();
    assert_eq!(none.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_number_of_nodes_out_of_range_is_an_error() {
    for count in [0, 251] {
        let error = Sim::builder().nodes(count).start().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn dropping_the_simulator_closes_everything_in_bounded_time() {
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut idle = Client::opted_in(&sim, a, "none");
    let mut blocked = Client::on(&sim, a);
    blocked.send("BLPOP q 0");
    let mut waiting = Client::on(&sim, a);
    waiting.send("BLPOP q 0");
    waiting.send("PING");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 2));
    let mut silenced = Client::on(&sim, b);
    sim.fault(b, Fault::Silence);
    silenced.send("PING");
    sim.moving(a, Target::Null(b), Duration::from_secs(3600));
    sim.failover(Duration::from_secs(3600));
    let mut paused = Client::on(&sim, a);
    paused.send("PING");
    let addr = sim.addr(a);
    let start = now();
    drop(sim);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    for client in [
        &mut idle,
        &mut blocked,
        &mut waiting,
        &mut silenced,
        &mut paused,
    ] {
        let end = client.end();
        // What was sent and never read makes the end a reset.
        assert!(matches!(end, End::Closed | End::Reset), "{end:?}");
    }
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_subscriber_that_does_not_read_delays_nobody_and_loses_nothing() {
    let sim = Sim::builder().start().unwrap();
    let mut deaf = Client::resp3(&sim, sim.node(0));
    deaf.send("SUBSCRIBE news");
    deaf.push();
    let mut publisher = Client::on(&sim, sim.node(0));
    // More than the sockets between the two hold.
    let payload = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        publisher.send_args(&[b"PUBLISH", b"news", &payload]);
        assert_eq!(publisher.reply(), Value::Int(1));
    }
    assert_eq!(Client::on(&sim, sim.node(1)).call("SET k v"), Value::Okay);
    for _ in 0..20 {
        let message = deaf.try_push(Duration::from_secs(30)).unwrap();
        assert_eq!(message.args[1], Value::Bulk(payload.clone()));
    }
}

#[test]
fn a_client_may_write_everything_before_it_reads_anything() {
    let sim = Sim::builder().start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    let payload = vec![b'x'; 1 << 20];
    for _ in 0..30 {
        client.send_args(&[b"ECHO", &payload]);
    }
    for _ in 0..30 {
        let echo = client.try_reply(Duration::from_secs(30)).unwrap();
        assert_eq!(echo, Value::Bulk(payload.clone()));
    }
}

/// How many threads of this process the simulator started.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    };
    // The test's own executable may be called sim-something too.
    let ours = |name: &String| {
        ["sim-director", "sim-accept-", "sim-conn-"]
            .iter()
            .any(|one| name.starts_with(one))
    };
    tasks.filter_map(name).filter(ours).count()
}

/// A thread gets its name a moment after it was started, and leaves the kernel's list a moment after it
/// was joined.
#[cfg(target_os = "linux")]
fn expect_threads(count: usize) {
    let deadline = now() + SOON;
    while threads() != count && now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(threads(), count);
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_moves_leave_the_threads_as_they_were() {
    // The other tests of this process have simulators too, so this one counts in a process of its own.
    const CHILD: &str = "HITLESS_TEST_THOUSAND_MOVES";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "lifecycle::a_thousand_moves_leave_the_threads_as_they_were",
            ])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        return;
    }
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let retired = |now: &Snapshot<'_>| {
        let happened = now.timeline();
        happened
            .iter()
            .filter(|one| matches!(one.what, Happening::Retired(..)))
            .count()
    };
    // The director and two listeners.
    let before = 3;
    expect_threads(before);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let descriptors_before = descriptors();
    for round in 0..1000_usize {
        let [from, to] = if round % 2 == 0 { [a, b] } else { [b, a] };
        sim.revive(from).unwrap();
        let mut client = Client::opted_in(&sim, from, "internal-ip");
        sim.start_moving(Moving::new(from, Target::Node(to)).close_after(Duration::ZERO));
        assert_eq!(client.end(), End::Closed);
        assert!(sim.wait_until(SOON, |now| retired(now) == round + 1));
    }
    sim.revive(a).unwrap();
    sim.revive(b).unwrap();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    expect_threads(before);
    // A thread that is about to end may be counted for one that has no name yet.
    let deadline = now() + SOON;
    while descriptors() != descriptors_before && now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(descriptors(), descriptors_before);
    drop(sim);
    expect_threads(0);
}
