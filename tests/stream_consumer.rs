//! Consumers of stream groups: what they hand out, what they take over, how they end, and that nothing is lost or done
//! twice untold while connections are killed and the server moves.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;
#[path = "stream_consumer/fire.rs"]
mod fire;

use common::redis::{Redis, Version};
use common::{SOON, eventually, options, patient};
use hitless::sim::Sim;
use hitless::{
    Client, Commands, ErrorKind, Options, Protocol, StreamConsumer, StreamConsumerOptions,
    StreamDelivery, StreamId, XReadOptions, cmd, pipe,
};
use std::thread;
use std::time::Duration;

/// Runs the claims on each server and in each protocol.
fn everywhere(claims: impl Fn(&Client)) {
    for version in Version::ALL {
        let redis = Redis::of(version, &[]);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let options = patient(Options::new(&redis.url()).unwrap()).protocol(protocol);
            let client = Client::connect(options).unwrap();
            cmd("FLUSHALL").exec(&client).unwrap();
            claims(&client);
        }
    }
}

/// The consumer of this name, which makes the group.
fn named(consumer: &str) -> StreamConsumerOptions {
    StreamConsumerOptions::new("s", "g", consumer).create_group("0")
}

fn add(client: &Client, numbers: impl IntoIterator<Item = u64>) -> Vec<StreamId> {
    let numbers = numbers.into_iter();
    numbers
        .map(|number| client.xadd("s", "*", [("n", number)]).unwrap())
        .collect()
}

#[track_caller]
fn next(consumer: &mut StreamConsumer) -> StreamDelivery {
    consumer.next().unwrap().unwrap()
}

/// The number in a delivery, and which one of its entry it is.
#[track_caller]
fn told(delivery: &StreamDelivery) -> (u64, u64) {
    (delivery.get("n").unwrap().unwrap(), delivery.deliveries())
}

fn pending(client: &Client) -> u64 {
    client.xpending("s", "g").unwrap().count
}

/// Waits until one client blocks on the server.
#[track_caller]
fn blocks(client: &Client) {
    eventually("a consumer waits", || {
        let info: String = client.query(&cmd("INFO").arg("clients")).unwrap();
        info.contains("blocked_clients:1\r\n")
    });
}

#[test]
fn each_entry_is_handed_out_once_and_acknowledged() {
    everywhere(|client| {
        let ids = add(client, 0..7);
        let mut consumer = client.stream_consumer(&named("me").count(3));
        for (number, id) in (0..5).zip(&ids) {
            let delivery = next(&mut consumer);
            assert_eq!((told(&delivery), delivery.id), ((number, 1), *id));
            delivery.ack().unwrap();
        }
        let last = vec![next(&mut consumer), next(&mut consumer)];
        assert_eq!(pending(client), 2);
        consumer.ack_all(last).unwrap();
        assert_eq!(pending(client), 0);
        // Nothing is deleted unasked.
        assert_eq!(client.xlen("s").unwrap(), 7);
    });
}

#[test]
fn acknowledged_entries_are_deleted_for_who_asks_for_it() {
    everywhere(|client| {
        add(client, 0..3);
        let mut consumer = client.stream_consumer(&named("me").delete_acknowledged());
        next(&mut consumer).ack().unwrap();
        assert_eq!(client.xlen("s").unwrap(), 2);
        let rest = vec![next(&mut consumer), next(&mut consumer)];
        consumer.ack_all(rest).unwrap();
        assert_eq!((client.xlen("s").unwrap(), pending(client)), (0, 0));
    });
}

#[test]
fn one_that_is_started_again_begins_with_what_it_had() {
    everywhere(|client| {
        let ids = add(client, 0..5);
        let mut consumer = client.stream_consumer(&named("me").count(3));
        next(&mut consumer).ack().unwrap();
        drop(next(&mut consumer));
        drop(consumer);
        // One of the entries is gone meanwhile.
        assert_eq!(client.xdel("s", ids[1]).unwrap(), 1);
        let mut consumer = client.stream_consumer(&named("me").count(3));
        for expected in [(2, 2), (3, 1), (4, 1)] {
            let delivery = next(&mut consumer);
            assert_eq!(told(&delivery), expected);
            delivery.ack().unwrap();
        }
        assert_eq!(pending(client), 0);
    });
}

