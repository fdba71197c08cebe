//! 63 threads of small commands beside one whose replies are big, or whose commands are slow. Both kinds are
//! counted: a pool that lets its slow thread starve is fast with the small ones.

use super::{MEDIAN, P99, RATE, SLOW, SMALL};
use crate::bench::{Bench, Measured};
use crate::contest::{Comparison, Contender, What, versus};
use crate::report::Bar;
use crate::shapes::SIZED_KEY;
use crate::{by_default, mix_ours, mix_r2d2, r2d2, spread};
use hitless::{Canceller, Client, Cmd, Commands};
use redis::Commands as _;
use std::thread;
use std::time::Duration;

const SMALL_RATE: What = What::GroupRate(SMALL, "commands/s");
const BIG_RATE: What = What::GroupRate(SLOW, "big reads/s");
const SLOW_RATE: What = What::GroupRate(SLOW, "slow commands/s");

/// Between the end of a slow command and the next one, where there are pauses.
const PAUSE: Duration = Duration::from_millis(20);

/// Keeps the server for about 20 ms.
const SCRIPT: &str = "local sum = 0 for i = 1, 2000000 do sum = sum + i % 7 end return sum";

/// Which contender is which.
const OURS: usize = 0;
const SPREAD: usize = 1;
const R2D2: usize = 2;

const EACH: &str = "ours, a connection each";
const WITH_64: &str = "r2d2 with 64";

/// Ours by default, ours with a connection each, and the peer, with this operation on the 64th thread.
fn contenders(
    address: &str,
    pause: Duration,
    ours: fn(&Client),
    peer: fn(&mut redis::Connection),
) -> Vec<Contender> {
    let with_ours = |client: Client| {
        let small = mix_ours(&client, 63);
        let slow = move || ours(&client);
        Contender::default()
            .with_group(small)
            .with_pausing_group(vec![Box::new(slow)], pause)
    };
    let pool = r2d2(address, 64);
    let small = mix_r2d2(&pool, 63);
    let slow = move || peer(&mut pool.get().expect("a connection from r2d2"));
    let with_peer = Contender::default()
        .with_group(small)
        .with_pausing_group(vec![Box::new(slow)], pause);
    vec![
        with_ours(by_default(address)),
        with_ours(spread(address, 64)),
        with_peer,
    ]
}

/// One thread reads values of `size` bytes. `glide` is the word for valkey-glide's program, if it is asked.
fn beside_big(
    bench: &Bench,
    size: usize,
    pause: Duration,
    mut rows: Vec<Comparison>,
    glide: Option<(&str, &str)>,
) -> Measured {
    let admin = by_default(&bench.address);
    admin.set(SIZED_KEY, vec![b'x'; size]).expect("SET");
    let ours = |client: &Client| {
        let value: Vec<u8> = client.get(SIZED_KEY).expect("GET");
        assert_eq!(value.first(), Some(&b'x'));
    };
    let peer = |connection: &mut redis::Connection| {
        let value: Vec<u8> = connection.get(SIZED_KEY).expect("GET");
        assert_eq!(value.first(), Some(&b'x'));
    };
    let mut contenders = contenders(&bench.address, pause, ours, peer);
    if let Some((work, name)) = glide
        && let Some(glide) = bench.join_glide(&mut contenders, work, 64)
    {
        rows.extend(versus((OURS, glide), name, "glide", &unbarred(BIG_RATE)));
    }
    let measured = bench.long_contest("commands/s", contenders).compare(&rows);
    admin.del(SIZED_KEY).expect("DEL");
    Ok(measured)
}

/// All that is compared, without a bar.
fn unbarred(slow: What) -> [(What, Bar); 4] {
    [SMALL_RATE, MEDIAN, P99, slow].map(|what| (what, Bar::None))
}

pub fn big(bench: &Bench) -> Measured {
    let name = "63 beside 10 MiB";
    let bars = [
        (SMALL_RATE, Bar::Ratio(1.0)),
        (MEDIAN, Bar::RatioMost(1.1)),
        (P99, Bar::RatioMost(1.1)),
        (BIG_RATE, Bar::Ratio(1.0)),
    ];
    let mut rows = versus((OURS, SPREAD), name, EACH, &bars);
    rows.extend(versus((OURS, R2D2), name, WITH_64, &unbarred(BIG_RATE)));
    let glide = Some(("beside", name));
    beside_big(bench, 10 << 20, Duration::ZERO, rows, glide)
}

