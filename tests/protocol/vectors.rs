//! Known byte streams and the frames they stand for.

use crate::support::{End, Outcome, array, bulk, decode_cut, decode_every_way, pairs, set, simple};
use hitless::unstable::Frame;
use hitless::{Attributed, Limits, ServerError, Value};

fn reply(value: Value) -> Vec<Frame> {
    vec![Frame::Reply(value)]
}

fn push<const N: usize>(kind: &str, args: [Value; N]) -> Frame {
    Frame::Push(crate::support::push(kind, args))
}

fn vectors() -> Vec<(&'static [u8], Vec<Frame>)> {
    vec![
        (b"", vec![]),
        (b"+OK\r\n", reply(Value::Okay)),
        (b"+\r\n", reply(simple(""))),
        (b"+PONG\r\n", reply(simple("PONG"))),
        (b"+OKAY\r\n", reply(simple("OKAY"))),
        (b"+\xff\xfe\r\n", reply(Value::Simple(vec![0xff, 0xfe]))),
        (
            b"-ERR no such key\r\n",
            reply(Value::error("ERR", "no such key")),
        ),
        (b"-EXECABORT\r\n", reply(Value::error("EXECABORT", ""))),
        (b"-\r\n", reply(Value::error("", ""))),
        (b":0\r\n", reply(Value::Int(0))),
        (b":+7\r\n", reply(Value::Int(7))),
        (b":-1\r\n", reply(Value::Int(-1))),
        (b":9223372036854775807\r\n", reply(Value::Int(i64::MAX))),
        (b":-9223372036854775808\r\n", reply(Value::Int(i64::MIN))),
        (b"$0\r\n\r\n", reply(bulk(""))),
        (b"$5\r\nhello\r\n", reply(bulk("hello"))),
        (b"$4\r\n\r\n\r\n\r\n", reply(bulk("\r\n\r\n"))),
        (b"$-1\r\n", reply(Value::Nil)),
        (b"*-1\r\n", reply(Value::Nil)),
        (b"_\r\n", reply(Value::Nil)),
        (
            b"#t\r\n#f\r\n",
            vec![
                Frame::Reply(Value::Bool(true)),
                Frame::Reply(Value::Bool(false)),
            ],
        ),
        (b",3.25\r\n", reply(Value::Double(3.25))),
        (b",10\r\n", reply(Value::Double(10.0))),
        (b",-1.5e-7\r\n", reply(Value::Double(-1.5e-7))),
        (b",inf\r\n", reply(Value::Double(f64::INFINITY))),
        (b",-inf\r\n", reply(Value::Double(f64::NEG_INFINITY))),
        (
            b"(-3492890328409238509324850943850943825024385\r\n",
            reply(Value::BigNumber(
                b"-3492890328409238509324850943850943825024385".to_vec(),
            )),
        ),
        (
            b"!22\r\nSYNTAX invalid\r\nsyntax\r\n",
            reply(Value::error("SYNTAX", "invalid\r\nsyntax")),
        ),
        (
            b"=15\r\ntxt:Some string\r\n",
            reply(Value::Verbatim {
                format: *b"txt",
                text: b"Some string".to_vec(),
            }),
        ),
        (
            b"=4\r\nmkd:\r\n",
            reply(Value::Verbatim {
                format: *b"mkd",
                text: vec![],
            }),
        ),
        (b"*0\r\n", reply(array([]))),
        (
            b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
            reply(array([bulk("a"), array([Value::Int(1)])])),
        ),
        (
            b"*3\r\n*0\r\n%0\r\n~0\r\n",
            reply(array([array([]), Value::Map(pairs([])), set([])])),
        ),
        (
            b"%2\r\n+a\r\n:1\r\n*1\r\n+k\r\n~2\r\n#t\r\n_\r\n",
            reply(Value::Map(pairs([
                (simple("a"), Value::Int(1)),
                (array([simple("k")]), set([Value::Bool(true), Value::Nil])),
            ]))),
        ),
        (
            b"|1\r\n+ttl\r\n:3600\r\n:7\r\n",
            reply(Value::Attributed(Attributed::new(
                pairs([(simple("ttl"), Value::Int(3600))]),
                Value::Int(7),
            ))),
        ),
        (
            b"*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n*1\r\n:2\r\n",
            reply(array([
                Value::Int(1),
                Value::Attributed(Attributed::new(
                    pairs([(simple("a"), simple("b"))]),
                    array([Value::Int(2)]),
                )),
            ])),
        ),
        (
            b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n+OK\r\n",
            vec![
                push("message", [bulk("c"), bulk("hi")]),
                Frame::Reply(Value::Okay),
            ],
        ),
        (b">1\r\n+pong\r\n", vec![push("pong", [])]),
        (
            b">2\r\n=8\r\ntxt:ping\r\n:1\r\n",
            vec![push("ping", [Value::Int(1)])],
        ),
        (
            b"|1\r\n+a\r\n+b\r\n|0\r\n>1\r\n$1\r\nx\r\n:5\r\n",
            vec![push("x", []), Frame::Reply(Value::Int(5))],
        ),
        (
            b">4\r\n$6\r\nMOVING\r\n:0\r\n:15\r\n_\r\n$1\r\nv\r\n",
            vec![
                push("MOVING", [Value::Int(0), Value::Int(15), Value::Nil]),
                Frame::Reply(bulk("v")),
            ],
        ),
        (
            b">4\r\n$6\r\nMOVING\r\n:17\r\n:15\r\n$19\r\n54.78.247.156:12075\r\n",
            vec![push(
                "MOVING",
                [Value::Int(17), Value::Int(15), bulk("54.78.247.156:12075")],
            )],
        ),
    ]
}