#[test]
fn what_another_has_left_is_taken_over_once_it_was_idle() {
    everywhere(|client| {
        add(client, 0..2);
        let idle = Some(Duration::from_millis(100));
        let mut one = client.stream_consumer(&named("one"));
        let held = next(&mut one);
        drop(next(&mut one));
        let mut two = client.stream_consumer(&named("two").claim_after(idle));
        for number in 0..2 {
            let delivery = next(&mut two);
            let (told, deliveries) = told(&delivery);
            // More often where the machine was too busy to hand it out in half of that time.
            assert!(told == number && deliveries >= 2, "{told} {deliveries}");
            delivery.ack().unwrap();
        }
        // Too late, and no harm.
        held.ack().unwrap();
        assert_eq!(pending(client), 0);
    });
}

#[test]
fn names_of_consumers_are_any_bytes() {
    everywhere(|client| {
        add(client, 0..2);
        let raw = |name: &[u8]| {
            let idle = Some(Duration::from_millis(100));
            StreamConsumerOptions::new("s", "g", name)
                .create_group("0")
                .claim_after(idle)
        };
        let mut other = client.stream_consumer(&raw(b"\xff\xfe"));
        drop(next(&mut other));
        // Started again under its name, it asks for what it had.
        drop(other);
        let mut other = client.stream_consumer(&raw(b"\xff\xfe"));
        assert_eq!(told(&next(&mut other)).0, 0);
        // And another asks who has left something.
        let mut consumer = client.stream_consumer(&raw(b"\x80"));
        let mut numbers = [0, 1].map(|_| told(&next(&mut consumer)).0);
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
    });
}

#[test]
fn what_fails_again_and_again_becomes_a_dead_letter() {
    everywhere(|client| {
        let [id] = add(client, [7])[..] else {
            panic!("one entry");
        };
        let options = named("me").claim_after(Some(Duration::from_millis(100)));
        let mut consumer = client.stream_consumer(&options.dead_letters("dead", 2));
        let control = consumer.control();
        assert_eq!(told(&next(&mut consumer)), (7, 1));
        assert_eq!(told(&next(&mut consumer)), (7, 2));
        thread::scope(|scope| {
            let rest = scope.spawn(move || consumer.next().is_none());
            let read = client
                .xread_block::<()>("dead", "0", SOON, &XReadOptions::new())
                .unwrap();
            let fields = [
                ("n", "7".to_owned()),
                ("dead:stream", "s".to_owned()),
                ("dead:group", "g".to_owned()),
                ("dead:consumer", "me".to_owned()),
                ("dead:id", id.to_string()),
                ("dead:deliveries", "3".to_owned()),
            ];
            let fields = fields.map(|(name, value)| (name.into(), value.into_bytes()));
            assert_eq!(read[0].1[0].fields, fields);
            assert_eq!(pending(client), 0);
            control.stop();
            assert!(rest.join().unwrap(), "nothing more is handed out");
        });
        assert_eq!(client.xlen("dead").unwrap(), 1);
    });
}

#[test]
fn what_waits_behind_slow_work_is_no_further_delivery_and_no_dead_letter() {
    everywhere(|client| {
        add(client, 0..6);
        let options = named("me").claim_after(Some(Duration::from_millis(100)));
        let mut consumer = client.stream_consumer(&options.dead_letters("dead", 2));
        for number in 0..6 {
            let delivery = next(&mut consumer);
            assert_eq!(told(&delivery), (number, 1));
            // Longer than what waits counts as fresh.
            common::pause(Duration::from_millis(60));
            delivery.ack().unwrap();
        }
        assert_eq!(client.xlen("dead").unwrap(), 0);
    });
}

#[test]
fn what_is_kept_is_taken_over_by_nobody() {
    everywhere(|client| {
        let [first, second] = add(client, 0..2)[..] else {
            panic!("two entries");
        };
        let idle = |id| {
            let list = client.xpending_count("s", "g", id, id, 1).unwrap();
            (list[0].idle, list[0].deliveries, list[0].consumer.clone())
        };
        let mut one = client.stream_consumer(&named("one"));
        let (kept, lost) = (next(&mut one), next(&mut one));
        common::pause(Duration::from_millis(100));
        assert!(idle(first).0 >= Duration::from_millis(100));
        assert!(kept.keep().unwrap());
        let (since, deliveries, consumer) = idle(first);
        assert!(since < idle(second).0, "{since:?}");
        assert_eq!((deliveries, &consumer[..]), (1, &b"one"[..]));
        // The other one was taken over: keeping it does not take it back.
        let claim = cmd("XCLAIM s g two 0").arg(second).arg("JUSTID");
        claim.exec(client).unwrap();
        assert!(!lost.keep().unwrap());
        assert_eq!(&idle(second).2, b"two");
        // Nor does it bring back what is done with, or gone with its group.
        client.xack("s", "g", first).unwrap();
        assert!(!kept.keep().unwrap());
        client.xgroup_destroy("s", "g").unwrap();
        assert!(!kept.keep().unwrap());
    });
}

