//! What the client says in the log, and what it never says.
//!
//! The log is one for the whole process, so each of these tests waits for its turn.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer, answer};
use common::{SOON, by_name, fill, options};
use hitless::log_targets::{ALL, CONNECTION, HANDOFF, HOOKS, NOTIFICATION, STREAM};
use hitless::sim::{Fault, Moving, OptIn, Sim, Target};
use hitless::{
    Client, Cmd, Commands, ErrorKind, MaintenanceOptions, Notice, NotificationHook, Options,
    Protocol, Reaction, Resolver, StreamConsumerOptions, TargetVerdict, pipe,
};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// All that was logged since the turn began, the simulator's lines aside.
struct Capture(Mutex<Vec<(Level, String)>>);

static CAPTURE: Capture = Capture(Mutex::new(Vec::new()));

impl Capture {
    fn lines(&self) -> MutexGuard<'_, Vec<(Level, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.target().starts_with(hitless::log_targets::SIM)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.target(), record.args());
            self.lines().push((record.level(), line));
        }
    }

    fn flush(&self) {}
}

/// Begins a turn with an empty log at the most talkative level.
fn listen() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static BEGIN: Once = Once::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    BEGIN.call_once(|| {
        log::set_logger(&CAPTURE).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
    CAPTURE.lines().clear();
    turn
}

#[test]
fn a_server_without_notifications_costs_at_most_one_line_of_debug() {
    let _turn = listen();
    for refusal in [
        OptIn::Disabled,
        OptIn::Forbidden,
        OptIn::Nil,
        OptIn::UnknownToRedis7,
    ] {
        CAPTURE.lines().clear();
        let sim = Sim::builder().opt_in(refusal).start().unwrap();
        let a = sim.node(0);
        let client = Client::connect(options(&sim, a).pool_size(6)).unwrap();
        fill(&client, 6);
        // Connections that are lost and made again ask no more than the others.
        for record in sim.connections() {
            sim.kill(record.id);
        }
        common::eventually("the losses are noticed", || {
            client.stats().connections_lost == 6
        });
        fill(&client, 6);
        wait_for(1, |_, line| line.contains("notifications"));
        client.close();
        let lines = CAPTURE.lines();
        let about = |level: Level| {
            let lines = lines.iter().filter(|line| line.0 == level);
            lines
                .filter(|line| line.1.contains("notifications"))
                .count()
        };
        assert_eq!(about(Level::Debug), 1, "{refusal:?}: {lines:?}");
        let loud: Vec<_> = lines
            .iter()
            .filter(|line| line.0 < Level::Debug && !line.1.contains("lost a connection"))
            .collect();
        assert!(loud.is_empty(), "{refusal:?}: {loud:?}");
    }
}

#[test]
fn a_server_that_is_none_for_this_client_is_warned_about_once() {
    let _turn = listen();
    for (mode, advice) in [
        ("cluster", "connect to a proxy"),
        ("sentinel", "connect to the master"),
    ] {
        CAPTURE.lines().clear();
        let fake = Fake::start(move |peer| {
            loop {
                let words = peer.read()?;
                match words[0].as_slice() {
                    b"HELLO" => {
                        let length = mode.len();
                        peer.send(format!(
                            "%2\r\n+mode\r\n${length}\r\n{mode}\r\n+proto\r\n:3\r\n"
                        ))?;
                    }
                    b"CLIENT" => peer.send("+OK\r\n")?,
                    b"GET" => peer.send("-MOVED 3999 127.0.0.1:6381\r\n")?,
                    _ => peer.send(answer(&words))?,
                }
            }
        });
        let options = Options::new(&fake.address.to_string()).unwrap();
        let client = Client::connect(common::patient(options).pool_size(3)).unwrap();
        fill(&client, 3);
        fake.cut();
        common::eventually("the losses are noticed", || {
            client.stats().connections_lost == 3
        });
        fill(&client, 3);
        let error = client.get::<String>("key").unwrap_err();
        assert_eq!(error.code(), Some("MOVED"));
        let text = error.to_string();
        assert!(text.contains("a cluster client is not there yet"), "{text}");
        let of_mode = format!("says mode {mode} in its HELLO");
        wait_for(1, |_, line| line.contains(&of_mode));
        client.close();
        let lines = CAPTURE.lines();
        let about: Vec<_> = lines
            .iter()
            .filter(|line| line.1.contains(&of_mode))
            .collect();
        assert_eq!(about.len(), 1, "{lines:?}");
        assert_eq!(about[0].0, Level::Warn);
        assert!(about[0].1.contains(advice), "{about:?}");
    }
}

#[test]
fn a_healthy_client_says_nothing_above_debug() {
    let _turn = listen();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(3)).unwrap();
    fill(&client, 3);
    client.close();
    // The only line, so that the silence is not that of a log nobody hears.
    log::info!("heard");
    let mut lines = CAPTURE.lines();
    let heard = lines.pop().unwrap();
    assert_eq!((heard.0, heard.1.as_str()), (Level::Info, "logs: heard"));
    assert!(lines.iter().all(|line| line.0 >= Level::Debug), "{lines:?}");
}

