//! Many threads with a mix of commands: three GET to one SET of 16 bytes, alone and beside one thread that
//! reads values of 10 MiB. The client has its default options.

use crate::contest::{Comparison, Contender, Contest, Effort, What};
use crate::crew::Operation;
use crate::report::{Bar, Row};
use crate::{get_ours, get_redis_rs, r2d2, server_process, set_ours, set_redis_rs};
use hitless::{Client, Commands};
use redis::Commands as _;
use std::thread;
use std::time::Duration;

const BIG_KEY: &str = "bench:big";
const BIG: usize = 10 << 20;
/// Between the end of a big read and the next one, where there are pauses.
const PAUSE: Duration = Duration::from_millis(20);

/// The groups of a contender's threads.
const SMALL: usize = 0;
const BIG_READS: usize = 1;

/// The client as it is without any option.
pub fn by_default(address: &str) -> Client {
    Client::connect(format!("redis://{address}")).expect("a connection of hitless")
}

/// A client that has, and uses, one connection for each thread.
fn one_each(address: &str, threads: usize) -> Client {
    let options = format!("pool_size={threads}&min_connections={threads}&max_in_flight=1");
    Client::connect(format!("redis://{address}?{options}")).expect("a connection of hitless")
}

/// So many threads, each of which repeats three GET and one SET. They begin at different places.
fn mix<F: FnMut(bool) + Send + 'static>(threads: usize, make: impl Fn() -> F) -> Vec<Operation> {
    let thread = |number| -> Operation {
        let (mut turn, mut run) = (number, make());
        Box::new(move || {
            turn += 1;
            run(turn % 4 == 0);
        })
    };
    (0..threads).map(thread).collect()
}

/// So many threads of the mix.
pub fn mix_ours(client: &Client, threads: usize) -> Vec<Operation> {
    mix(threads, || {
        let client = client.clone();
        move |is_set| match is_set {
            true => set_ours(&client),
            false => get_ours(&client),
        }
    })
}

/// So many threads of the mix.
pub fn mix_r2d2(pool: &r2d2::Pool<redis::Client>, threads: usize) -> Vec<Operation> {
    mix(threads, || {
        let pool = pool.clone();
        move |is_set| {
            let mut connection = pool.get().expect("a connection from r2d2");
            match is_set {
                true => set_redis_rs(&mut *connection),
                false => get_redis_rs(&mut *connection),
            }
        }
    })
}

fn ours(client: &Client, threads: usize) -> Contender {
    Contender::default().with_group(mix_ours(client, threads))
}

fn peer(pool: &r2d2::Pool<redis::Client>, threads: usize) -> Contender {
    Contender::default().with_group(mix_r2d2(pool, threads))
}

fn contest(address: &str, effort: Effort, contenders: Vec<Contender>) -> Contest {
    Contest::new(server_process(address), effort, "commands/s", 1, contenders)
}

pub fn eight_threads(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![ours(&by_default(address), 8), peer(&r2d2(address, 8), 8)];
    contest(address, effort, crews).rows(&[(0, 1, "8 threads, mix : r2d2 with 8", Bar::Ratio(1.3))])
}

pub fn many_threads(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        ours(&by_default(address), 64),
        peer(&r2d2(address, 64), 64),
        peer(&r2d2(address, 10), 64),
        ours(&one_each(address, 64), 64),
    ];
    let (rate, median, p99) = (What::Rate, What::Median(SMALL), What::P99(SMALL));
    let rows: [Comparison<'_>; 9] = [
        (
            0,
            1,
            rate,
            "64 threads, mix : r2d2 with 64",
            Bar::Ratio(2.0),
        ),
        (
            0,
            1,
            median,
            "64 threads, mix, p50 : r2d2 with 64",
            Bar::None,
        ),
        (
            0,
            1,
            p99,
            "64 threads, mix, p99 : r2d2 with 64",
            Bar::RatioMost(0.8),
        ),
        (
            0,
            2,
            rate,
            "64 threads, mix : r2d2 with 10",
            Bar::Ratio(3.5),
        ),
        (
            0,
            2,
            median,
            "64 threads, mix, p50 : r2d2 with 10",
            Bar::None,
        ),
        (
            0,
            2,
            p99,
            "64 threads, mix, p99 : r2d2 with 10",
            Bar::RatioMost(0.8),
        ),
        (
            0,
            3,
            rate,
            "64 threads, mix : ours, a connection each",
            Bar::None,
        ),
        (
            0,
            3,
            median,
            "64 threads, mix, p50 : ours, a connection each",
            Bar::None,
        ),
        (
            0,
            3,
            p99,
            "64 threads, mix, p99 : ours, a connection each",
            Bar::None,
        ),
    ];
    contest(address, effort, crews).compare(&rows)
}

pub fn most_threads(address: &str, effort: Effort) -> Vec<Row> {
    let crews = vec![
        ours(&by_default(address), 256),
        peer(&r2d2(address, 256), 256),
    ];
    contest(address, effort, crews).rows(&[(
        0,
        1,
        "256 threads, mix : r2d2 with 256",
        Bar::Ratio(2.0),
    )])
}

