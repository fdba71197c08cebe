//! Streams kept as files, one to a file, which fuzzers start from as well.
//!
//! The name tells how the stream ends: `ok-` with a frame, `cut-` in the middle of one, `bad-` with
//! a mistake. `ok-real-` are replies of Redis 7.0.

use crate::support::{End, Outcome, assert_alike, decode_cut, decode_every_way};
use hitless::unstable::{Frame, encode};
use hitless::{Limits, Notification, Protocol, Value};
use std::path::PathBuf;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let streams = files.filter_map(|file| {
        let name = file.file_name().into_string().unwrap();
        let stream = name
            .ends_with(".resp")
            .then(|| std::fs::read(file.path()).unwrap())?;
        Some((name, stream))
    });
    let streams: Vec<_> = streams.collect();
    assert!(streams.len() >= 50, "the corpus is there");
    streams
}

fn encode_all(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        match frame {
            Frame::Reply(value) => encode::value(&mut out, value, Protocol::Resp3),
            Frame::Push(push) => encode::push(&mut out, push, Protocol::Resp3),
        }
    }
    out
}

#[test]
fn every_stream_ends_as_its_name_says_however_it_is_cut() {
    for (name, stream) in corpus() {
        let Outcome { end, frames } = decode_every_way(Limits::default(), &stream);
        match end {
            End::Whole => assert!(name.starts_with("ok-"), "{name}: whole"),
            End::Partial => assert!(name.starts_with("cut-"), "{name}: partial"),
            End::Bad(reason) => assert!(name.starts_with("bad-"), "{name}: {reason}"),
        }
        assert!(end != End::Whole || !frames.is_empty(), "{name}: no frames");
    }
}

#[test]
fn frames_of_every_stream_survive_encoding() {
    for (name, stream) in corpus() {
        let frames = decode_cut(Limits::default(), &stream, &[]).frames;
        let encoded = encode_all(&frames);
        let again = decode_cut(Limits::default(), &encoded, &[]);
        let expected = Outcome {
            frames,
            end: End::Whole,
        };
        assert_alike(&again, &expected, name.as_bytes(), &[]);
    }
}

#[test]
fn every_stream_passes_small_limits_or_is_refused() {
    let limits = Limits::new()
        .bulk(16)
        .depth(2)
        .elements(3)
        .line(16)
        .total(300);
    for (name, stream) in corpus() {
        let outcome = decode_every_way(limits, &stream);
        if name.starts_with("bad-") {
            assert!(matches!(outcome.end, End::Bad(_)), "{name}");
        }
        for frame in outcome.frames {
            let Frame::Reply(value) = frame else { continue };
            assert!(
                value.as_bytes().is_none_or(|bytes| bytes.len() <= 16),
                "{name}"
            );
            assert!(
                value.as_items().is_none_or(|items| items.len() <= 3),
                "{name}"
            );
        }
    }
}

#[test]
fn maintenance_pushes_of_every_stream_are_told_from_replies() {
    let mut notifications = 0;
    for (name, stream) in corpus() {
        for frame in decode_cut(Limits::default(), &stream, &[]).frames {
            match frame {
                Frame::Push(push) => {
                    let read = Notification::classify(&push, 6379);
                    assert_eq!(
                        read.is_some(),
                        name.contains("maintenance") || name.contains("handshake"),
                        "{name}: {push:?}"
                    );
                    notifications += usize::from(read.is_some());
                }
                Frame::Reply(reply) => {
                    let text = reply.as_bytes().unwrap_or_default();
                    assert!(!text.starts_with(b"MOVING"), "{name}");
                }
            }
        }
    }
    assert!(notifications > 15);
}

#[test]
fn the_greeting_of_a_real_server_is_a_map() {
    let stream = include_bytes!("../corpus/ok-real-hello3.resp");
    let outcome = decode_cut(Limits::default(), stream, &[]);
    let [Frame::Reply(Value::Map(greeting))] = outcome.frames.as_slice() else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        greeting.get(b"server").and_then(Value::as_str),
        Some("redis")
    );
    assert_eq!(greeting.get(b"proto").and_then(Value::as_int), Some(3));
}

#[test]
fn attributes_and_pushes_of_a_real_server_are_told_from_replies() {
    let stream = include_bytes!("../corpus/ok-real-debug-types.resp");
    let outcome = decode_cut(Limits::default(), stream, &[]);
    let pushes: Vec<_> = outcome
        .frames
        .iter()
        .filter(|f| matches!(f, Frame::Push(_)))
        .collect();
    assert_eq!(pushes.len(), 1);
    // One greeting, and one reply to each of thirteen commands.
    assert_eq!(outcome.frames.len() - pushes.len(), 14);
    let attributed = outcome.frames.iter().filter_map(|frame| match frame {
        Frame::Reply(Value::Attributed(attributed)) => Some(attributed),
        _ => None,
    });
    let replies: Vec<_> = attributed.map(|a| a.reply().as_str().unwrap()).collect();
    assert_eq!(replies, ["Some real reply following the attribute"]);
}
