//! How throughput and latency grow with threads, connections and the size of values, drawn as curves.
//!
//! `growth ADDRESS FOLDER [--quick] [--glide PROGRAM]`

use hitless::{Client, Commands};
use hitless_bench::bench::Bench;
use hitless_bench::contest::{Contender, Effort, FULL, QUICK, What};
use hitless_bench::crew::Operation;
use hitless_bench::curves::Plot;
use hitless_bench::shapes::{SIZED_KEY, each};
use hitless_bench::{by_default, mix_ours, mix_r2d2, prepare, r2d2, spread};
use redis::Commands as _;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::Duration;
use std::{env, panic};

const OURS: &str = "hitless";
const R2D2: &str = "r2d2, a connection for each thread";
const TEN: &str = "r2d2, 10 connections";
const GLIDE: &str = "valkey-glide, blocking";

const RATE: What = What::Rate;
const P99: What = What::P99(0);

/// Contenders with the names of their curves.
#[derive(Default)]
struct Named {
    names: Vec<&'static str>,
    contenders: Vec<Contender>,
}

impl Named {
    fn with(mut self, name: &'static str, operations: Vec<Operation>) -> Self {
        self.names.push(name);
        self.contenders
            .push(Contender::default().with_group(operations));
        self
    }

    fn with_glide(mut self, bench: &Bench, threads: usize) -> Self {
        let joined = bench.join_glide(&mut self.contenders, "mix", threads);
        self.names.extend(joined.map(|_| GLIDE));
        self
    }

    /// Lets them take turns, and adds a point to each curve of each plot.
    fn measure(self, bench: &Bench, x: usize, plots: &mut [(What, &mut Plot)]) {
        let whats: Vec<What> = plots.iter().map(|(what, _)| *what).collect();
        let (medians, others) = bench.contest("commands/s", self.contenders).medians(&whats);
        for ((_, plot), medians) in plots.iter_mut().zip(medians) {
            plot.add(x, &self.names, &medians, others);
        }
    }
}

fn by_threads(bench: &Bench) -> [Plot; 2] {
    let mut rates = Plot::new(
        "threads",
        "Mix of 16 bytes, by threads",
        "threads",
        "commands/s",
    );
    let mut p99 = Plot::new("threads-p99", "Its p99, by threads", "threads", "us");
    for threads in (0..10).map(|power| 1 << power) {
        eprintln!("{threads} threads");
        let address = &bench.address;
        Named::default()
            .with(OURS, mix_ours(&by_default(address), threads))
            .with(R2D2, mix_r2d2(&r2d2(address, threads as u32), threads))
            .with(TEN, mix_r2d2(&r2d2(address, 10), threads))
            .with_glide(bench, threads)
            .measure(bench, threads, &mut [(RATE, &mut rates), (P99, &mut p99)]);
    }
    [rates, p99]
}

/// 64 threads, with connections that are all used.
fn by_connections(bench: &Bench) -> [Plot; 1] {
    let title = "Mix of 16 bytes, 64 threads, by connections";
    let mut plot = Plot::new("connections", title, "connections", "commands/s");
    for connections in (0..7).map(|power| 1 << power) {
        eprintln!("{connections} connections");
        let address = &bench.address;
        Named::default()
            .with(
                "hitless, spread over all",
                mix_ours(&spread(address, connections), 64),
            )
            .with("r2d2", mix_r2d2(&r2d2(address, connections as u32), 64))
            .measure(bench, connections, &mut [(RATE, &mut plot)]);
    }
    [plot]
}

/// Threads that read and write the value of any size, half of each.
fn sized_ours(client: &Client, threads: usize, value: &[u8]) -> Vec<Operation> {
    each(threads, || {
        let (client, value, mut turn) = (client.clone(), value.to_vec(), 0);
        move || {
            turn += 1;
            if turn % 2 == 0 {
                client.set(SIZED_KEY, &value).expect("SET");
            } else {
                let read: Vec<u8> = client.get(SIZED_KEY).expect("GET");
                assert_eq!(read.len(), value.len());
            }
        }
    })
}

/// The same.
fn sized_r2d2(pool: &r2d2::Pool<redis::Client>, threads: usize, value: &[u8]) -> Vec<Operation> {
    each(threads, || {
        let (pool, value, mut turn) = (pool.clone(), value.to_vec(), 0);
        move || {
            let mut connection = pool.get().expect("a connection from r2d2");
            turn += 1;
            if turn % 2 == 0 {
                let _: () = connection.set(SIZED_KEY, &value).expect("SET");
            } else {
                let read: Vec<u8> = connection.get(SIZED_KEY).expect("GET");
                assert_eq!(read.len(), value.len());
            }
        }
    })
}

fn by_size(bench: &Bench) -> [Plot; 2] {
    let plot = |file, threads| {
        let title = format!("GET and SET by turns, {threads}, by the size of the value");
        Plot::new(file, &title, "bytes", "commands/s")
    };
    let (mut one, mut eight) = (plot("size-1", "1 thread"), plot("size-8", "8 threads"));
    let admin = by_default(&bench.address);
    for size in (4..=24).step_by(2).map(|power| 1_usize << power) {
        eprintln!("{size} bytes");
        let value = vec![b'x'; size];
        admin.set(SIZED_KEY, &value).expect("SET");
        for (threads, plot) in [(1, &mut one), (8, &mut eight)] {
            let address = &bench.address;
            let pool = r2d2(address, threads as u32);
            Named::default()
                .with(OURS, sized_ours(&by_default(address), threads, &value))
                .with(R2D2, sized_r2d2(&pool, threads, &value))
                .measure(bench, size, &mut [(RATE, plot)]);
        }
    }
    admin.del(SIZED_KEY).expect("DEL");
    [one, eight]
}

fn main() -> ExitCode {
    // A thread that panics would leave the others waiting for the end of the round.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        report(panicked);
        process::exit(101);
    }));
    let mut words = Vec::new();
    let (mut is_quick, mut glide) = (false, None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => is_quick = true,
            "--glide" => glide = arguments.next().map(PathBuf::from),
            _ => words.push(argument),
        }
    }
    let [address, folder] = &words[..] else {
        eprintln!("usage: growth ADDRESS FOLDER [--quick] [--glide PROGRAM]");
        return ExitCode::from(2);
    };
    let effort = match is_quick {
        true => Effort {
            rounds: 1,
            length: Duration::from_millis(60),
            ..QUICK
        },
        false => Effort {
            rounds: 5,
            most_repeats: 2,
            ..FULL
        },
    };
    prepare(address);
    let bench = Bench::new(address.clone(), effort, glide);
    let plots = by_threads(&bench)
        .into_iter()
        .chain(by_connections(&bench))
        .chain(by_size(&bench));
    for plot in plots {
        match plot.draw(Path::new(folder)) {
            Ok(path) => println!("drawn: {}", path.display()),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
