//! A connection for one user alone: what it may do, what it leaves behind, and what becomes of it while the server
//! moves or is lost.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, answer, opening_answer};
use common::redis::{Redis, Version};
use common::{SOON, options, patient};
use hitless::sim::{Fault, Moving, Node, Sim, Target, Times};
use hitless::{
    Client, CloseReason, Commands, Delivery, ErrorKind, Invalidation, Lease, Options, Protocol,
    Result, cmd, pipe,
};
use std::time::Duration;

/// Runs the claims on each server and in each protocol, with a client that has one connection for leases.
fn everywhere(claims: impl Fn(&Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&redis.url()).unwrap()).protocol(protocol);
            let options = options.pool_size(1).max_active_connections(2);
            let client = Client::connect(options).unwrap();
            cmd("FLUSHALL").exec(&client).unwrap();
            claims(&client);
        }
    }
}

fn id(lease: &Lease) -> i64 {
    cmd("CLIENT ID").query(lease).unwrap()
}

/// One field of what the server says of the connection.
fn info(lease: &Lease, field: &str) -> String {
    let line: String = cmd("CLIENT INFO").query(lease).unwrap();
    let mut words = line.split_whitespace();
    let value = words.find_map(|word| word.strip_prefix(&format!("{field}=")));
    value.unwrap_or_else(|| panic!("{line}")).to_owned()
}

#[track_caller]
fn closed<T: std::fmt::Debug>(result: Result<T>, reason: CloseReason) {
    let error = result.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Closed(reason), "{error}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
    // A second EXEC would be executed without the watch.
    assert!(!error.is_safe_to_retry());
}

#[test]
fn a_watched_key_that_changed_stops_the_transaction_and_no_other() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        let mut transaction = pipe();
        transaction.atomic().incr("n").set(b"\xff\0", b"\r\n");
        lease.watch(["n", "m"]).unwrap();
        client.set("m", 1).unwrap();
        let results = transaction.run(&lease);
        for result in results {
            let error = result.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(error.delivery(), Delivery::Replied);
        }
        assert_eq!(lease.get::<Option<i64>>("n").unwrap(), None);
        // EXEC has ended the watch.
        client.set("m", 2).unwrap();
        transaction.exec(&lease).unwrap();
        lease.watch("m").unwrap();
        lease.unwatch().unwrap();
        client.set("m", 3).unwrap();
        transaction.exec(&lease).unwrap();
        assert_eq!(client.get::<i64>("n").unwrap(), 2);
        // By hand.
        lease.watch("n").unwrap();
        cmd("MULTI").exec(&lease).unwrap();
        let queued: String = cmd("INCR").arg("n").query(&lease).unwrap();
        assert_eq!(queued, "QUEUED");
        assert_eq!(cmd("EXEC").query::<Vec<i64>>(&lease).unwrap(), [3]);
    });
}

#[test]
fn a_lease_leaves_its_connection_as_it_was() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        let first = id(&lease);
        drop(lease);
        let changes: [&[&str]; 6] = [
            &["SELECT 3"],
            &["WATCH a"],
            &["MULTI"],
            &["WATCH a", "MULTI", "SET a 1"],
            &["CLIENT NO-EVICT on", "SELECT 3", "SELECT 4"],
            &["SELECT 3", "SELECT 0"],
        ];
        for commands in changes {
            let lease = client.lease().unwrap();
            for command in commands {
                cmd(command).exec(&lease).unwrap();
            }
            drop(lease);
            let lease = client.lease().unwrap();
            // The very connection: nothing was thrown away for this.
            assert_eq!(id(&lease), first, "{commands:?}");
            assert_eq!(info(&lease, "db"), "0", "{commands:?}");
            // Neither excluded from eviction nor within a transaction.
            let flags = info(&lease, "flags");
            assert!(!flags.contains(['e', 'x']), "{commands:?}: {flags}");
            client.set("a", 2).unwrap();
            pipe().atomic().get("a").exec(&lease).unwrap();
        }
        assert_eq!(client.stats().connections_lost, 0);
    });
}

#[test]
fn what_cannot_be_taken_back_costs_the_connection() {
    everywhere(|client| {
        for command in ["CLIENT SETNAME mine", "SOME.MODULES COMMAND"] {
            let lease = client.lease().unwrap();
            let first = id(&lease);
            let _ = cmd(command).exec(&lease);
            drop(lease);
            let lease = client.lease().unwrap();
            assert_ne!(id(&lease), first, "{command}");
        }
        assert_eq!(client.stats().connections_lost, 0);
    });
}

