//! Values that are too long to be copied: whole on every way there is, and judged right where they do not arrive.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when a claim is false, and reads the clock"
)]

mod common;

use common::fake::{Fake, Peer, opening_answer};
use common::{SOON, eventually, patient};
use hitless::sim::Sim;
use hitless::{Client, Cmd, Commands, Delivery, ErrorKind, Executor, Options, Phase};
use hitless::{Pipeline, Result, SetOptions, ToArg, ToArgs, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

/// A long text, which tells every other of the same length.
fn text(length: usize, seed: usize) -> String {
    let letter = |at: usize| char::from(b'a' + ((at * 7 + seed + at / 1000) % 26) as u8);
    (0..length).map(letter).collect()
}

/// Sets values of all lengths about those from which something is different, and reads them.
fn round_trips(client: &Client, thread: usize) {
    let lengths = [
        0, 1, 16_383, 16_384, 16_385, 32_768, 65_536, 70_000, 1_000_000,
    ];
    let key = format!("value:{thread}");
    for length in lengths {
        let value = text(length, thread);
        client.set(&key, &value).unwrap();
        assert_eq!(client.get::<String>(&key).unwrap(), value);
        let keep = SetOptions::new().if_present().keep_ttl();
        assert!(client.set_options(&key, value.as_bytes(), &keep).unwrap());
        let other = text(length + 1, thread + 1);
        let before: String = client.set_get(&key, other.clone(), &keep).unwrap();
        assert_eq!(before, value);
        let hash = format!("hash:{thread}:{length}");
        assert!(client.hset(&hash, &other, &value).unwrap());
        let fields = [("short", "x"), ("long", &value), ("longer", &other)];
        assert_eq!(client.hset_multiple(&hash, fields).unwrap(), 3);
        let all: HashMap<String, String> = client.hgetall(&hash).unwrap();
        assert_eq!((all.len(), &all["long"]), (4, &value));
        let list = format!("list:{thread}:{length}");
        client.rpush(&list, &value).unwrap();
        client.rpush(&list, [&other, "short", &value]).unwrap();
        client.lpush(&list, vec![7_u8; length]).unwrap();
        assert_eq!(client.llen(&list).unwrap(), 5);
        let elements: Vec<Vec<u8>> = client.lrange(&list, 0, 4).unwrap();
        assert_eq!(elements[0], vec![7_u8; length]);
        assert_eq!(elements[1..3], [value.as_bytes(), other.as_bytes()]);
        assert_eq!(elements[3..], [b"short", value.as_bytes()]);
    }
}

/// Many threads with more to say than one socket takes.
fn crowd(client: &Client) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || round_trips(client, thread));
        }
    });
    let stats = client.stats();
    assert_eq!((stats.connections_lost, stats.commands_unknown), (0, 0));
}

#[test]
fn values_of_every_length_arrive_whole_from_many_threads_on_one_connection() {
    let sim = Sim::builder().start().unwrap();
    let options = common::options(&sim, sim.node(0)).pool_size(1);
    crowd(&Client::connect(options.max_in_flight(512)).unwrap());
}

#[cfg(feature = "sim-tls")]
#[test]
fn values_of_every_length_arrive_whole_over_tls() {
    let sim = Sim::builder().tls().start().unwrap();
    let tls = hitless::TlsOptions::default().ca_pem(sim.ca_pem().unwrap());
    let options = patient(common::by_name(&sim).tls(tls)).pool_size(1);
    crowd(&Client::connect(options.max_in_flight(512)).unwrap());
}

#[test]
fn a_command_whose_arguments_say_how_it_is_sent_is_sent_so_with_long_ones() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(common::options(&sim, sim.node(0)).pool_size(1)).unwrap();
    let list = text(50_000, 1);
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| client.blpop(&list, SOON).unwrap());
        eventually("a connection alone", || {
            !client.stats().dedicated.is_empty()
        });
        client.rpush(&list, "found").unwrap();
        let found: Option<(String, String)> = blocked.join().unwrap();
        assert_eq!(found.unwrap().1, "found");
    });
}

