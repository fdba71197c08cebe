//! What is agreed with a server, and what of that anybody notices.

use crate::common::fake::{Fake, answer, opening_answer};
use crate::common::{SOON, by_name, eventually, options};
use crate::support::{Watch, all_at, alone, full, peers, together};
use hitless::sim::MovingEndpointType;
use hitless::sim::{Moving, OptIn, Replay, Sim, Target};
use hitless::{
    BreakerState, Client, Cmd, Commands, EndpointType, MaintenanceEvent, MaintenanceOptions,
    Options,
};
use std::sync::{Arc, Mutex, PoisonError};

const REFUSALS: [OptIn; 5] = [
    OptIn::Disabled,
    OptIn::Forbidden,
    OptIn::Nil,
    OptIn::UnknownToRedis6,
    OptIn::UnknownToRedis7,
];

/// Keeps what is logged while it is told to.
struct Log(Mutex<Vec<(log::Level, String)>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl Log {
    fn begin() {
        log::set_logger(&LOG).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    }

    fn end() -> Vec<(log::Level, String)> {
        log::set_max_level(log::LevelFilter::Off);
        std::mem::take(&mut LOG.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !metadata.target().starts_with("hitless::sim")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.target(), record.args());
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((record.level(), line));
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_server_without_notifications_costs_one_line_of_debug_and_no_error() {
    let _alone = alone();
    Log::begin();
    for refusal in REFUSALS {
        let sim = Sim::builder().opt_in(refusal).start().unwrap();
        let client = full(options(&sim, sim.node(0)), 4);
        for _ in 0..50 {
            client.ping().unwrap();
        }
        client.close();
    }
    let lines = Log::end();
    let loud: Vec<_> = lines
        .iter()
        .filter(|(level, _)| *level < log::Level::Debug)
        .collect();
    assert!(loud.is_empty(), "{loud:?}");
    let told = |line: &&(log::Level, String)| line.1.contains("sends no maintenance notifications");
    assert_eq!(
        lines.iter().filter(told).count(),
        REFUSALS.len(),
        "{lines:?}"
    );
}

#[test]
fn a_refusal_reaches_no_hook_and_no_count_of_failures() {
    let _together = together();
    for refusal in REFUSALS {
        let sim = Sim::builder().opt_in(refusal).start().unwrap();
        let watch = Arc::new(Watch::default());
        let maintenance = MaintenanceOptions::new().hook(watch.clone());
        let a = sim.node(0);
        let client = full(options(&sim, a).maintenance(maintenance), 3);
        let stats = client.stats();
        assert_eq!(
            (stats.dials_failed, stats.connections_lost),
            (0, 0),
            "{refusal:?}: {stats:?}"
        );
        assert_eq!(
            stats.opt_ins_refused, 1,
            "asked once, not for each connection: {stats:?}"
        );
        assert_eq!(client.maintenance().events_dropped, 0);
        client.close();
        assert!(
            watch.events().is_empty() && watch.before().is_empty(),
            "{refusal:?}: {watch:?}"
        );
    }
}

#[test]
fn a_move_to_a_server_that_refuses_the_opt_in_opens_no_breaker() {
    let _together = together();
    for refusal in REFUSALS {
        let sim = Sim::builder().start().unwrap();
        let [a, b] = [sim.node(0), sim.node(1)];
        sim.set_opt_in(b, refusal);
        let watch = Arc::new(Watch::default());
        let maintenance = MaintenanceOptions::new()
            .hook(watch.clone())
            .breaker_threshold(1);
        let client = full(options(&sim, a).maintenance(maintenance), 3);
        sim.start_moving(Moving::new(a, Target::Node(b)).announce(5));
        eventually("the pool has moved", || all_at(&client, sim.addr(b), 3));
        let completed =
            |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::HandoffCompleted(_));
        eventually("the move is complete", || watch.count(completed) == 1);
        let stats = client.maintenance();
        // The place was dialled under the eyes of its breaker.
        assert_eq!(stats.breakers.len(), 1, "{refusal:?}: {stats:?}");
        assert_eq!(stats.breakers[0].state, BreakerState::Closed, "{refusal:?}");
        let changed =
            |event: &MaintenanceEvent| matches!(event, MaintenanceEvent::BreakerChanged { .. });
        assert_eq!((watch.count(changed), stats.handoff_dials_failed), (0, 0));
        assert_eq!(stats.opt_ins_refused, 1, "{refusal:?}");
    }
}

#[test]
fn a_server_that_ceases_to_accept_is_served_without() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let client = Client::connect(options(&sim, a).pool_size(1)).unwrap();
    for round in 0..3 {
        let opt_in = if round % 2 == 0 {
            OptIn::UnknownToRedis7
        } else {
            OptIn::Accepted
        };
        sim.set_opt_in(a, opt_in);
        let old = sim.connections().last().unwrap().id;
        assert!(sim.kill(old));
        eventually("a new connection serves", || {
            client.ping().is_ok() && sim.connections().last().unwrap().id != old
        });
    }
    let stats = client.stats();
    assert_eq!(
        (stats.dials_failed, stats.connections()),
        (0, 1),
        "{stats:?}"
    );
}

#[test]
fn a_refusal_by_one_server_keeps_nobody_from_asking_another() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.set_opt_in(a, OptIn::UnknownToRedis7);
    let client = Client::connect(by_name(&sim).pool_size(1)).unwrap();
    assert!(!client.stats().shared[0].opted_in);
    // The name leads to another server now, which knows the notifications.
    sim.advertise(&[b]);
    sim.retire(a);
    eventually("the other server is reached", || {
        client.ping().is_ok() && peers(&client) == [sim.addr(b)]
    });
    assert!(client.stats().shared[0].opted_in, "{:?}", client.stats());
}