#[test]
fn a_move_is_told_in_three_lines_of_info() {
    let _turn = listen();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let client = Client::connect(options(&sim, a).pool_size(4)).unwrap();
    fill(&client, 4);
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    common::eventually("the move is over", || {
        client.stats().handoffs_completed == 1
    });
    wait_for(3, |level, _| level < Level::Debug);
    client.close();
    let lines = CAPTURE.lines();
    let said: Vec<_> = lines.iter().filter(|line| line.0 < Level::Debug).collect();
    assert_eq!(
        said.len(),
        3,
        "it begins, timeouts are relaxed, it ends: {said:?}"
    );
    assert!(said.iter().all(|line| line.0 == Level::Info), "{said:?}");
    let of_node = said.iter().filter(|line| line.1.contains("of node 0"));
    assert_eq!(of_node.count(), 2, "{said:?}");
    for connection in ["0.0", "0.1", "0.2", "0.3"] {
        let moved = format!("{HANDOFF}: connection {connection}: moved in ");
        let moves = lines.iter().filter(|line| line.1.starts_with(&moved));
        assert_eq!(moves.count(), 1, "{connection}: {lines:?}");
    }
}

/// Claims that neither an error nor the log holds the secret.
#[track_caller]
fn nowhere(error: &hitless::Error) {
    const SECRET: &str = "c4n4ry";
    let mut shown = vec![
        error.to_string(),
        format!("{error:?}"),
        format!("{error:#?}"),
    ];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        shown.extend([cause.to_string(), format!("{cause:?}")]);
        source = cause.source();
    }
    assert!(shown.iter().all(|text| !text.contains(SECRET)), "{shown:?}");
    let lines = CAPTURE.lines();
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line.1.contains(SECRET))
        .collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_password_that_a_server_repeats_is_repeated_nowhere_else() {
    let _turn = listen();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        for refused in ["HELLO", "AUTH", "SELECT", "CLIENT", "*"] {
            for code in ["ERR", "WRONGPASS", "NOPERM", "LOADING", "c4n4ry"] {
                let fake = Fake::start(move |peer: &mut Peer| {
                    loop {
                        let words = peer.read()?;
                        let text = words.join(&b"' '"[..]);
                        let text = String::from_utf8_lossy(&text).into_owned();
                        let name = String::from_utf8_lossy(&words[0]).into_owned();
                        if refused == "*" || name == refused {
                            let line = format!("-{code} refused: '{text}' and c4n4ry\r\n");
                            peer.send(line)?;
                        } else {
                            let known = common::fake::opening_answer(&words);
                            peer.send(known.unwrap_or("+PONG\r\n"))?;
                        }
                    }
                });
                let options = Options::new(&fake.address.to_string()).unwrap();
                let options = options
                    .username("user")
                    .password("c4n4ry")
                    .protocol(protocol);
                // A server that says LOADING is asked again until this is over.
                let patience = Duration::from_secs(if code == "LOADING" { 1 } else { 20 });
                let options = options.connect_timeout(patience);
                if let Err(error) = Client::connect(options.database(3)) {
                    nowhere(&error);
                }
            }
        }
    }
}

