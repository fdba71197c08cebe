//! Those who wait, and those who do not read: what they cost, and what becomes of them.

use crate::client::{Client, End, SOON, now, show};
use hitless::Value;
use hitless::sim::{CloseCause, Fault, Node, Sim};
use std::time::Duration;

/// A connection that waits in `BLPOP q 0`, with a command behind it.
fn waiter(sim: &Sim, node: Node) -> Client {
    let mut client = Client::on(sim, node);
    client.send("BLPOP q 0");
    client.send("PING");
    client
}

/// Closes connections, and waits until the system has told the simulator's end of it: on a busy machine that
/// takes a moment. The simulator's threads may not have looked by then.
fn leave(sim: &Sim, clients: Vec<Client>) {
    let open = sim.connections().into_iter().filter(|one| one.is_open());
    let before: Vec<u16> = open.map(|one| one.remote.port()).collect();
    let leaving = clients.len();
    drop(clients);
    if !cfg!(target_os = "linux") {
        return;
    }
    let deadline = now() + SOON;
    while before.iter().filter(|port| is_served(**port)).count() > before.len() - leaving {
        assert!(now() < deadline, "the system tells nobody");
        std::thread::yield_now();
    }
}

/// Whether the other end of the connection from this port takes it for open.
fn is_served(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let suffix = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(2);
        let is_from = words.next().is_some_and(|remote| remote.ends_with(&suffix));
        is_from && words.next() == Some("01")
    })
}

#[test]
fn a_waiter_that_goes_away_is_noticed_whatever_it_has_sent_behind() {
    let sim = Sim::builder().start().unwrap();
    let node = sim.node(0);
    let waiters: Vec<Client> = (0..50).map(|_| waiter(&sim, node)).collect();
    assert!(sim.wait_until(SOON, |now| now.blocked() == 50));
    drop(waiters);
    assert!(sim.wait_until(SOON, |now| now.open() == 0 && now.blocked() == 0));
    for record in sim.connections() {
        let cause = record.closed.map(|(_, cause)| cause);
        assert_eq!(cause, Some(CloseCause::Client));
        assert_eq!(record.count("ping"), 0);
    }
}

#[test]
fn nothing_is_given_to_the_dead() {
    let sim = Sim::builder().start().unwrap();
    let node = sim.node(0);
    let mut pusher = Client::on(&sim, node);
    pusher.call("PING");
    for round in 0..50 {
        let (mut one, mut two) = (Client::on(&sim, node), Client::on(&sim, node));
        one.send("BLPOP q 0");
        one.send("PING");
        two.send("BLMOVE q other LEFT LEFT 0");
        assert!(sim.wait_until(SOON, |now| now.blocked() == 2));
        leave(&sim, vec![one, two]);
        // At once: their threads may not have noticed.
        assert_eq!(show(&pusher.call("RPUSH q a b c")), ":3");
        assert_eq!(show(&pusher.call("LLEN q")), ":3", "in round {round}");
        assert_eq!(show(&pusher.call("LLEN other")), ":0");
        assert_eq!(show(&pusher.call("DEL q")), ":1");
        // Those of the next round are not to be taken for these.
        assert!(sim.wait_until(SOON, |now| now.open() == 1));
    }
}

#[test]
fn the_living_are_served_past_the_dead() {
    let sim = Sim::builder().start().unwrap();
    let node = sim.node(0);
    let mut pusher = Client::on(&sim, node);
    let dead = waiter(&sim, node);
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    let mut alive = Client::on(&sim, node);
    alive.send("BLPOP q 0");
    alive.send("GET k");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 2));
    leave(&sim, vec![dead]);
    assert_eq!(show(&pusher.call("RPUSH q a b c")), ":3");
    assert_eq!(show(&alive.reply()), "[q a]");
    assert_eq!(show(&alive.reply()), "nil");
    assert_eq!(show(&pusher.call("LRANGE q 0 -1")), "[b c]");
}