pub fn big_with_pauses(bench: &Bench) -> Measured {
    let name = "63 beside 10 MiB, pauses";
    let bars = [
        (SMALL_RATE, Bar::Ratio(1.3)),
        (MEDIAN, Bar::None),
        (P99, Bar::RatioMost(1.0)),
        (BIG_RATE, Bar::None),
    ];
    let mut rows = versus((OURS, R2D2), name, WITH_64, &bars);
    rows.extend(versus((OURS, SPREAD), name, EACH, &unbarred(BIG_RATE)));
    let glide = Some(("beside-pauses", name));
    beside_big(bench, 10 << 20, PAUSE, rows, glide)
}

fn big_of(bench: &Bench, name: &str, size: usize) -> Measured {
    let mut rows = versus((OURS, SPREAD), name, EACH, &unbarred(BIG_RATE));
    rows.extend(versus((OURS, R2D2), name, WITH_64, &unbarred(BIG_RATE)));
    beside_big(bench, size, Duration::ZERO, rows, None)
}

pub fn big_1_mib(bench: &Bench) -> Measured {
    big_of(bench, "63 beside 1 MiB", 1 << 20)
}

pub fn big_64_kib(bench: &Bench) -> Measured {
    big_of(bench, "63 beside 64 KiB", 64 << 10)
}

/// One thread keeps the server busy for 20 ms, then pauses for 20 ms.
pub fn slow_commands(bench: &Bench) -> Measured {
    let ours = |client: &Client| {
        let script = Cmd::new("EVAL").arg(SCRIPT).arg(0);
        client.execute(&script).expect("EVAL");
    };
    let peer = |connection: &mut redis::Connection| {
        let script = redis::cmd("EVAL").arg(SCRIPT).arg(0).exec(connection);
        script.expect("EVAL");
    };
    let contenders = contenders(&bench.address, PAUSE, ours, peer);
    let name = "63 beside slow commands";
    let mut rows = versus((OURS, SPREAD), name, EACH, &unbarred(SLOW_RATE));
    rows.extend(versus((OURS, R2D2), name, WITH_64, &unbarred(SLOW_RATE)));
    Ok(bench.long_contest("commands/s", contenders).compare(&rows))
}

/// 8 threads with and without 64 others that wait in `BLPOP` through the same client, whose pool has 8 connections.
pub fn blocked_consumers(bench: &Bench) -> Measured {
    let name = "8 beside 64 in BLPOP";
    let url = format!(
        "redis://{}?pool_size=8&max_active_connections=72",
        bench.address
    );
    let client = || Client::connect(url.as_str()).expect("a connection of hitless");
    let (with, without) = (client(), client());
    let canceller = Canceller::new();
    let consumers: Vec<_> = (0..64)
        .map(|_| {
            let (with, canceller) = (with.clone(), canceller.clone());
            thread::spawn(move || {
                let taken = with
                    .cancelled_by(&canceller)
                    .blpop::<(), String>("bench:queue", Duration::ZERO);
                taken.expect_err("nothing comes before they are cancelled");
            })
        })
        .collect();
    let waiting = || {
        without
            .info_sections("clients")
            .expect("INFO")
            .get("blocked_clients")
    };
    while waiting() != Some(consumers.len()) {
        thread::yield_now();
    }
    let contenders =
        [&with, &without].map(|client| Contender::default().with_group(mix_ours(client, 8)));
    let bars = [
        (RATE, Bar::None),
        (MEDIAN, Bar::None),
        (P99, Bar::RatioMost(1.2)),
    ];
    let rows = versus((0, 1), name, "ours without them", &bars);
    let measured = bench
        .long_contest("commands/s", contenders.into())
        .compare(&rows);
    canceller.cancel();
    for consumer in consumers {
        consumer.join().expect("a consumer");
    }
    Ok(measured)
}