#[test]
fn an_open_multi_holds_what_its_user_has_sent_and_nothing_else() {
    // A command that nobody knows, so that its server could be asked about it.
    let redis = Redis::of(Version::Redis70, &["--rename-command", "INCR", "PLUS"]);
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let lease = client.lease().unwrap();
    let plus = || cmd("PLUS").arg("n");
    cmd("MULTI").exec(&lease).unwrap();
    for result in pipe().cmd(plus()).cmd(plus()).run(&lease) {
        assert_eq!(result.unwrap().as_bytes(), Some(&b"QUEUED"[..]));
    }
    assert_eq!(cmd("EXEC").query::<Vec<i64>>(&lease).unwrap(), [1, 2]);
}

#[test]
fn transactions_do_not_nest() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        cmd("MULTI").exec(&lease).unwrap();
        cmd("INCR a").query::<String>(&lease).unwrap();
        for result in pipe().atomic().incr("a").incr("b").run(&lease) {
            let error = result.unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
            assert_eq!(error.delivery(), Delivery::NotSent);
        }
        assert_eq!(cmd("EXEC").query::<Vec<i64>>(&lease).unwrap(), [1]);
        assert_eq!(lease.exists("b").unwrap(), 0);
    });
}

#[test]
fn what_would_break_a_lease_is_refused_unsent() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        for command in [
            "CLIENT REPLY OFF",
            "HELLO 3",
            "QUIT",
            "RESET",
            "SUBSCRIBE c",
            "MONITOR",
            "PSYNC ? -1",
            "CLIENT MAINT_NOTIFICATIONS ON",
        ] {
            let error = cmd(command).exec(&lease).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{command}: {error}");
        }
        let () = lease.ping().unwrap();
        // Shared connections go on refusing what a lease may do, and name it.
        let error = cmd("SELECT 1").exec(client).unwrap_err();
        assert!(error.to_string().contains("lease"), "{error}");
    });
}

#[test]
fn commands_that_block_and_wait_run_on_a_lease() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        lease.set("k", 1).unwrap();
        assert_eq!(lease.wait(0, Duration::from_millis(5)).unwrap(), 0);
        client.rpush("q", "x").unwrap();
        let taken: Option<(String, String)> = cmd("BLPOP").arg("q").arg(0).query(&lease).unwrap();
        assert_eq!(taken, Some(("q".into(), "x".into())));
        let both: (i64, String) = pipe()
            .incr("k")
            .cmd(cmd("ECHO").arg("e"))
            .query(&lease)
            .unwrap();
        assert_eq!(both, (2, "e".into()));
    });
}

#[test]
fn whoever_comes_when_all_are_taken_waits_and_others_go_on() {
    let redis = Redis::start();
    let options = patient(Options::new(&redis.url()).unwrap());
    let options = options.pool_size(1).max_active_connections(2);
    let client = Client::connect(options.clone()).unwrap();
    let lease = client.lease().unwrap();
    // No time to wait.
    let hasty = Client::connect(options.checkout_timeout(Duration::from_millis(1))).unwrap();
    let mut kept = None;
    common::eventually("its connection is there", || {
        kept = hasty.lease().ok();
        kept.is_some()
    });
    let error = hasty.lease().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PoolExhausted, "{error}");
    drop(kept);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| id(&client.lease().unwrap()));
        // Shared connections serve on meanwhile.
        client.set("k", 1).unwrap();
        let mine = id(&lease);
        drop(lease);
        assert_eq!(waits.join().unwrap(), mine);
    });
}

#[test]
fn a_lease_keeps_its_client_and_ends_with_it() {
    let redis = Redis::start();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let lease = client.lease().unwrap();
    drop(client);
    lease.set("k", 1).unwrap();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    let lease = client.lease().unwrap();
    lease.watch("k").unwrap();
    client.close();
    let error = lease.get::<i64>("k").unwrap_err();
    assert_eq!(
        *error.kind(),
        ErrorKind::Closed(CloseReason::ByUser),
        "{error}"
    );
}

