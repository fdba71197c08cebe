//! valkey-glide's blocking client as a contender. `hitless-bench` starts it and tells it when to work.
//!
//! `hitless-bench-glide ADDRESS get|set|mix|beside|beside-pauses THREADS`
//!
//! `beside` is the mix, with a last thread that reads the big value without a pause, or with pauses of 20 ms.

// The benchmarks' own code, so that all contenders work and are timed alike. Not as a library, because
// that would compile the other peers again.
#[path = "../../src/crew.rs"]
mod crew;
#[path = "../../src/rounds.rs"]
mod rounds;
#[path = "../../src/shapes.rs"]
mod shapes;
#[path = "../../src/times.rs"]
mod times;

use glide::sync::SyncGlideClient;
use glide::{Commands, GlideClientConfiguration};
use shapes::{KEY, SIZED_KEY, VALUE, each, mix};
use std::time::Duration;
use std::{env, io};

const PAUSE: Duration = Duration::from_millis(20);

fn get(client: &SyncGlideClient) {
    let value: Vec<u8> = client.get(KEY).expect("GET");
    assert_eq!(value.len(), VALUE.len());
}

fn set(client: &SyncGlideClient) {
    let _: () = client.set(KEY, VALUE.as_slice()).expect("SET");
}

fn get_big(client: &SyncGlideClient) {
    let value: Vec<u8> = client.get(SIZED_KEY).expect("GET");
    assert_eq!(value.first(), Some(&b'x'));
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let [_, address, work, threads] = &arguments[..] else {
        panic!("usage: hitless-bench-glide ADDRESS get|set|mix|beside|beside-pauses THREADS");
    };
    let threads: usize = threads.parse().expect("a number");
    let url = format!("redis://{address}");
    let configuration = GlideClientConfiguration::from_url(url).expect("an address");
    let configuration = configuration.request_timeout(Duration::from_secs(10));
    let client = SyncGlideClient::connect(configuration).expect("a connection of glide");
    let repeat = |threads, run: fn(&SyncGlideClient)| {
        each(threads, || {
            let client = client.clone();
            move || run(&client)
        })
    };
    let mixed = |threads| {
        mix(threads, || {
            let client = client.clone();
            move |is_set| match is_set {
                true => set(&client),
                false => get(&client),
            }
        })
    };
    let at_once = Duration::ZERO;
    rounds::serve(match work.as_str() {
        "get" => vec![(repeat(threads, get), at_once)],
        "set" => vec![(repeat(threads, set), at_once)],
        "mix" => vec![(mixed(threads), at_once)],
        "beside" => vec![(mixed(threads - 1), at_once), (repeat(1, get_big), at_once)],
        "beside-pauses" => vec![(mixed(threads - 1), at_once), (repeat(1, get_big), PAUSE)],
        other => panic!("no work {other}"),
    })
}
