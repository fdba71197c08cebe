//! Pipelines, long lists, and decoders alone.

use super::RATE;
use crate::bench::{Bench, Measured};
use crate::contest::{What, versus};
use crate::crew::Operation;
use crate::report::{Bar, Row};
use crate::shapes::VALUE;
use crate::{ELEMENTS, lrange_ours, lrange_redis_rs, pipeline_ours, pipeline_redis_rs};
use hitless::Limits;
use hitless::unstable::Decoder;
use std::hint::black_box;

pub fn pipelines(bench: &Bench) -> Measured {
    let mut rows = Vec::new();
    for (commands, name, bars) in [
        (
            100,
            "pipeline of 100",
            [
                (RATE, Bar::Ratio(1.3)),
                (What::PerProcessorSecond, Bar::Ratio(1.8)),
            ],
        ),
        (
            10_000,
            "pipeline of 10,000",
            [
                (RATE, Bar::Ratio(1.5)),
                (What::PerProcessorSecond, Bar::None),
            ],
        ),
    ] {
        let contenders = vec![
            pipeline_ours(&bench.address, commands),
            pipeline_redis_rs(&bench.address, commands),
        ];
        let contest = bench.contest("GET/s", contenders).with_weight(commands);
        rows.extend(contest.compare(&versus((0, 1), name, "redis-rs", &bars)));
    }
    Ok(rows)
}

pub fn arrays(bench: &Bench) -> Measured {
    let contenders = vec![lrange_ours(&bench.address), lrange_redis_rs(&bench.address)];
    let name = "array of 10,000, LRANGE";
    let rows = versus((0, 1), name, "redis-rs", &[(RATE, Bar::None)]);
    Ok(bench.contest("LRANGE/s", contenders).compare(&rows))
}

fn bulk(value: &[u8]) -> Vec<u8> {
    let mut bytes = format!("${}\r\n", value.len()).into_bytes();
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A reply that has so many parts of this kind.
fn repeated(header: &str, part: &[u8], times: usize) -> Vec<u8> {
    [header.as_bytes(), &part.repeat(times)].concat()
}

/// What RESP3 has, but for blobs of other kinds: 100 records with a map, a set, and scalars of all kinds.
fn mixed() -> Vec<u8> {
    let record = b"*9\r\n:1234567\r\n,3.25\r\n#t\r\n_\r\n+OK\r\n$16\r\n0123456789abcdef\r\n\
        =15\r\ntxt:some string\r\n%2\r\n$4\r\nname\r\n$5\r\nvalue\r\n$5\r\ncount\r\n:42\r\n\
        ~3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
    repeated("*100\r\n", record, 100)
}

/// Decodes the reply to the end, into a value that it drops.
fn decode_ours(bytes: &[u8]) {
    let step = Decoder::new(Limits::default()).decode(black_box(bytes));
    let step = step.expect("well-formed");
    assert!(step.frame.is_some());
    black_box(step);
}

fn decode_redis_rs(bytes: &[u8]) {
    let value = redis::parse_redis_value(black_box(bytes));
    black_box(value.expect("well-formed"));
}

/// One thread that decodes one reply again and again.
fn decoding_of(bytes: &[u8], decode: fn(&[u8])) -> Vec<Operation> {
    let bytes = bytes.to_vec();
    vec![Box::new(move || decode(&bytes))]
}

pub fn decoding(bench: &Bench) -> Measured {
    let pair = [bulk(b"some field"), bulk(VALUE)].concat();
    let replies = [
        (
            "array of 10,000",
            repeated(&format!("*{ELEMENTS}\r\n"), &bulk(VALUE), ELEMENTS),
        ),
        ("map of 1,000", repeated("%1000\r\n", &pair, 1000)),
        ("mixed RESP3", mixed()),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for (name, bytes) in replies {
        let contenders = vec![
            decoding_of(&bytes, decode_ours),
            decoding_of(&bytes, decode_redis_rs),
        ];
        let name = format!("decoder, {name}");
        let bars = [(RATE, Bar::Ratio(4.0))];
        let compared = versus((0, 1), &name, "redis-rs", &bars);
        rows.extend(bench.contest("replies/s", contenders).compare(&compared));
    }
    let bytes = bulk(&vec![b'x'; 10 << 20]);
    let contenders = vec![
        decoding_of(&bytes, decode_ours),
        decoding_of(&bytes, decode_redis_rs),
        decoding_of(&bytes, |bytes| drop(black_box(bytes.to_vec()))),
    ];
    let name = "decoder, bulk of 10 MiB";
    let mut compared = versus((0, 2), name, "memcpy", &[(RATE, Bar::Ratio(0.8))]);
    compared.extend(versus((0, 1), name, "redis-rs", &[(RATE, Bar::None)]));
    rows.extend(bench.contest("replies/s", contenders).compare(&compared));
    Ok(rows)
}
