//! What becomes of a client when its process forks.
#![allow(clippy::unwrap_used, reason = "a test panics when a claim is false")]

#[path = "../common/redis.rs"]
#[allow(
    clippy::disallowed_methods,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "shared with the tests of the client"
)]
mod redis;

use fork_tests::fork;
use hitless::sim::Sim;
use hitless::{
    Canceller, Client, Commands, Delivery, Error, ErrorKind, Options, StreamConsumerOptions,
    SubscriberEvent, cmd, pipe,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// How often a test forks.
const FORKS: usize = 100;

/// Longer than anything takes on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A number that differs between the servers of all test programs.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed)
}

fn options(sim: &Sim) -> Options {
    Options::new(&sim.addr(sim.node(0)).to_string())
        .unwrap()
        .connect_timeout(SOON)
        .command_timeout(SOON)
        .pool_size(4)
}

/// Says `text` to the server, which must say the same.
fn echo(client: &Client, text: &str) -> Result<(), String> {
    let back: String = client
        .query(&cmd("ECHO").arg(text))
        .map_err(|error| error.to_string())?;
    if back == text {
        Ok(())
    } else {
        Err(format!("{text} was answered {back}"))
    }
}

fn forked(error: Option<Error>) -> Result<(), String> {
    match error {
        Some(error)
            if *error.kind() == ErrorKind::Forked && error.delivery() == Delivery::NotSent =>
        {
            Ok(())
        }
        other => Err(format!("not refused: {other:?}")),
    }
}

/// Uses an inherited client in every way there is, and drops it.
fn use_inherited(client: Client) -> Result<(), String> {
    forked(client.query::<String>(&cmd("ECHO").arg("child")).err())?;
    forked(client.get::<Option<String>>("key").err())?;
    forked(
        client
            .blpop::<String, String>(&["queue"], Duration::from_secs(1))
            .err(),
    )?;
    for result in pipe().cmd(cmd("PING")).cmd(cmd("PING")).run(&client) {
        forked(result.err())?;
    }
    for result in pipe().atomic().cmd(cmd("PING")).run(&client) {
        forked(result.err())?;
    }
    if !client.stats().shared.is_empty() || !client.maintenance().handoffs.is_empty() {
        return Err("it tells of connections that it does not have".to_owned());
    }
    client.close();
    let copy = client.clone();
    drop(client);
    drop(copy);
    Ok(())
}

/// Ends the load, also when a claim is false.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `between` while another thread does something again and again.
fn meanwhile(what: impl Fn() + Sync, between: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _guard = Stop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                what();
            }
        });
        between();
    });
}