#[test]
fn values_and_keys_are_repeated_nowhere() {
    let _turn = listen();
    let sim = Sim::builder().nodes(3).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let timeout = Duration::from_millis(80);
    let client = Client::connect(by_name(&sim).pool_size(2).command_timeout(timeout)).unwrap();
    client.set("c4n4ry", "c4n4ry").unwrap();
    nowhere(&client.get::<i64>("c4n4ry").unwrap_err());
    nowhere(&client.lpush("c4n4ry", "c4n4ry").unwrap_err());
    nowhere(&client.get::<(i64, i64)>("c4n4ry").unwrap_err());
    for fault in [
        Fault::Garble(b"c4n4ry\r\n".to_vec()),
        Fault::Garble(b"$c4n4ry\r\n".to_vec()),
        Fault::Garble(b":c4n4ry\r\n".to_vec()),
        Fault::Garble(b"%1\r\n+c4n4ry\r\n?c4n4ry".to_vec()),
        Fault::Truncate(4),
        Fault::CloseUnanswered,
        Fault::ResetUnexecuted,
    ] {
        // A connection that is being made in place of an earlier one may meet the fault first.
        common::eventually("the fault is met", || {
            sim.fault_times(a, fault.clone(), hitless::sim::Times::Next(1));
            let met = client.get::<Vec<u8>>("c4n4ry").err();
            met.iter().for_each(nowhere);
            met.is_some()
        });
        common::eventually("the client recovers", || client.ping().is_ok());
    }
    sim.fault(a, Fault::Silence);
    let results = pipe()
        .cmd(Cmd::new("SET").arg("c4n4ry").arg("c4n4ry"))
        .run(&client);
    nowhere(results[0].as_ref().unwrap_err());
    sim.clear_faults(a).unwrap();
    common::eventually("the client recovers", || client.ping().is_ok());
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    assert!(sim.wait_until(SOON, |now| now.open_on(a) == 0));
    client.close();
    let error = client.set("c4n4ry", "c4n4ry").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed(_)));
    nowhere(&error);
    assert!(!format!("{:?}", Cmd::new("SET").arg("c4n4ry")).contains("c4n4ry"));
}

#[test]
fn a_server_that_cannot_be_read_is_quoted_nowhere() {
    let _turn = listen();
    for bytes in [
        "c4n4ry\r\n",
        "$c4n4ry\r\n",
        "%1\r\n$6\r\nc4n4ry\r\n!",
        "+c4n4ry\r\n",
    ] {
        let fake = Fake::start(move |peer: &mut Peer| {
            peer.read()?;
            peer.send(bytes)?;
            peer.read().map(|words| drop(answer(&words)))
        });
        let error = Client::connect(&*fake.address.to_string()).unwrap_err();
        nowhere(&error);
    }
}

/// Waits for so many such lines. What waits at a close is left behind on a machine that is too busy for 200 ms.
#[track_caller]
fn wait_for(count: usize, such: impl Fn(Level, &str) -> bool) {
    common::eventually("the lines", || {
        let lines = CAPTURE.lines();
        lines
            .iter()
            .filter(|(level, line)| such(*level, line))
            .count()
            >= count
    });
}

/// Waits until a line of this level and target says so, and claims that none of another does.
#[track_caller]
fn told(level: Level, target: &str, text: &str) {
    let says = |line: &&(Level, String)| line.1.contains(text);
    common::eventually(text, || CAPTURE.lines().iter().any(|line| says(&line)));
    let begin = format!("{target}: ");
    let lines = CAPTURE.lines();
    for line in lines.iter().filter(says) {
        assert!(line.0 == level && line.1.starts_with(&begin), "{line:?}");
    }
    let is_named = |line: &str| {
        ALL.iter()
            .any(|name| line.starts_with(&format!("{name}: ")))
    };
    for (_, line) in lines.iter().filter(|line| line.1.starts_with("hitless")) {
        assert!(is_named(line), "no constant names the target of {line:?}");
    }
}

/// A hook, policy or resolver that hangs for as long as the test holds the lock.
#[derive(Clone, Debug, Default)]
struct Held {
    lock: Arc<Mutex<()>>,
    arrivals: Arc<AtomicUsize>,
}

impl Held {
    fn pass(&self) {
        self.arrivals.fetch_add(1, Ordering::SeqCst);
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
    }

    #[track_caller]
    fn wait_arrival(&self, number: usize) {
        common::eventually("somebody comes", || {
            self.arrivals.load(Ordering::SeqCst) == number
        });
    }
}

impl NotificationHook for Held {
    fn before(&self, _: &Notice) -> Reaction {
        self.pass();
        Reaction::Continue
    }
}

impl Resolver for Held {
    fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        self.pass();
        Ok(Vec::new())
    }
}

struct Clumsy;

impl NotificationHook for Clumsy {
    fn before(&self, _: &Notice) -> Reaction {
        panic!("a clumsy hook, on purpose");
    }
}

#[test]
fn a_hook_that_panics_is_told_as_an_error() {
    let _turn = listen();
    let sim = Sim::builder().start().unwrap();
    let maintenance = MaintenanceOptions::new().hook(Arc::new(Clumsy));
    let options = options(&sim, sim.node(0)).pool_size(1);
    let _client = Client::connect(options.maintenance(maintenance)).unwrap();
    sim.migrating(1, "1");
    told(Level::Error, HOOKS, "a notification hook panicked");
}