/// Keeps what it is asked, and sends it on.
struct Noting<'a> {
    client: &'a Client,
    seen: RefCell<Vec<String>>,
}

impl Executor for Noting<'_> {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        self.seen.borrow_mut().push(format!("{command:?}"));
        self.client.execute(command)
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        self.client.execute_pipeline(pipeline)
    }
}

/// One argument of a type of the user's own, which lends its bytes.
struct Photo(Vec<u8>);

impl ToArgs for Photo {
    fn write_args(&self, out: &mut hitless::ArgWriter<'_>) {
        out.write(&self.0);
    }

    fn as_argument(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

impl ToArg for Photo {}

#[test]
fn an_executor_of_the_users_own_sees_whole_commands_whatever_is_long() {
    let sim = Sim::builder().start().unwrap();
    let client = Client::connect(common::options(&sim, sim.node(0))).unwrap();
    let noting = Noting {
        client: &client,
        seen: RefCell::default(),
    };
    let photo = Photo(vec![9; 100_000]);
    noting.set("photo", &photo).unwrap();
    noting.set("other", "short").unwrap();
    assert_eq!(noting.get::<Vec<u8>>("photo").unwrap(), photo.0);
    let seen = [
        "Cmd(SET, 2 arguments)",
        "Cmd(SET, 2 arguments)",
        "Cmd(GET, 1 argument)",
    ];
    assert_eq!(*noting.seen.borrow(), seen);
    // And the client itself takes them from where they are.
    client.set("photo", &photo).unwrap();
    assert_eq!(client.get::<Vec<u8>>("photo").unwrap(), photo.0);
}

/// A server that answers one `PING`, and reads what comes then as it likes.
fn raw(script: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Fake {
    Fake::start(move |peer| {
        peer.next()?;
        peer.send("+PONG\r\n")?;
        script(peer)
    })
}

#[test]
fn a_server_that_reads_a_byte_at_a_time_gets_every_byte() {
    const LENGTH: usize = 300_000;
    let value = text(LENGTH, 3);
    let wire = format!("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n${LENGTH}\r\n{value}\r\n");
    let fake = raw(move |peer| {
        let mut byte = [0];
        for (at, expected) in wire.bytes().enumerate() {
            peer.stream.read_exact(&mut byte)?;
            if byte[0] != expected {
                return peer.send(format!("-ERR byte {at} is wrong\r\n"));
            }
        }
        peer.send("+OK\r\n")?;
        peer.serve()
    });
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let client = Client::connect(options).unwrap();
    client.ping().unwrap();
    client.set("key", &value).unwrap();
}

#[test]
fn a_value_that_does_not_get_through_in_time_was_not_sent_and_costs_its_connection() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let fake = Fake::start(move |peer| {
        // The first connection that is asked something reads nothing.
        if peer.number > 0 {
            return peer.serve();
        }
        loop {
            let words = peer.read()?;
            match opening_answer(&words) {
                Some(answer) => peer.send(answer)?,
                // The last of the opening.
                None => break peer.send("+PONG\r\n")?,
            }
        }
        let _ = released.lock().unwrap().recv();
        Ok(())
    });
    // Gone before the server, which waits for its threads.
    let _release = release;
    let options = patient(Options::new(&fake.address.to_string()).unwrap());
    let options = options.command_timeout(Duration::from_millis(300));
    let client = Client::connect(options.pool_size(1)).unwrap();
    // More than both sockets hold.
    let value = vec![b'x'; 64 << 20];
    let error = client.set("key", &value).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout(Phase::Write), "{error}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert_eq!(error.command(), Some("SET"));
    assert_eq!(client.stats().commands_unknown, 0);
    eventually("the next one goes elsewhere", || client.ping().is_ok());
    assert!(fake.accepted() > 1);
}