#[test]
fn deliveries_of_another_consumer_are_not_acknowledged() {
    everywhere(|client| {
        client.xadd("s", "1-1", [("n", 1)]).unwrap();
        client.xadd("t", "1-1", [("n", 1)]).unwrap();
        let other = StreamConsumerOptions::new("t", "g", "me").create_group("0");
        let mut mine = client.stream_consumer(&named("me"));
        let mut other = client.stream_consumer(&other);
        let deliveries = [next(&mut mine), next(&mut other)];
        let error = other.ack_all(deliveries);
        assert_eq!(*error.unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(pending(client), 1);
        assert_eq!(client.xpending("t", "g").unwrap().count, 1);
    });
}

#[test]
fn what_cannot_be_buried_is_told_and_holds_up_no_new_entry() {
    everywhere(|client| {
        add(client, 0..2);
        client.set("dead", "no stream").unwrap();
        let options = named("me").claim_after(Some(Duration::ZERO));
        let mut consumer = client.stream_consumer(&options.dead_letters("dead", 1));
        drop(next(&mut consumer));
        drop(next(&mut consumer));
        let error = consumer.find_map(Result::err).unwrap();
        assert_eq!(error.code(), Some("WRONGTYPE"), "{error}");
        add(client, [2]);
        // Each of the two comes up again and again.
        let mut some = consumer.by_ref().take(100);
        let new = some.find_map(Result::ok).expect("not only errors");
        assert_eq!(told(&new).0, 2);
        new.ack().unwrap();
        client.del("dead").unwrap();
        let control = consumer.control();
        thread::scope(|scope| {
            scope.spawn(|| consumer.by_ref().for_each(drop));
            eventually("both are buried", || client.xlen("dead").unwrap() == 2);
            control.stop();
        });
        assert_eq!(pending(client), 0);
    });
}

#[test]
fn a_time_of_any_length_is_one_that_servers_take() {
    everywhere(|client| {
        add(client, [1]);
        let options = named("me").claim_after(Some(Duration::MAX));
        let mut consumer = client.stream_consumer(&options.patience(Duration::MAX));
        assert_eq!(told(&next(&mut consumer)), (1, 1));
    });
}

#[test]
fn another_thread_ends_its_wait_and_costs_no_connection() {
    everywhere(|client| {
        let mut consumer = client.stream_consumer(&named("me"));
        let control = consumer.control();
        thread::scope(|scope| {
            let waits = scope.spawn(|| consumer.next().is_none());
            blocks(client);
            control.stop();
            assert!(waits.join().unwrap());
        });
        assert!(control.is_stopped() && consumer.next().is_none());
        assert_eq!(client.stats().connections_lost, 0);
    });
}

#[test]
fn what_was_not_handed_out_at_the_end_goes_to_others_as_new() {
    everywhere(|client| {
        add(client, 0..5);
        let mut one = client.stream_consumer(&named("one"));
        let held = next(&mut one);
        one.control().stop();
        assert!(one.next().is_none());
        let mut two = client.stream_consumer(&named("two"));
        for number in 1..5 {
            let delivery = next(&mut two);
            assert_eq!(told(&delivery), (number, 1));
            delivery.ack().unwrap();
        }
        assert_eq!(pending(client), 1);
        held.ack().unwrap();
        assert_eq!(pending(client), 0);
    });
}

#[test]
fn a_stream_that_is_deleted_under_it_is_read_again() {
    everywhere(|client| {
        let mut consumer = client.stream_consumer(&named("me"));
        thread::scope(|scope| {
            let waits = scope.spawn(|| told(&next(&mut consumer)));
            blocks(client);
            client.del("s").unwrap();
            add(client, [3]);
            assert_eq!(waits.join().unwrap(), (3, 1));
        });
    });
}

/// Destroys the group under a consumer that waits, and adds an entry before it can be made again. Yields what comes
/// first then, when another entry is added as well.
fn first_after_its_group_was_gone(client: &Client, options: &StreamConsumerOptions) -> (u64, u64) {
    let mut consumer = client.stream_consumer(options);
    let waits = thread::spawn(move || {
        let first = next(&mut consumer);
        let told = told(&first);
        first.ack().unwrap();
        told
    });
    blocks(client);
    let mut both = pipe();
    both.atomic()
        .xgroup_destroy("s", "g")
        .xadd("s", "*", ("n", 8));
    both.exec(client).unwrap();
    eventually("the group is made again", || {
        !client.xinfo_groups("s").unwrap().is_empty()
    });
    add(client, [9]);
    waits.join().unwrap()
}

#[test]
fn a_group_that_is_made_again_at_the_end_skips_what_came_meanwhile() {
    everywhere(|client| {
        let options = StreamConsumerOptions::new("s", "g", "me").create_group("$");
        add(client, [7]);
        assert_eq!(first_after_its_group_was_gone(client, &options), (9, 1));
    });
}

#[test]
fn a_group_that_is_made_again_from_an_id_delivers_again_what_is_behind_it() {
    everywhere(|client| {
        add(client, [7]);
        let mut consumer = client.stream_consumer(&named("me"));
        next(&mut consumer).ack().unwrap();
        drop(consumer);
        // As if for the first time: the group that knew of it is gone.
        assert_eq!(first_after_its_group_was_gone(client, &named("me")), (7, 1));

        client.del("s").unwrap();
        let last = add(client, [7])[0];
        let options = StreamConsumerOptions::new("s", "g", "me").create_group(last.to_string());
        assert_eq!(first_after_its_group_was_gone(client, &options), (8, 1));
    });
}

#[test]
fn a_group_that_the_user_makes_is_made_again_by_the_user() {
    everywhere(|client| {
        let last = add(client, [7])[0];
        client.xgroup_create_mkstream("s", "g", "$").unwrap();
        let options = StreamConsumerOptions::new("s", "g", "me");
        let mut consumer = client.stream_consumer(&options);
        let waits = thread::spawn(move || (consumer.next().unwrap().map(drop), consumer));
        blocks(client);
        client.xgroup_destroy("s", "g").unwrap();
        add(client, [8]);
        let (waited, mut consumer) = waits.join().unwrap();
        let error = waited.unwrap_err();
        assert_eq!(error.code(), Some("NOGROUP"), "{error}");
        client.xgroup_create("s", "g", last).unwrap();
        assert_eq!(told(&next(&mut consumer)), (8, 1));
    });
}

#[test]
fn a_refusal_goes_to_the_user() {
    everywhere(|client| {
        let not_made = StreamConsumerOptions::new("s", "g", "me");
        let mut consumer = client.stream_consumer(&not_made);
        let error = consumer.next().unwrap().unwrap_err();
        assert_eq!(error.code(), Some("NOGROUP"), "{error}");
        // It is used on as before.
        client.xgroup_create_mkstream("s", "g", "0").unwrap();
        add(client, [1]);
        assert_eq!(told(&next(&mut consumer)), (1, 1));

        client.set("s", "no stream").unwrap();
        let mut consumer = client.stream_consumer(&named("me"));
        let error = consumer.next().unwrap().unwrap_err();
        assert_eq!(error.code(), Some("WRONGTYPE"), "{error}");

        client.close();
        assert!(consumer.next().unwrap().is_err());
        assert!(consumer.next().is_none());
    });
}

#[test]
fn what_cannot_be_given_back_for_want_of_scripts_stays_pending_and_comes_again() {
    let ends = |client: &Client, admin: &Client| {
        add(admin, 0..3);
        let mut consumer = client.stream_consumer(&named("one"));
        next(&mut consumer).ack().unwrap();
        consumer.control().stop();
        // What was fetched cannot be given back, which takes a script: that holds nobody up.
        assert!(consumer.next().is_none() && consumer.next().is_none());
        assert_eq!(pending(admin), 2);
        // It is as if the consumer had died: the next of its name begins with them.
        let mut again = client.stream_consumer(&named("one"));
        for number in 1..3 {
            let delivery = next(&mut again);
            assert_eq!(told(&delivery), (number, 2));
            delivery.ack().unwrap();
        }
    };
    let redis = Redis::start();
    let of = |options| Client::connect(patient(options)).unwrap();
    let admin = of(Options::new(&redis.url()).unwrap());
    cmd("ACL SETUSER worker on >secret ~* &* +@all -@scripting")
        .exec(&admin)
        .unwrap();
    let worker = Options::new(&redis.url()).unwrap().username("worker");
    ends(&of(worker.password("secret")), &admin);

    // The simulator's store knows none.
    let sim = Sim::builder().start().unwrap();
    let client = of(options(&sim, sim.node(0)));
    ends(&client, &client);
}