#[test]
fn what_goes_wrong_in_maintenance_is_told_as_a_warning() {
    let _turn = listen();
    let sim = Sim::builder().nodes(2).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    let second = Duration::from_secs(1);
    let connect = |maintenance: MaintenanceOptions| {
        let options = options(&sim, a).pool_size(1);
        Client::connect(options.maintenance(maintenance.max_jitter(Duration::ZERO))).unwrap()
    };
    let warned = |target: &str, text: &str| told(Level::Warn, target, text);
    // By a machine that is too busy it is left behind, and counted.
    let warned_by_the_close = |client: Client, target: &str, text: &str| {
        client.close();
        if client.stats().log_lines_dropped == 0 {
            warned(target, text);
        }
    };

    let client = connect(MaintenanceOptions::new());
    sim.start_moving(Moving::new(a, Target::Text("169.254.169.254:80".into())).announce(1));
    warned(
        HANDOFF,
        "names 169.254.169.254:80, which may not be dialled",
    );
    client.close();

    let client = connect(MaintenanceOptions::new().target_policy(|_| TargetVerdict::Deny));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    let denied = format!("the target policy denies {}", sim.addr(b));
    warned(HANDOFF, &denied);
    client.close();

    sim.fault(b, Fault::Refuse);
    let client = connect(
        MaintenanceOptions::new()
            .handoff_timeout(second)
            .breaker_threshold(1),
    );
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(1));
    warned(HANDOFF, &format!("breaker of {}: Open", sim.addr(b)));
    warned(HANDOFF, "handoff ran out of time, 1 connections left");
    client.close();

    let held = Held::default();
    let holding = held.lock.lock().unwrap();
    let maintenance = MaintenanceOptions::new().hook(Arc::new(held.clone()));
    let client = connect(maintenance.hook_timeout(Duration::from_millis(1)));
    sim.migrating(1, "1");
    warned(HOOKS, "hooks took too long over MIGRATING");
    held.wait_arrival(1);
    warned_by_the_close(client, HOOKS, "a notification hook still runs");

    let policy = held.clone();
    let client = connect(MaintenanceOptions::new().target_policy(move |_| {
        policy.pass();
        TargetVerdict::Deny
    }));
    sim.start_moving(Moving::new(a, Target::Node(b)).announce(60));
    held.wait_arrival(2);
    warned_by_the_close(client, HANDOFF, "a target policy still runs");

    let options = Options::new("name.test:6379").unwrap();
    let client = Client::lazy(options.resolver(held.clone())).unwrap();
    thread::scope(|scope| {
        let asks = scope.spawn(|| client.ping());
        held.wait_arrival(3);
        client.close();
        asks.join().unwrap().unwrap_err();
    });
    warned_by_the_close(client, CONNECTION, "1 name lookups hang in the system");
    drop(holding);
}

#[test]
fn a_group_that_is_gone_under_its_consumer_is_told_as_a_warning() {
    let _turn = listen();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0))).unwrap();
    let starts = [
        ("$", "entries that were added meanwhile are skipped"),
        ("0", "its entries come again"),
    ];
    for (from, what) in starts {
        CAPTURE.lines().clear();
        let options = StreamConsumerOptions::new("secret-key", "secret-group", "me");
        let mut consumer = client.stream_consumer(&options.create_group(from));
        let control = consumer.control();
        let waits = thread::spawn(move || consumer.next().is_none());
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        client.xgroup_destroy("secret-key", "secret-group").unwrap();
        told(Level::Warn, STREAM, what);
        control.stop();
        assert!(waits.join().unwrap());
        let lines = CAPTURE.lines();
        let of_this = lines.iter().filter(|(_, line)| line.contains(STREAM));
        assert_eq!(of_this.count(), 1, "{lines:?}");
        assert!(
            !lines.iter().any(|(_, line)| line.contains("secret")),
            "{lines:?}"
        );
    }
}

#[test]
fn every_copy_of_a_notification_is_traced() {
    let _turn = listen();
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(options(&sim, sim.node(0)).pool_size(3)).unwrap();
    fill(&client, 3);
    sim.migrating(1, "1");
    common::eventually("three copies", || {
        client.maintenance().notifications_duplicate == 2
    });
    told(Level::Trace, NOTIFICATION, "MIGRATING Acted");
    told(Level::Trace, NOTIFICATION, "MIGRATING Duplicate");
    wait_for(2, |_, line| line.contains("MIGRATING Duplicate"));
    // The close writes what is still on its way, so that no copy can follow.
    client.close();
    let lines = CAPTURE.lines();
    let count = |text: &str| lines.iter().filter(|line| line.1.contains(text)).count();
    assert_eq!(
        (count("MIGRATING Acted"), count("MIGRATING Duplicate")),
        (1, 2)
    );
}