#[test]
fn every_vector_decodes_to_its_frames_however_it_is_cut() {
    for (stream, frames) in vectors() {
        let end = End::Whole;
        let outcome = decode_every_way(Limits::default(), stream);
        assert_eq!(
            outcome,
            Outcome { frames, end },
            "{}",
            stream.escape_ascii()
        );
    }
}

#[test]
fn all_vectors_in_one_stream_decode_to_all_frames() {
    let (streams, frames): (Vec<_>, Vec<_>) = vectors().into_iter().unzip();
    let stream = streams.concat();
    let outcome = decode_every_way(Limits::default(), &stream);
    assert_eq!(outcome.frames, frames.concat());
    assert_eq!(outcome.end, End::Whole);
}

#[test]
fn a_vector_without_its_last_byte_is_no_frame_yet() {
    for (stream, frames) in vectors() {
        let Some((_, shorter)) = stream.split_last() else {
            continue;
        };
        let outcome = decode_cut(Limits::default(), shorter, &[]);
        assert_eq!(outcome.end, End::Partial, "{}", shorter.escape_ascii());
        assert_eq!(
            outcome.frames,
            frames[..frames.len() - 1],
            "{}",
            shorter.escape_ascii()
        );
    }
}

#[test]
fn not_a_number_decodes_in_every_spelling() {
    for stream in [&b",nan\r\n"[..], b",-nan\r\n", b",+nan\r\n"] {
        let outcome = decode_cut(Limits::default(), stream, &[]);
        assert!(matches!(outcome.frames[..], [Frame::Reply(Value::Double(n))] if n.is_nan()));
    }
}

#[test]
fn payloads_that_look_like_frames_stay_payloads_at_every_cut() {
    let payloads: [&[u8]; 8] = [
        b"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
        b"*1\r\n$1\r\na\r\n",
        b">4\r\n$6\r\nMOVING\r\n:1\r\n:15\r\n$9\r\n1.2.3.4:5\r\n",
        b"\r\n>2\r\n+MOVING\r\n:1\r\n",
        b"$-1\r\n",
        b"-ERR no\r\n",
        b"*2\r\n",
        b"\r\n\r\n+OK\r\n",
    ];
    for payload in payloads {
        let mut stream = Vec::new();
        let header = format!("${}\r\n", payload.len());
        let verbatim = format!("={}\r\ntxt:", payload.len() + 4);
        // On its own, as verbatim text, as the last of an array, and in front of another reply.
        for part in [header.as_bytes(), verbatim.as_bytes(), b"*3\r\n:1\r\n", b""] {
            stream.extend_from_slice(part);
            if part.starts_with(b"*") || part.is_empty() {
                stream.extend_from_slice(header.as_bytes());
            }
            stream.extend_from_slice(payload);
            stream.extend_from_slice(b"\r\n");
            if part.starts_with(b"*") {
                stream.extend_from_slice(header.as_bytes());
                stream.extend_from_slice(payload);
                stream.extend_from_slice(b"\r\n");
            }
        }
        let text = bulk(payload);
        let verbatim = Value::Verbatim {
            format: *b"txt",
            text: payload.to_vec(),
        };
        let expected = [
            text.clone(),
            verbatim,
            array([Value::Int(1), text.clone(), text.clone()]),
            text,
        ];
        let outcome = decode_every_way(Limits::default(), &stream);
        assert_eq!(outcome.frames, expected.map(Frame::Reply));
        assert_eq!(outcome.end, End::Whole);
    }
}

#[test]
fn pushes_between_replies_never_change_the_replies() {
    let stream = b">2\r\n+a\r\n:1\r\n$2\r\nhi\r\n>1\r\n+b\r\n>1\r\n+c\r\n:2\r\n>1\r\n+d\r\n";
    let outcome = decode_every_way(Limits::default(), stream);
    assert_eq!(
        outcome.frames,
        [
            push("a", [Value::Int(1)]),
            Frame::Reply(bulk("hi")),
            push("b", []),
            push("c", []),
            Frame::Reply(Value::Int(2)),
            push("d", []),
        ]
    );
}

#[test]
fn a_long_bulk_string_decodes_in_pieces_of_any_size() {
    let payload: Vec<u8> = (0_u32..300_000)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let mut stream = format!("${}\r\n", payload.len()).into_bytes();
    stream.extend_from_slice(&payload);
    stream.extend_from_slice(b"\r\n:1\r\n");
    for piece in [1, 7, 4_096, 65_536, 299_999, 300_008, 300_009, 300_010] {
        let cuts: Vec<usize> = (0..stream.len()).step_by(piece).collect();
        let outcome = decode_cut(Limits::default(), &stream, &cuts);
        assert_eq!(outcome.end, End::Whole);
        assert_eq!(
            outcome.frames,
            [bulk(&payload), Value::Int(1)].map(Frame::Reply)
        );
    }
}

#[test]
fn an_error_line_splits_at_its_first_space() {
    let error = ServerError::parse(b"MOVED 3999 127.0.0.1:6381");
    assert_eq!(
        (error.code(), error.text()),
        ("MOVED", "3999 127.0.0.1:6381")
    );
    assert_eq!(error.to_string(), "MOVED 3999 127.0.0.1:6381");
    assert_eq!(ServerError::parse(b"ERR").to_string(), "ERR");
    assert_eq!(ServerError::parse(b"").to_string(), "");
}

#[test]
fn an_error_line_that_is_not_utf_8_keeps_what_can_be_read() {
    let error = ServerError::parse(b"ERR bad \xff byte");
    assert_eq!(error.text(), "bad \u{fffd} byte");
}
