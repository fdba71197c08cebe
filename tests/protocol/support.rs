//! Short names for values, and ways to feed a decoder.

use hitless::unstable::{Decoder, Frame, Malformed};
use hitless::{Items, Limits, Pairs, Push, Value};

/// What a stream came to: its frames, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<Frame>,
    pub(crate) end: End,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// With its last frame.
    Whole,
    /// In the middle of a frame.
    Partial,
    /// With a mistake.
    Bad(Malformed),
}

/// Decodes a stream fed in pieces that end at these offsets, and then at its end.
pub(crate) fn decode_cut(limits: Limits, stream: &[u8], cuts: &[usize]) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    let mut consumed = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        loop {
            match decoder.decode(&stream[consumed..cut]) {
                Ok(step) => {
                    consumed += step.consumed;
                    assert!(consumed <= cut, "no more is consumed than there is");
                    match step.frame {
                        Some(frame) => frames.push(frame),
                        None => break,
                    }
                }
                Err(malformed) => {
                    let again = decoder.decode(b"+OK\r\n");
                    assert_eq!(again, Err(malformed), "a mistake is for good");
                    return Outcome {
                        frames,
                        end: End::Bad(malformed),
                    };
                }
            }
        }
    }
    let end = if consumed == stream.len() && !decoder.is_mid_frame() {
        End::Whole
    } else {
        End::Partial
    };
    Outcome { frames, end }
}

/// Decodes a stream in one piece, one byte at a time and cut in two at every offset; all must agree.
pub(crate) fn decode_every_way(limits: Limits, stream: &[u8]) -> Outcome {
    let whole = decode_cut(limits, stream, &[]);
    let bytes: Vec<usize> = (0..stream.len()).collect();
    assert_alike(&decode_cut(limits, stream, &bytes), &whole, stream, &bytes);
    for cut in 0..=stream.len() {
        assert_alike(&decode_cut(limits, stream, &[cut]), &whole, stream, &[cut]);
    }
    whole
}

/// Two readings of one stream must agree. Values that are not numbers are alike here.
pub(crate) fn assert_alike(cut: &Outcome, whole: &Outcome, stream: &[u8], cuts: &[usize]) {
    if cut != whole {
        let (cut, whole) = (format!("{cut:?}"), format!("{whole:?}"));
        assert_eq!(cut, whole, "cut at {cuts:?}: {}", stream.escape_ascii());
    }
}

/// The frames of a stream that ends with its last frame.
pub(crate) fn frames(stream: &[u8]) -> Vec<Frame> {
    let outcome = decode_cut(Limits::default(), stream, &[]);
    assert_eq!(outcome.end, End::Whole, "{}", stream.escape_ascii());
    outcome.frames
}

/// The only frame of a stream, a reply.
pub(crate) fn reply_of(stream: &[u8]) -> Value {
    match frames(stream).as_slice() {
        [Frame::Reply(value)] => value.clone(),
        other => panic!("expected one reply: {other:?}"),
    }
}

/// The only frame of a stream, a push.
pub(crate) fn push_of(stream: &[u8]) -> Push {
    match frames(stream).as_slice() {
        [Frame::Push(push)] => push.clone(),
        other => panic!("expected one push: {other:?}"),
    }
}

pub(crate) fn bulk(text: impl AsRef<[u8]>) -> Value {
    Value::bulk(text)
}

pub(crate) fn simple(text: &str) -> Value {
    Value::Simple(text.into())
}

pub(crate) fn array<const N: usize>(elements: [Value; N]) -> Value {
    Value::array(Vec::from(elements))
}

pub(crate) fn set<const N: usize>(elements: [Value; N]) -> Value {
    Value::Set(Items::from(Vec::from(elements)))
}

pub(crate) fn pairs<const N: usize>(elements: [(Value, Value); N]) -> Pairs {
    elements.into_iter().collect()
}

pub(crate) fn push<const N: usize>(kind: &str, args: [Value; N]) -> Push {
    Push {
        kind: kind.into(),
        args: Vec::from(args).into(),
    }
}