#[test]
fn commands_behind_a_blocked_one_are_executed_however_many_come() {
    let sim = Sim::builder().start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    let mut pusher = Client::on(&sim, sim.node(0));
    let payload = vec![b'x'; 100_000];
    client.send("BLPOP q 0");
    // More than one read, and more than a socket holds, while it is blocked.
    for _ in 0..100 {
        client.send_args(&[b"ECHO", &payload]);
    }
    client.send("BLPOP q 0");
    client.send("PING");
    assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
    for element in ["1", "2"] {
        pusher.call(&format!("RPUSH q {element}"));
        assert_eq!(show(&client.reply()), format!("[q {element}]"));
        if element == "1" {
            for _ in 0..100 {
                assert_eq!(client.reply(), Value::Bulk(payload.clone()));
            }
        }
    }
    assert_eq!(show(&client.reply()), "+PONG");
}

#[test]
#[cfg(target_os = "linux")]
fn waiters_that_go_away_leave_no_thread_and_no_socket() {
    // The other tests of this process have simulators too, so this one counts in a process of its own.
    const CHILD: &str = "HITLESS_TEST_WAITERS_GONE";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "waiting::waiters_that_go_away_leave_no_thread_and_no_socket",
            ])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        return;
    }
    let count = |what: &str| {
        std::fs::read_dir(format!("/proc/self/{what}"))
            .unwrap()
            .count()
    };
    // A thread leaves the kernel's list a moment after it has ended.
    let expect = |what: &str, expected: usize| {
        let deadline = now() + SOON;
        while count(what) != expected && now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(count(what), expected, "{what}");
    };
    let sim = Sim::builder().start().unwrap();
    let (tasks, descriptors) = (count("task"), count("fd"));
    let mut waiters: Vec<Client> = (0..50).map(|_| waiter(&sim, sim.node(0))).collect();
    assert!(sim.wait_until(SOON, |now| now.blocked() == 50));
    waiters.truncate(1);
    assert!(sim.wait_until(SOON, |now| now.open() == 1));
    waiters.clear();
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    expect("task", tasks);
    expect("fd", descriptors);
    // Those who wait when the simulator ends, end with it.
    let waiters: Vec<Client> = (0..50).map(|_| waiter(&sim, sim.node(0))).collect();
    assert!(sim.wait_until(SOON, |now| now.blocked() == 50));
    drop(sim);
    drop(waiters);
    // The director, and two listeners with their sockets and the guard of their port.
    expect("task", tasks - 3);
    expect("fd", descriptors - 3);
}

/// How many switches of threads the process has made in waits. Linux only.
#[cfg(target_os = "linux")]
fn switches() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
        let path = task.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        if !name.starts_with("sim-conn-") {
            return None;
        }
        let status = std::fs::read_to_string(path.join("status")).ok()?;
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    tasks.filter_map(of).sum()
}

#[test]
#[cfg(target_os = "linux")]
fn those_who_wait_are_not_woken_by_what_others_do() {
    const CHILD: &str = "HITLESS_TEST_WAITERS_SLEEP";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "waiting::those_who_wait_are_not_woken_by_what_others_do",
            ])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        return;
    }
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let mut busy = Client::on(&sim, a);
    busy.call("PING");
    let waiters: Vec<Client> = (0..30).map(|_| Client::on(&sim, b)).collect();
    let mut silenced: Vec<Client> = waiters;
    for client in &mut silenced {
        client.call("PING");
    }
    sim.fault(b, Fault::Silence);
    for client in &mut silenced {
        client.send("PING");
    }
    let mut blocked: Vec<Client> = (0..30).map(|_| Client::on(&sim, a)).collect();
    for client in &mut blocked {
        client.send("BLPOP q 0");
        client.send("PING");
    }
    assert!(sim.wait_until(SOON, |now| now.blocked() == 30));
    // All that they had to do is done once a number stays the same.
    let mut before = switches();
    loop {
        for _ in 0..50 {
            busy.call("PING");
        }
        let after = switches();
        if after.saturating_sub(before) < 200 {
            break;
        }
        before = after;
    }
    let before = switches();
    const COMMANDS: u64 = 2000;
    for _ in 0..COMMANDS {
        busy.call("INCR n");
    }
    let woken = switches() - before;
    // The busy connection's own: about one a command. A bell for all would make it sixty.
    assert!(
        woken < COMMANDS * 3,
        "{woken} switches for {COMMANDS} commands"
    );
    sim.clear_faults(b).unwrap();
    for client in &mut silenced {
        assert_eq!(show(&client.reply()), "+PONG");
    }
    busy.call("RPUSH q x");
}