/// A simulator with a client of two connections at its first node, one of them for leases.
fn simulated() -> (Sim, [Node; 2], Client) {
    let sim = Sim::builder().start().unwrap();
    let nodes = [sim.node(0), sim.node(1)];
    let options = options(&sim, nodes[0])
        .pool_size(1)
        .max_active_connections(2);
    let client = Client::connect(options).unwrap();
    (sim, nodes, client)
}

/// Announces a move that ends by hand, and waits until both connections have their replacement.
fn move_away(sim: &Sim, from: Node, to: Node) {
    let moving = Moving::new(from, Target::Node(to)).announce(60);
    sim.start_moving(moving.close_after(SOON));
    let arrived = sim.wait_until(SOON, |now| now.opted_in_on(to) == 2);
    assert!(arrived, "{:?}", sim.connections());
}

/// The node on which the lease is now.
fn node(sim: &Sim, lease: &Lease) -> Node {
    let mine = u64::try_from(id(lease)).unwrap();
    let all = sim.connections();
    all.iter().find(|record| record.id == mine).unwrap().node
}

/// The new connection is in its place a little after the server has opened it.
#[track_caller]
fn arrives(sim: &Sim, lease: &Lease, at: Node) {
    common::eventually("the lease is on the new connection", || {
        node(sim, lease) == at
    });
}

#[test]
fn a_transaction_that_was_begun_ends_on_the_old_connection_and_what_follows_on_the_new() {
    let (sim, [a, b], client) = simulated();
    let lease = client.lease().unwrap();
    lease.watch("n").unwrap();
    move_away(&sim, a, b);
    assert_eq!(node(&sim, &lease), a);
    assert_eq!(lease.get::<Option<i64>>("n").unwrap(), None);
    pipe().atomic().incr("n").exec(&lease).unwrap();
    arrives(&sim, &lease, b);
    let left = sim.wait_until(SOON, |now| now.open_on(a) == 0);
    assert!(left, "{:?}", sim.connections());
    assert_eq!(client.get::<i64>("n").unwrap(), 1);
}

#[test]
fn a_lease_that_may_move_keeps_no_old_connection_open() {
    let (sim, [a, b], client) = simulated();
    let lease = client.lease().unwrap();
    lease.select(2).unwrap();
    move_away(&sim, a, b);
    let left = sim.wait_until(SOON, |now| now.open_on(a) == 0);
    assert!(left, "{:?}", sim.connections());
    assert_eq!(node(&sim, &lease), b);
    assert_eq!(client.maintenance().drains_forced, 0);
}

#[test]
fn a_watch_that_ends_with_its_connection_stops_the_transaction_unsent() {
    let (sim, [a, b], client) = simulated();
    let lease = client.lease().unwrap();
    lease.watch("n").unwrap();
    move_away(&sim, a, b);
    sim.retire(a);
    let gone = sim.wait_until(SOON, |now| now.open_on(a) == 0);
    assert!(gone);
    // Until the client has noticed, a command may meet the end of the connection.
    common::eventually("the end is noticed", || {
        lease.get::<Option<i64>>("n").is_ok()
    });
    closed(
        pipe().atomic().incr("n").exec(&lease),
        CloseReason::WatchLost,
    );
    assert_eq!(client.get::<Option<i64>>("n").unwrap(), None);
    // Told once.
    pipe().atomic().incr("n").exec(&lease).unwrap();
    assert_eq!(client.get::<i64>("n").unwrap(), 1);
}

#[test]
fn an_open_multi_that_is_lost_swallows_no_command() {
    let (sim, _, client) = simulated();
    let lease = client.lease().unwrap();
    let mine = u64::try_from(id(&lease)).unwrap();
    cmd("MULTI").exec(&lease).unwrap();
    assert!(sim.kill(mine));
    common::eventually("the end is noticed", || {
        let error = cmd("INCR").arg("n").exec(&lease).unwrap_err();
        *error.kind() == ErrorKind::Closed(CloseReason::StateLost)
    });
    closed(cmd("INCR").arg("n").exec(&lease), CloseReason::StateLost);
    closed(cmd("EXEC").exec(&lease), CloseReason::StateLost);
    assert_eq!(sim.executions("INCR", "n"), 0);
    lease.incr("n").unwrap();
}