/// Ours by default, ours with a connection each, and the peer: 63 threads of the mix beside one big reader.
fn beside_big(address: &str, effort: Effort, pause: Duration, rows: &[Comparison<'_>]) -> Vec<Row> {
    let admin = by_default(address);
    admin.set(BIG_KEY, vec![b'x'; BIG]).expect("SET");
    let reads_ours = |client: Client| -> Contender {
        let small = mix_ours(&client, 63);
        let big = move || {
            thread::sleep(pause);
            let value: Vec<u8> = client.get(BIG_KEY).expect("GET");
            assert_eq!(value.len(), BIG);
        };
        Contender::default()
            .with_group(small)
            .with_group(vec![Box::new(big)])
    };
    let reads_peer = |pool: r2d2::Pool<redis::Client>| -> Contender {
        let small = mix_r2d2(&pool, 63);
        let big = move || {
            thread::sleep(pause);
            let mut connection = pool.get().expect("a connection from r2d2");
            let value: Vec<u8> = connection.get(BIG_KEY).expect("GET");
            assert_eq!(value.len(), BIG);
        };
        Contender::default()
            .with_group(small)
            .with_group(vec![Box::new(big)])
    };
    let crews = vec![
        reads_ours(by_default(address)),
        reads_ours(one_each(address, 64)),
        reads_peer(r2d2(address, 64)),
    ];
    // Long enough for a number of big reads.
    let effort = if effort.is_quick() {
        Effort {
            length: effort.length * 3,
            rounds: 3,
            ..effort
        }
    } else {
        Effort {
            length: effort.length * 4,
            rounds: 7,
            ..effort
        }
    };
    let rows = contest(address, effort, crews).compare(rows);
    admin.del(BIG_KEY).expect("DEL");
    rows
}

const SMALL_RATE: What = What::GroupRate(SMALL, "commands/s");
const BIG_RATE: What = What::GroupRate(BIG_READS, "reads/s");

pub fn big_reads(address: &str, effort: Effort) -> Vec<Row> {
    let (median, p99) = (What::Median(SMALL), What::P99(SMALL));
    let rows: [Comparison<'_>; 8] = [
        (
            0,
            1,
            SMALL_RATE,
            "63 beside 10 MiB : ours, a connection each",
            Bar::Ratio(1.0),
        ),
        (
            0,
            1,
            median,
            "63 beside 10 MiB, p50 : ours, a connection each",
            Bar::RatioMost(1.1),
        ),
        (
            0,
            1,
            p99,
            "63 beside 10 MiB, p99 : ours, a connection each",
            Bar::RatioMost(1.1),
        ),
        (
            0,
            1,
            BIG_RATE,
            "63 beside 10 MiB, big reads : ours, a connection each",
            Bar::Ratio(1.0),
        ),
        (
            0,
            2,
            SMALL_RATE,
            "63 beside 10 MiB : r2d2 with 64",
            Bar::None,
        ),
        (
            0,
            2,
            median,
            "63 beside 10 MiB, p50 : r2d2 with 64",
            Bar::None,
        ),
        (0, 2, p99, "63 beside 10 MiB, p99 : r2d2 with 64", Bar::None),
        (
            0,
            2,
            BIG_RATE,
            "63 beside 10 MiB, big reads : r2d2 with 64",
            Bar::None,
        ),
    ];
    beside_big(address, effort, Duration::ZERO, &rows)
}

pub fn big_reads_with_pauses(address: &str, effort: Effort) -> Vec<Row> {
    let (median, p99) = (What::Median(SMALL), What::P99(SMALL));
    let rows: [Comparison<'_>; 8] = [
        (
            0,
            2,
            SMALL_RATE,
            "63 beside 10 MiB, pauses : r2d2 with 64",
            Bar::Ratio(1.3),
        ),
        (
            0,
            2,
            median,
            "63 beside 10 MiB, pauses, p50 : r2d2 with 64",
            Bar::None,
        ),
        (
            0,
            2,
            p99,
            "63 beside 10 MiB, pauses, p99 : r2d2 with 64",
            Bar::RatioMost(1.0),
        ),
        (
            0,
            2,
            BIG_RATE,
            "63 beside 10 MiB, pauses, big reads : r2d2 with 64",
            Bar::None,
        ),
        (
            0,
            1,
            SMALL_RATE,
            "63 beside 10 MiB, pauses : ours, a connection each",
            Bar::None,
        ),
        (
            0,
            1,
            median,
            "63 beside 10 MiB, pauses, p50 : ours, a connection each",
            Bar::None,
        ),
        (
            0,
            1,
            p99,
            "63 beside 10 MiB, pauses, p99 : ours, a connection each",
            Bar::None,
        ),
        (
            0,
            1,
            BIG_RATE,
            "63 beside 10 MiB, pauses, big reads : ours, a connection each",
            Bar::None,
        ),
    ];
    beside_big(address, effort, PAUSE, &rows)
}