/// Lets a connection ask for more than it reads, until it is ended.
fn overload(sim: &Sim, mut client: Client) -> Client {
    let value = vec![b'x'; 1 << 20];
    client.send_args(&[b"SET", b"big", &value]);
    assert_eq!(client.reply(), Value::Okay);
    for _ in 0..200 {
        // One write, so that it is all executed before a byte is read.
        client.send("GET big");
    }
    assert!(sim.wait_until(SOON, |now| now.open() == 0));
    let cause = sim.connections()[0].closed.map(|(_, cause)| cause);
    assert_eq!(cause, Some(CloseCause::SlowReader));
    client
}

#[test]
fn a_client_that_reads_nothing_is_ended_as_a_slow_reader() {
    let sim = Sim::builder().unread_limit(8 << 20).start().unwrap();
    let client = Client::on(&sim, sim.node(0));
    let mut client = overload(&sim, client);
    assert!(matches!(client.end(), End::Closed | End::Reset));
    // Others are not concerned.
    let mut other = Client::on(&sim, sim.node(0));
    assert_eq!(show(&other.call("STRLEN big")), format!(":{}", 1 << 20));
}

#[test]
fn a_client_that_reads_nothing_from_a_real_server_is_ended_as_a_slow_reader() {
    let server = crate::server::Server::start();
    let sim = Sim::builder()
        .proxy_to(server.addr)
        .unread_limit(8 << 20)
        .start()
        .unwrap();
    let client = Client::on(&sim, sim.node(0));
    overload(&sim, client);
}

#[test]
fn the_bound_on_unread_pushes_holds_while_nobody_reads() {
    let sim = Sim::builder().unread_limit(8 << 20).start().unwrap();
    let mut deaf = Client::resp3(&sim, sim.node(0));
    deaf.send("SUBSCRIBE news");
    deaf.push();
    let mut publisher = Client::on(&sim, sim.node(1));
    let payload = vec![b'x'; 1 << 20];
    // The sockets between the two hold some of it.
    let reached = (0..64).take_while(|_| {
        publisher.send_args(&[b"PUBLISH", b"news", &payload]);
        publisher.reply() == Value::Int(1) && sim.connections()[0].is_open()
    });
    let reached = reached.count();
    assert!(reached >= 7, "{reached}");
    assert!(sim.wait_until(SOON, |now| now.open() == 1));
    let cause = sim.connections()[0].closed.map(|(_, cause)| cause);
    assert_eq!(cause, Some(CloseCause::SlowReader));
}

#[test]
fn a_client_that_reads_slowly_but_reads_is_kept() {
    let sim = Sim::builder().unread_limit(8 << 20).start().unwrap();
    let mut client = Client::on(&sim, sim.node(0));
    let value = vec![b'x'; 1 << 20];
    client.send_args(&[b"SET", b"big", &value]);
    assert_eq!(client.reply(), Value::Okay);
    for _ in 0..40 {
        for _ in 0..3 {
            client.send("GET big");
        }
        for _ in 0..3 {
            let reply = client.try_reply(Duration::from_secs(30)).unwrap();
            assert_eq!(reply, Value::Bulk(value.clone()));
        }
    }
    assert!(sim.connections()[0].is_open());
}