#[test]
fn a_server_is_not_asked_whether_it_takes_transactions_where_that_would_end_a_watch() {
    let (sim, [a, _], client) = simulated();
    let refuse = || {
        let fault = Fault::Answer("multi".into(), "LOADING soon".into());
        sim.fault_times(a, fault, Times::Next(1));
        pipe().atomic().incr("other").exec(&client).unwrap_err();
    };
    let lease = client.lease().unwrap();
    lease.watch("n").unwrap();
    client.set("n", 1).unwrap();
    // From now on a transaction that does nothing would go in front of the next one.
    refuse();
    let error = pipe().atomic().set("n", 2).exec(&lease).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(client.get::<i64>("n").unwrap(), 1);
    // It goes in front of a watch.
    refuse();
    let still = Fault::Answer("multi".into(), "LOADING still".into());
    sim.fault_times(a, still, Times::Next(1));
    let error = lease.watch("n").unwrap_err();
    assert_eq!(error.code(), Some("LOADING"), "{error}");
    assert!(error.is_safe_to_retry(), "{error}");
    lease.watch("n").unwrap();
    pipe().atomic().set("n", 2).exec(&lease).unwrap();
}

#[test]
fn a_transaction_without_an_answer_is_over() {
    let (sim, [a, _], client) = simulated();
    let lease = client.lease().unwrap();
    let unanswered = || sim.fault_times(a, Fault::CloseUnanswered, Times::Next(1));
    let unknown = |result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
    };
    for turn in 1..4 {
        lease.watch("n").unwrap();
        unanswered();
        // The server closes behind MULTI, of which nobody can know.
        unknown(pipe().atomic().incr("n").exec(&lease));
        // What comes next has a watch of its own.
        lease.watch("n").unwrap();
        cmd("MULTI").exec(&lease).unwrap();
        cmd("INCR n").query::<String>(&lease).unwrap();
        unanswered();
        unknown(cmd("EXEC").exec(&lease));
        assert_eq!(lease.get::<i64>("n").unwrap(), turn);
        lease.watch("n").unwrap();
        unanswered();
        unknown(lease.unwatch());
        cmd("MULTI").exec(&lease).unwrap();
        unanswered();
        unknown(cmd("DISCARD").exec(&lease));
        pipe().atomic().get("n").exec(&lease).unwrap();
    }
}

#[test]
fn a_lease_moves_on_behind_a_transaction_of_which_each_command_failed() {
    let (sim, [a, b], client) = simulated();
    let lease = client.lease().unwrap();
    lease.watch("n").unwrap();
    lease.set("n", "no number").unwrap();
    lease.unwatch().unwrap();
    lease.watch("m").unwrap();
    let error = pipe().atomic().incr("n").exec(&lease).unwrap_err();
    assert_eq!(error.delivery(), Delivery::Replied, "{error}");
    move_away(&sim, a, b);
    arrives(&sim, &lease, b);
    let left = sim.wait_until(SOON, |now| now.open_on(a) == 0);
    assert!(left, "{:?}", sim.connections());
}

