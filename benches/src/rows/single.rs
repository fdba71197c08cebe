//! GET and SET of 16 bytes in one thread, and GET in several with as many connections as one says.

use super::RATE;
use crate::awake::Awake;
use crate::bench::{Bench, Measured};
use crate::contest::{Contender, versus};
use crate::crew::Operation;
use crate::report::Bar;
use crate::{Raw, by_default, get_ours, get_redis_rs, gets_ours, gets_r2d2, gets_raw};
use crate::{redis_rs, set_ours, set_redis_rs};

/// One thread that repeats this.
fn alone(operation: impl FnMut() + Send + 'static) -> Contender {
    let operations: Vec<Operation> = vec![Box::new(operation)];
    operations.into()
}

pub fn one_thread(bench: &Bench) -> Measured {
    let _awake = Awake::keep();
    let address = &bench.address;
    let client = by_default(address);
    let (mut peer, mut raw) = (redis_rs(address), Raw::new(address));
    let reading = vec![
        alone(move || get_ours(&client)),
        alone(move || get_redis_rs(&mut peer)),
        alone(move || raw.get()),
    ];
    let client = by_default(address);
    let (mut peer, mut raw) = (redis_rs(address), Raw::new(address));
    let writing = vec![
        alone(move || set_ours(&client)),
        alone(move || set_redis_rs(&mut peer)),
        alone(move || raw.set()),
    ];
    let mut rows = Vec::new();
    for (work, name, unit, mut contenders) in [
        ("get", "1 thread, GET", "GET/s", reading),
        ("set", "1 thread, SET", "SET/s", writing),
    ] {
        let mut all = versus((0, 1), name, "redis-rs", &[(RATE, Bar::Ratio(1.0))]);
        all.extend(versus(
            (0, 2),
            name,
            "raw socket",
            &[(RATE, Bar::Ratio(0.97))],
        ));
        if let Some(glide) = bench.join_glide(&mut contenders, work, 1) {
            let bars = [(RATE, Bar::Ratio(1.9))];
            all.extend(versus((0, glide), name, "glide", &bars));
        }
        rows.extend(bench.contest(unit, contenders).compare(&all));
    }
    Ok(rows)
}

pub fn eight_threads(bench: &Bench) -> Measured {
    let address = &bench.address;
    let contenders = vec![
        gets_ours(address, 8, 8),
        gets_r2d2(address, 8, 8),
        gets_raw(address, 8),
        gets_ours(address, 8, 1),
    ];
    let on_8 = "8 threads on 8";
    let mut rows = versus((0, 1), on_8, "r2d2 with 8", &[(RATE, Bar::Ratio(0.95))]);
    rows.extend(versus((0, 2), on_8, "raw sockets", &[(RATE, Bar::None)]));
    rows.extend(versus(
        (3, 1),
        "8 threads on 1",
        "r2d2 with 8",
        &[(RATE, Bar::None)],
    ));
    Ok(bench.contest("GET/s", contenders).compare(&rows))
}

pub fn many_threads(bench: &Bench) -> Measured {
    let address = &bench.address;
    let contenders = vec![
        gets_ours(address, 64, 10),
        gets_r2d2(address, 64, 64),
        gets_r2d2(address, 64, 10),
        gets_raw(address, 64),
        gets_ours(address, 64, 1),
    ];
    let on_10 = "64 threads on 10";
    let mut rows = versus((0, 1), on_10, "r2d2 with 64", &[(RATE, Bar::Ratio(1.5))]);
    rows.extend(versus(
        (0, 2),
        on_10,
        "r2d2 with 10",
        &[(RATE, Bar::Ratio(2.0))],
    ));
    rows.extend(versus((0, 3), on_10, "raw sockets", &[(RATE, Bar::None)]));
    rows.extend(versus(
        (4, 1),
        "64 threads on 1",
        "r2d2 with 64",
        &[(RATE, Bar::None)],
    ));
    Ok(bench.contest("GET/s", contenders).compare(&rows))
}
