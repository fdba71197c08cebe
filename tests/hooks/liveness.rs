//! What becomes of idle connections after a failover: each is asked for a sign of life, and replaced if
//! it gives none. Busy ones are not asked.

use crate::fake::{Fake, Peer, answer};
use crate::support::{SOON, fill, options, until};
use hitless::sim::{ConnectionRecord, Fault, Sim};
use hitless::{Client, Commands, MaintenanceOptions, Options, cmd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// How long a PING may go unanswered, and a dial take.
const TIME: Duration = Duration::from_secs(2);

const FAILOVER: &str = ">4\r\n$12\r\nFAILING_OVER\r\n:1\r\n:2\r\n$3\r\n[1]\r\n\
                        >3\r\n$11\r\nFAILED_OVER\r\n:2\r\n$3\r\n[1]\r\n";

fn pings(sim: &Sim) -> Vec<u64> {
    // One belongs to the opening.
    let count = |one: &ConnectionRecord| one.count("ping").saturating_sub(1);
    sim.connections().iter().map(count).collect()
}

#[test]
fn idle_connections_that_are_silent_after_a_failover_are_replaced() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = options(&sim, a, 3, MaintenanceOptions::new());
    let client = Client::connect(options.connect_timeout(TIME)).unwrap();
    fill(&sim, a, &client, 3);
    sim.fault(a, Fault::Silence);
    sim.failing_over(1, "1");
    sim.failed_over("1");
    // No command is sent that could find it out.
    until(|| client.stats().connections_lost == 3);
    sim.clear_faults(a).unwrap();
    client.set("key", "value").unwrap();
    assert_eq!(client.stats().commands_unknown, 0);
    // A silent server notices nothing, and one that speaks again does.
    let gone = |one: &ConnectionRecord| !one.is_open();
    assert!(sim.wait_until(SOON, |now| now.connections()[..3].iter().all(gone)));
}

#[test]
fn only_the_connection_that_does_not_answer_is_replaced() {
    let asked: Arc<[AtomicUsize; 2]> = Arc::default();
    let ended: Arc<[AtomicBool; 2]> = Arc::default();
    let (ask, end, both) = (Arc::clone(&asked), Arc::clone(&ended), Barrier::new(2));
    let fake = Fake::start(move |peer: &mut Peer| {
        let number = peer.number;
        loop {
            let words = peer.next().inspect_err(|_| {
                if number < 2 {
                    end[number].store(true, Ordering::SeqCst);
                }
            })?;
            match words[0].as_slice() {
                b"BLPOP" => {
                    both.wait();
                    peer.send("_\r\n")?;
                }
                b"PING" if number < 2 => {
                    ask[number].fetch_add(1, Ordering::SeqCst);
                    if number == 1 {
                        peer.send("+PONG\r\n")?;
                    }
                }
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    let client = Client::connect(options.pool_size(2).connect_timeout(TIME)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let pop = cmd("BLPOP").arg("list").arg(0);
                assert_eq!(client.query::<Option<String>>(&pop).unwrap(), None);
            });
        }
    });
    until(|| client.stats().shared.iter().all(|one| one.requests == 0));
    fake.send(1, FAILOVER);
    // Their times are over together.
    until(|| client.stats().connections_lost == 1);
    client.set("key", "value").unwrap();
    client.maintenance();
    let asked: Vec<usize> = asked.iter().map(|one| one.load(Ordering::SeqCst)).collect();
    assert_eq!(asked, [1, 1]);
    until(|| ended[0].load(Ordering::SeqCst));
    assert!(!ended[1].load(Ordering::SeqCst));
    let stats = client.stats();
    assert_eq!((stats.connections_lost, stats.commands_unknown), (1, 0));
}

#[test]
fn a_busy_connection_is_not_asked_and_its_command_is_answered() {
    let sim = Sim::builder().start().unwrap();
    let a = sim.node(0);
    let options = options(&sim, a, 1, MaintenanceOptions::new());
    let client = Client::connect(options.connect_timeout(TIME)).unwrap();
    let pop = || client.query::<(String, String)>(&cmd("BLPOP").arg("list").arg(0));
    std::thread::scope(|scope| {
        let busy = scope.spawn(pop);
        assert!(sim.wait_until(SOON, |now| now.blocked() == 1));
        sim.failing_over(1, "1");
        sim.failed_over("1");
        // The one that commands share is idle.
        until(|| pings(&sim).iter().sum::<u64>() == 1);
        client.rpush("list", ["one", "two"]).unwrap();
        busy.join().unwrap().unwrap();
    });
    // Nothing lies behind the command that was answered: its connection answers another.
    pop().unwrap();
    let pings = &pings(&sim);
    assert_eq!(
        (pings.len(), pings.iter().sum::<u64>()),
        (2, 1),
        "{pings:?}"
    );
    assert_eq!(client.stats().connections_lost, 0);
}