#[test]
fn a_connection_that_cannot_be_made_ready_costs_no_more_than_a_command_may() {
    let fake = Fake::start(|peer| {
        let is_later = peer.number > 1;
        loop {
            let words = peer.read()?;
            match words[0].as_slice() {
                b"SELECT" if is_later => while peer.read().is_ok() {},
                b"GET" => return Ok(()),
                _ => match opening_answer(&words) {
                    Some(opening) => peer.send(opening)?,
                    None => peer.send(answer(&words))?,
                },
            }
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = options.pool_size(1).connect_retries(0);
    let options = options.command_timeout(Duration::from_millis(200));
    let client = Client::connect(options).unwrap();
    let lease = client.lease().unwrap();
    cmd("SELECT 3").timeout(SOON).exec(&lease).unwrap();
    lease.get::<()>("k").unwrap_err();
    let error = lease.blpop::<(), i64>("q", Duration::ZERO).unwrap_err();
    closed::<()>(Err(error), CloseReason::StateLost);
}

#[test]
fn a_database_goes_along_with_a_move_and_with_a_loss() {
    let (sim, [a, b], client) = simulated();
    let lease = client.lease().unwrap();
    lease.select(2).unwrap();
    lease.set("k", 1).unwrap();
    move_away(&sim, a, b);
    assert_eq!(lease.get::<i64>("k").unwrap(), 1);
    arrives(&sim, &lease, b);
    let mine = u64::try_from(id(&lease)).unwrap();
    assert!(sim.kill(mine));
    common::eventually("another connection is there", || {
        lease.get::<i64>("k").is_ok_and(|value| value == 1)
    });
    drop(lease);
    assert_eq!(
        client.lease().unwrap().get::<Option<i64>>("k").unwrap(),
        None
    );
}

#[test]
fn what_no_connection_can_be_given_ends_the_lease() {
    let (sim, _, client) = simulated();
    let lease = client.lease().unwrap();
    let mine = u64::try_from(id(&lease)).unwrap();
    cmd("CLIENT SETNAME mine").exec(&lease).unwrap();
    assert!(sim.kill(mine));
    common::eventually("the end is noticed", || {
        let error = lease.incr("n").unwrap_err();
        *error.kind() == ErrorKind::Closed(CloseReason::StateLost)
    });
    closed(lease.incr("n"), CloseReason::StateLost);
    drop(lease);
    client.lease().unwrap().incr("n").unwrap();
}

/// What was told of keys that have changed by now: whatever a server tells stands in front of its next reply.
#[track_caller]
fn told(lease: &Lease) -> Vec<Invalidation> {
    lease.ping().unwrap();
    let next = || lease.try_next_invalidation().unwrap();
    std::iter::from_fn(next).collect()
}

fn keys(names: &[&str]) -> Invalidation {
    Invalidation::Keys(names.iter().map(|name| name.as_bytes().to_vec()).collect())
}

#[test]
fn keys_that_change_are_told_to_whom_they_are_tracked_for() {
    everywhere(|client| {
        let lease = client.lease().unwrap();
        assert!(lease.get::<Option<i64>>("k").unwrap().is_none());
        cmd("CLIENT TRACKING ON").exec(&lease).unwrap();
        if cmd("CLIENT INFO")
            .query::<String>(&lease)
            .unwrap()
            .contains("resp=2")
        {
            let error = lease.try_next_invalidation().unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Usage, "{error}");
            return;
        }
        client.set("k", 1).unwrap();
        assert_eq!(told(&lease), [], "it was not read since");
        assert_eq!(
            lease.mget::<Vec<Option<i64>>>(["k", "j"]).unwrap(),
            [Some(1), None]
        );
        client.set("k", 2).unwrap();
        client.set("k", 3).unwrap();
        client.set("j", 1).unwrap();
        assert_eq!(told(&lease), [keys(&["k"]), keys(&["j"])]);
        lease.get::<i64>("k").unwrap();
        cmd("FLUSHALL").exec(client).unwrap();
        assert_eq!(told(&lease), [Invalidation::Everything]);
        // By one of its own writes, and to a thread that waits.
        lease.set("k", 1).unwrap();
        lease.get::<i64>("k").unwrap();
        lease.set("k", 2).unwrap();
        assert_eq!(told(&lease), [keys(&["k"])]);
        lease.get::<i64>("k").unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(move || lease.next_invalidation_within(SOON).unwrap());
            client.del("k").unwrap();
            assert_eq!(waits.join().unwrap(), Some(keys(&["k"])));
        });
        // Nobody hears what is told to the next.
        let unknown = client.stats().pushes_unknown;
        let next = client.lease().unwrap();
        assert_eq!(next.next_invalidation_within(Duration::ZERO).unwrap(), None);
        assert_eq!(client.stats().pushes_unknown, unknown);
    });
}

#[test]
fn who_hears_of_keys_is_told_of_the_end_of_that_behind_all_that_came() {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        let sim = Sim::builder().nodes(2).proxy_to(redis.address);
        let sim = sim.start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        let client = Client::connect(options(&sim, a).pool_size(1)).unwrap();
        let lease = client.lease().unwrap();
        cmd("CLIENT TRACKING ON BCAST PREFIX k")
            .exec(&lease)
            .unwrap();
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
        let moved = sim.wait_until(SOON, |now| now.open_on(a) == 1);
        assert!(moved, "{:?}", sim.connections());
        // On the old connection as before.
        client.set("k1", 1).unwrap();
        assert_eq!(
            lease.next_invalidation_within(SOON).unwrap(),
            Some(keys(&["k1"]))
        );
        client.set("k2", 1).unwrap();
        lease.ping().unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(move || {
                let first = lease.next_invalidation_within(SOON).unwrap();
                (first, lease.next_invalidation_within(SOON))
            });
            sim.retire(a);
            let (first, end) = waits.join().unwrap();
            assert_eq!(first, Some(keys(&["k2"])));
            closed(end, CloseReason::StateLost);
        });
    }
}