#[test]
fn the_kind_of_place_that_was_configured_is_the_kind_that_is_asked_for() {
    let _together = together();
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    for (configured, asked) in [
        (EndpointType::Auto, MovingEndpointType::InternalIp),
        (EndpointType::ExternalFqdn, MovingEndpointType::ExternalFqdn),
        (EndpointType::ExternalIp, MovingEndpointType::ExternalIp),
        (EndpointType::InternalFqdn, MovingEndpointType::InternalFqdn),
        (EndpointType::InternalIp, MovingEndpointType::InternalIp),
        (EndpointType::None, MovingEndpointType::None),
    ] {
        let maintenance = MaintenanceOptions::new().endpoint_type(configured);
        let client = full(options(&sim, a).maintenance(maintenance), 2);
        let open: Vec<_> = sim
            .connections()
            .into_iter()
            .filter(|one| one.is_open())
            .map(|one| one.opted_in)
            .collect();
        assert_eq!(open, [Some(asked); 2], "{configured:?}");
        client.close();
        assert!(sim.wait_until(SOON, |now| now.open() == 0));
    }
}

#[test]
fn every_connection_that_opted_in_is_listened_to() {
    let _together = together();
    const POOL: usize = 12;
    let sim = Sim::builder().start().unwrap();
    let client = full(options(&sim, sim.node(0)), POOL);
    assert_eq!(
        sim.connections()
            .iter()
            .filter(|one| one.opted_in.is_some())
            .count(),
        POOL
    );
    // All of them are idle: nobody reads but the client itself.
    sim.migrating(2, "[\"1\"]");
    eventually("every copy is heard", || {
        client.maintenance().notifications_migrating == POOL as u64
    });
    assert_eq!(client.maintenance().notifications_acted, 1);
}

#[test]
fn a_notification_that_comes_with_the_answer_to_the_opt_in_is_heard() {
    let _together = together();
    let sim = Sim::builder().replay(Replay::WithReply).start().unwrap();
    let [a, b] = [sim.node(0), sim.node(1)];
    sim.start_moving(Moving::new(a, Target::Node(b)));
    // The connection is made in the middle of the window, and nothing is said on it later.
    let client = Client::connect(options(&sim, a).pool_size(1)).unwrap();
    eventually("the connection has moved", || {
        peers(&client) == [sim.addr(b)]
    });
    assert_eq!(client.stats().handoffs_started, 1);
}

#[test]
fn notifications_between_the_answers_of_an_opening_shift_no_answer() {
    let _together = together();
    let fake = Fake::start(|peer| {
        let mut seq = 0;
        loop {
            let words = peer.read()?;
            // One before and one behind every answer, whatever it answers.
            for place in ["before", "behind"] {
                if place == "behind" {
                    let known = opening_answer(&words).map(|text| text.as_bytes().to_vec());
                    peer.send(known.unwrap_or_else(|| answer(&words)))?;
                }
                peer.send(format!(
                    ">3\r\n$10\r\nSMIGRATING\r\n:{seq}\r\n$3\r\n1-5\r\n"
                ))?;
                seq += 1;
            }
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = options
        .username("me")
        .password("secret")
        .client_name("drill")
        .database(0);
    let client = Client::connect(options.pool_size(1)).unwrap();
    for number in 0..20 {
        let text = format!("<{number}>");
        assert_eq!(
            client
                .query::<String>(&Cmd::new("ECHO").arg(&text))
                .unwrap(),
            text
        );
    }
    let stats = client.stats();
    assert_eq!(
        (stats.connections_opened, stats.connections_lost),
        (1, 0),
        "{stats:?}"
    );
    // At least the greeting, the name, the opt-in and twenty commands, two each.
    assert!(stats.notifications >= 46, "{stats:?}");
}