/// Runs `between` while threads use the client in many ways and verify what they get.
fn under_load(client: &Client, between: impl FnOnce()) {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (stop, done) = (&stop, &done);
                scope.spawn(move || {
                    let mut turn = 0;
                    while !stop.load(Ordering::Relaxed) {
                        turn += 1;
                        echo(client, &format!("{number}-{turn}")).unwrap();
                        match turn % 50 {
                            1 => drop(client.stats()),
                            2 => drop(client.maintenance()),
                            3 => client.set(format!("key-{number}"), turn).unwrap(),
                            _ => {}
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let guard = Stop(&stop);
        between();
        drop(guard);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert!(done.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_client_that_was_inherited_is_refused_and_disturbs_nobody() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    under_load(&client, || {
        for _ in 0..FORKS {
            let inherited = client.clone();
            // In the parent the copy goes with the closure, unused.
            let child = fork(move || use_inherited(inherited)).unwrap();
            child.join().unwrap();
        }
    });
    // Whatever the children did and however they ended, no connection was lost.
    assert_eq!(client.stats().connections_lost, 0);
    echo(&client, "afterwards").unwrap();
}

#[test]
fn a_client_made_in_the_child_works() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let options = options(&sim);
    let client = Client::connect(options.clone()).unwrap();
    under_load(&client, || {
        for number in 0..FORKS {
            let (inherited, options) = (client.clone(), options.clone());
            let body = move || {
                forked(inherited.ping().err())?;
                let own = Client::connect(options).map_err(|error| error.to_string())?;
                thread::scope(|scope| {
                    let own = &own;
                    let threads: Vec<_> = (0..4)
                        .map(|thread| {
                            scope.spawn(move || {
                                (0..50).try_for_each(|turn| {
                                    echo(own, &format!("child-{number}-{thread}-{turn}"))
                                })
                            })
                        })
                        .collect();
                    threads
                        .into_iter()
                        .try_for_each(|thread| thread.join().unwrap())
                })?;
                own.close();
                Ok(())
            };
            fork(body).unwrap().join().unwrap();
        }
    });
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_child_that_ends_closes_nothing_of_its_parent() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    echo(&client, "before").unwrap();
    let open = sim.connections().iter().filter(|one| one.is_open()).count();
    // It ends without a word, and drops what it has inherited.
    fork(|| Ok(())).unwrap().join().unwrap();
    let inherited = client.clone();
    fork(move || {
        drop(inherited);
        Ok(())
    })
    .unwrap()
    .join()
    .unwrap();
    echo(&client, "after").unwrap();
    let now = sim.connections();
    assert_eq!(now.iter().filter(|one| one.is_open()).count(), open);
}

#[test]
fn a_lease_that_was_inherited_is_refused_and_disturbs_nobody() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    under_load(&client, || {
        for _ in 0..FORKS {
            let lease = client.lease().unwrap();
            lease.watch("key").unwrap();
            lease.select(1).unwrap();
            let inherited = client.clone();
            // In the parent the lease ends with the closure, and gives its connection back as it was.
            let body = move || {
                forked(lease.set("key", 1).err())?;
                for result in pipe().atomic().incr("key").run(&lease) {
                    forked(result.err())?;
                }
                drop(lease);
                forked(inherited.lease().err())?;
                let transaction = inherited.transaction("key", |_| Ok::<_, Error>(()));
                forked(transaction.err())
            };
            fork(body).unwrap().join().unwrap();
        }
    });
    let stats = client.stats();
    assert_eq!(
        (stats.connections_lost, stats.dedicated.len()),
        (0, 1),
        "{stats:?}"
    );
    let lease = client.lease().unwrap();
    client.set("here", 1).unwrap();
    assert_eq!(lease.get::<Option<i64>>("here").unwrap(), Some(1));
}

#[test]
fn a_subscriber_that_was_inherited_is_refused_and_disturbs_nobody() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    let subscriber = client.subscriber().unwrap();
    subscriber.subscribe("channel").unwrap();
    let control = subscriber.control();
    // Taken out by children only, in their copy of it.
    let mut mine = Some(subscriber);
    under_load(&client, || {
        for number in 0..FORKS {
            let body = || {
                let mut subscriber = mine.take().unwrap();
                forked(subscriber.try_next().err())?;
                forked(subscriber.next_within(SOON).err())?;
                forked(subscriber.next().and_then(Result::err))?;
                if subscriber.next().is_some() {
                    return Err("it goes on".to_owned());
                }
                forked(subscriber.subscribe("other").err())?;
                forked(subscriber.control().unsubscribe("channel").err())?;
                forked(control.subscribe("other").err())?;
                control.stop();
                drop(subscriber);
                drop(control.clone());
                Ok(())
            };
            fork(body).unwrap().join().unwrap();
            client
                .query::<i64>(&cmd("PUBLISH").arg("channel").arg(number))
                .unwrap();
        }
    });
    // Each once, and no word of another connection.
    let subscriber = mine.as_mut().unwrap();
    for number in 0..FORKS {
        match subscriber.next_within(SOON).unwrap() {
            Some(SubscriberEvent::Message(message)) => {
                assert_eq!(message.payload, number.to_string().into_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.stats().connections_lost, 0);
    control.stop();
    assert!(subscriber.next().is_none());
}

#[test]
fn a_stream_consumer_that_was_inherited_is_refused_and_disturbs_nobody() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    let given = StreamConsumerOptions::new("stream", "group", "me").create_group("0");
    let consumer = client.stream_consumer(&given);
    let control = consumer.control();
    let mut mine = Some(consumer);
    // Another thread is in its lock at almost any time, and there for ever in a child.
    let looks = || {
        control.is_stopped();
    };
    meanwhile(looks, || {
        for number in 0..FORKS {
            client.xadd("stream", "*", [("n", number)]).unwrap();
            let delivery = mine.as_mut().unwrap().next().unwrap().unwrap();
            let mut delivery = Some(delivery);
            let body = || {
                let mut consumer = mine.take().unwrap();
                let delivery = delivery.take().unwrap();
                forked(delivery.keep().err())?;
                forked(delivery.ack().err())?;
                forked(consumer.next().and_then(Result::err))?;
                if consumer.next().is_some() {
                    return Err("it goes on".to_owned());
                }
                control.stop();
                if !control.is_stopped() {
                    return Err("it can be used".to_owned());
                }
                drop(consumer);
                Ok(())
            };
            fork(body).unwrap().join().unwrap();
            let delivery = delivery.unwrap();
            assert_eq!(delivery.get::<usize>("n").unwrap(), Some(number));
            assert_eq!(delivery.deliveries(), 1);
            delivery.ack().unwrap();
        }
    });
    assert!(!control.is_stopped());
    assert_eq!(client.stats().connections_lost, 0);
}

#[test]
fn a_canceller_that_was_inherited_does_nothing_and_disturbs_nobody() {
    let sim = Sim::builder().nodes(1).start().unwrap();
    let client = Client::connect(options(&sim)).unwrap();
    let [mine, busy] = [(); 2].map(|()| Canceller::new());
    // Another thread is in its lock at almost any time, and there for ever in a child.
    meanwhile(
        || busy.cancel(),
        || {
            for number in 0..FORKS {
                let body = || {
                    busy.cancel();
                    mine.cancel();
                    if mine.is_cancelled() {
                        return Err("it was cancelled here".to_owned());
                    }
                    forked(client.cancelled_by(&mine).ping().err())?;
                    if number > 0 {
                        return Ok(());
                    }
                    // A client of the child itself, under a canceller of the parent and under one of its own.
                    let other = Client::connect(options(&sim)).map_err(|e| e.to_string())?;
                    let wait = Duration::from_millis(1);
                    let waited = |by: &Canceller| {
                        let other = other.cancelled_by(by);
                        other.blpop::<(), String>("empty", wait)
                    };
                    forked(waited(&mine).err())?;
                    forked(waited(&busy).err())?;
                    for result in pipe().cmd(cmd("PING")).run(&other.cancelled_by(&mine)) {
                        forked(result.err())?;
                    }
                    let own = Canceller::new();
                    waited(&own).map_err(|e| e.to_string())?;
                    own.cancel();
                    let error = waited(&own).err();
                    if !error.is_some_and(|e| *e.kind() == ErrorKind::Cancelled) {
                        return Err("its own cancels nothing".to_owned());
                    }
                    Ok(())
                };
                fork(body).unwrap().join().unwrap();
            }
        },
    );
    // The parent's is as it was.
    client.cancelled_by(&mine).ping().unwrap();
    assert!(!mine.is_cancelled());
}

/// Before a real server: the simulator knows no `MONITOR`.
#[test]
fn a_monitor_that_was_inherited_is_refused_and_disturbs_nobody() {
    let server = redis::Redis::start();
    let given = Options::new(&server.url()).unwrap();
    let given = given.connect_timeout(SOON).command_timeout(SOON);
    let client = Client::connect(given.pool_size(1)).unwrap();
    let mut mine = Some(client.monitor().unwrap());
    for number in 0..FORKS {
        let body = || {
            let mut monitor = mine.take().unwrap();
            forked(monitor.try_next().err())?;
            forked(monitor.next_within(SOON).err())?;
            forked(monitor.next().and_then(Result::err))?;
            if monitor.next().is_some() {
                return Err("it goes on".to_owned());
            }
            if (monitor.reconnects(), monitor.dropped()) != (0, 0) {
                return Err("it tells of another process".to_owned());
            }
            drop(monitor);
            Ok(())
        };
        fork(body).unwrap().join().unwrap();
        echo(&client, &number.to_string()).unwrap();
    }
    let monitor = mine.as_mut().unwrap();
    for number in 0..FORKS {
        let entry = monitor.next_within(SOON).unwrap().unwrap();
        let words = [b"ECHO".to_vec(), number.to_string().into_bytes()];
        assert_eq!(entry.arguments, words);
    }
    assert_eq!((monitor.reconnects(), monitor.dropped()), (0, 0));
}
