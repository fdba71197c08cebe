//! Known byte streams and the frames they stand for.

use hitless::protocol::{
    Attributed, Decoder, Frame, Items, Limits, Malformed, Pairs, Push, ServerError, Value,
};

/// Decodes all of a stream, fed in pieces that end at these offsets.
fn decode_cut(stream: &[u8], cuts: &[usize]) -> Result<Vec<Frame>, Malformed> {
    let mut decoder = Decoder::new(Limits::default());
    let mut frames = Vec::new();
    let mut consumed = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        loop {
            let step = decoder.decode(&stream[consumed..cut])?;
            consumed += step.consumed;
            assert!(consumed <= cut);
            match step.frame {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
    }
    assert_eq!(consumed, stream.len(), "all of a whole stream is used up");
    assert!(!decoder.is_mid_frame());
    Ok(frames)
}

fn bulk(text: &str) -> Value {
    Value::bulk(text)
}

fn simple(text: &str) -> Value {
    Value::Simple(text.into())
}

fn array<const N: usize>(elements: [Value; N]) -> Value {
    Value::array(Vec::from(elements))
}

fn set<const N: usize>(elements: [Value; N]) -> Value {
    Value::Set(Items::from(Vec::from(elements)))
}

fn pairs<const N: usize>(elements: [(Value, Value); N]) -> Pairs {
    elements.into_iter().collect()
}

fn reply(value: Value) -> Vec<Frame> {
    vec![Frame::Reply(value)]
}

fn push<const N: usize>(kind: &str, args: [Value; N]) -> Frame {
    Frame::Push(Push {
        kind: kind.into(),
        args: Vec::from(args).into(),
    })
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
fn every_vector_decodes_to_its_frames() {
    for (stream, frames) in vectors() {
        let text = stream.escape_ascii().to_string();
        assert_eq!(decode_cut(stream, &[]), Ok(frames), "{text}");
    }
}

#[test]
fn every_vector_decodes_alike_one_byte_at_a_time() {
    for (stream, frames) in vectors() {
        let cuts: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(
            decode_cut(stream, &cuts),
            Ok(frames),
            "{}",
            stream.escape_ascii()
        );
    }
}

#[test]
fn every_vector_decodes_alike_cut_at_every_offset() {
    for (stream, frames) in vectors() {
        for cut in 0..=stream.len() {
            let decoded = decode_cut(stream, &[cut]);
            assert_eq!(
                decoded.as_ref(),
                Ok(&frames),
                "{} cut at {cut}",
                stream.escape_ascii()
            );
        }
    }
}

#[test]
fn not_a_number_decodes_in_every_spelling() {
    for stream in [&b",nan\r\n"[..], b",-nan\r\n"] {
        let frames = decode_cut(stream, &[]).unwrap();
        assert!(matches!(frames[..], [Frame::Reply(Value::Double(n))] if n.is_nan()));
    }
}

#[test]
fn an_error_line_splits_at_its_first_space() {
    let error = ServerError::parse(b"MOVED 3999 127.0.0.1:6381");
    assert_eq!(
        (error.code.as_str(), error.text.as_str()),
        ("MOVED", "3999 127.0.0.1:6381")
    );
    assert_eq!(error.to_string(), "MOVED 3999 127.0.0.1:6381");
}
