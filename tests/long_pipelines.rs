//! Pipelines that are longer than the sockets and the memory beside them: none stops half-way, none is divided,
//! and each command says what became of it.
#![cfg(all(feature = "sim", target_os = "linux"))]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test panics when a claim is false"
)]

mod common;

use common::fake::{Fake, answer, bulk};
use common::{SOON, by_name, patient};
use hitless::sim::{Record, Sim, Target};
use hitless::{
    Client, Delivery, ErrorKind, Options, Phase, Pipeline, Result, TcpOptions, Value, cmd, pipe,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// So many commands of [`WIDE`] bytes are more than two sockets hold (4 MiB to be sent, 6 MiB that were received,
/// at most, unless the system is told otherwise).
const MANY: usize = 16_000;
const WIDE: usize = 1_000;

/// Time for a busy machine. It may leave a server that has more to read than the sockets hold without its turn for
/// longer than the system waits, and then the system ends the connection.
fn unhurried(options: Options) -> Options {
    let tcp = TcpOptions::default().user_timeout(Duration::ZERO);
    options.command_timeout(SOON * 6).tcp(tcp)
}

fn to(fake: &Fake) -> Client {
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    Client::connect(unhurried(options.pool_size(1))).unwrap()
}

/// Commands that say which they are, and are wide.
fn wide() -> Pipeline {
    let wide = vec![b'x'; WIDE];
    let mut pipeline = pipe();
    for number in 0..MANY {
        pipeline.add(&cmd("ECHO").arg(number).arg(wide.as_slice()));
    }
    pipeline
}

#[test]
fn a_server_that_reads_nothing_until_its_replies_are_read_stops_no_pipeline() {
    // Each reply is written before the next command is read, so that both directions are full at once.
    let fake = Fake::start(|peer| {
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                b"ECHO" => {
                    let mut reply = words[1].clone();
                    reply.extend_from_slice(&words[2]);
                    peer.send(bulk(&reply))?;
                }
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let results = wide().run(&to(&fake));
    assert_eq!(results.len(), MANY);
    for (number, result) in results.iter().enumerate() {
        let reply = result.as_ref().unwrap().as_bytes().unwrap();
        let digits = number.to_string();
        assert!(reply.starts_with(digits.as_bytes()), "at {number}");
        assert_eq!(reply.len(), digits.len() + WIDE);
    }
}

/// How many commands in front were answered, with their own reply, and what the others' errors say.
fn parted(results: &[Result<Value>]) -> (usize, Vec<Delivery>) {
    let answered = results.iter().take_while(|result| result.is_ok()).count();
    for (number, result) in results.iter().take(answered).enumerate() {
        assert_eq!(result.as_ref().unwrap().as_int(), Some(number as i64));
    }
    let lost = results.iter().skip(answered);
    let deliveries = lost.map(|result| result.as_ref().unwrap_err().delivery());
    (answered, deliveries.collect())
}

#[test]
fn a_connection_that_is_lost_half_way_says_of_each_command_whether_it_may_have_run() {
    const ANSWERED: usize = 100;
    let read = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start({
        let read = Arc::clone(&read);
        move |peer| {
            loop {
                let words = peer.next()?;
                match words[0].as_slice() {
                    b"ECHO" => {
                        let number = read.fetch_add(1, Ordering::Relaxed);
                        peer.send(format!(":{number}\r\n"))?;
                        if number + 1 == ANSWERED {
                            return Ok(());
                        }
                    }
                    _ => peer.send(answer(&words))?,
                }
            }
        }
    });
    let results = wide().run(&to(&fake));
    assert_eq!(results.len(), MANY);
    let (answered, deliveries) = parted(&results);
    assert!(answered <= ANSWERED);
    // What may have run comes first, and everything that the server has read is among it.
    let unknown = deliveries
        .iter()
        .take_while(|delivery| **delivery == Delivery::Unknown)
        .count();
    let unsent = deliveries.get(unknown..).unwrap();
    assert!(unsent.iter().all(|delivery| *delivery == Delivery::NotSent));
    assert!(!unsent.is_empty(), "more than the sockets hold");
    assert!(read.load(Ordering::Relaxed) <= answered + unknown);
}

#[test]
fn a_pipeline_whose_time_ends_half_way_keeps_the_replies_that_came() {
    const ANSWERED: usize = 1_000;
    const ALL: usize = 3_000;
    let fake = Fake::start(|peer| {
        let mut number = 0;
        loop {
            let words = peer.next()?;
            match words[0].as_slice() {
                b"INCR" => {
                    // All of them are read, and these are answered.
                    if number < ANSWERED {
                        peer.send(format!(":{number}\r\n"))?;
                    }
                    number += 1;
                }
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let mut pipeline = pipe();
    pipeline.timeout(Duration::from_millis(500));
    (0..ALL).for_each(|_| {
        pipeline.add(&cmd("INCR").arg("n"));
    });
    let results = pipeline.run(&to(&fake));
    let (answered, deliveries) = parted(&results);
    assert_eq!(answered + deliveries.len(), ALL);
    assert!(answered <= ANSWERED);
    assert!(deliveries.iter().all(|lost| *lost == Delivery::Unknown));
    let error = results.last().unwrap().as_ref().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout(Phase::AwaitReply));
    assert_eq!(error.index(), Some(ALL - 1));
}

#[test]
fn a_move_in_the_middle_divides_no_pipeline() {
    const COUNTED: usize = 20_000;
    let sim = Sim::builder()
        .nodes(2)
        .record(Record::Commands(COUNTED))
        .start();
    let sim = sim.unwrap();
    let client = Client::connect(unhurried(by_name(&sim))).unwrap();
    let mut pipeline = pipe();
    (0..COUNTED).for_each(|_| {
        pipeline.add(&cmd("INCR").arg("n"));
    });
    let counts: Vec<i64> = std::thread::scope(|scope| {
        let run = scope.spawn(|| pipeline.query(&client).unwrap());
        let begun = sim.wait_until(SOON, |sim| sim.executions("incr", "n") > 0);
        assert!(begun);
        let (from, to) = (sim.node(0), sim.node(1));
        sim.moving(from, Target::Node(to), SOON * 3);
        run.join().unwrap()
    });
    // Each once, in order, and all on one connection.
    assert!(counts.iter().copied().eq(1..=COUNTED as i64));
    let records = sim.connections();
    let used = records
        .iter()
        .filter_map(|record| record.counts.get("incr"));
    assert_eq!(used.copied().collect::<Vec<_>>(), [COUNTED as u64]);
}
