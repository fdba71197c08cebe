//! Streams that must be refused, and limits that must hold exactly.

use crate::support::{End, Outcome, decode_cut, decode_every_way};
use hitless::unstable::{Decoder, ELEMENT_COST, Frame, Malformed};
use hitless::{Limits, Value};

fn end(stream: &[u8]) -> End {
    decode_every_way(Limits::default(), stream).end
}

#[test]
fn every_malformed_stream_is_refused_with_its_reason() {
    let table: &[(&[u8], Malformed)] = &[
        // Lengths: exactly `-1`, or decimal digits without a sign or leading zeros.
        (b"$-2\r\n", Malformed::Length),
        (b"$-0\r\n", Malformed::Length),
        (b"$-10\r\n", Malformed::Length),
        (b"$--1\r\n", Malformed::Length),
        (b"$+5\r\nhello\r\n", Malformed::Length),
        (b"$05\r\nhello\r\n", Malformed::Length),
        (b"$00\r\n\r\n", Malformed::Length),
        (b"$ 5\r\nhello\r\n", Malformed::Length),
        (b"$5 \r\nhello\r\n", Malformed::Length),
        (b"$\r\n", Malformed::Length),
        (b"$\r\n\r\n", Malformed::Length),
        (b"*\r\n:1\r\n", Malformed::Length),
        (b"$5\nhello\r\n", Malformed::Length),
        (b"$5\rhello\r\n", Malformed::Length),
        (b"$0x5\r\nhello\r\n", Malformed::Length),
        (b"$5.0\r\nhello\r\n", Malformed::Length),
        (b"$9223372036854775808\r\n", Malformed::Length),
        (b"$9999999999999999999\r\n", Malformed::Length),
        (b"$10000000000000000000\r\n", Malformed::Length),
        (b"$18446744073709551616\r\n", Malformed::Length),
        (b"$99999999999999999999999999999999\r\n", Malformed::Length),
        (b"$?\r\n;4\r\nspam\r\n;0\r\n", Malformed::Length),
        (b"*?\r\n:1\r\n.\r\n", Malformed::Length),
        (b"%?\r\n.\r\n", Malformed::Length),
        (b"~?\r\n.\r\n", Malformed::Length),
        (b"*-2\r\n", Malformed::Length),
        (b"*-0\r\n", Malformed::Length),
        (b"*+1\r\n", Malformed::Length),
        (b"*01\r\n:1\r\n", Malformed::Length),
        (b"%-1\r\n", Malformed::Length),
        (b"~-1\r\n", Malformed::Length),
        (b"|-1\r\n", Malformed::Length),
        (b">-1\r\n", Malformed::Length),
        (b"!-1\r\n", Malformed::Length),
        (b"=-1\r\n", Malformed::Length),
        // Announced sizes that overflow or exceed a limit.
        (b"$536870913\r\n", Malformed::BulkTooLong),
        (b"$9223372036854775807\r\n", Malformed::BulkTooLong),
        (b"*16777217\r\n", Malformed::TooManyElements),
        (b"*1073741825\r\n", Malformed::TooManyElements),
        (b"*4611686018427387905\r\n", Malformed::TooManyElements),
        (b"*9223372036854775807\r\n", Malformed::TooManyElements),
        (b"%8388609\r\n", Malformed::TooManyElements),
        (b"%4611686018427387904\r\n", Malformed::TooManyElements),
        (b"%9223372036854775807\r\n", Malformed::TooManyElements),
        (b"|9223372036854775807\r\n", Malformed::TooManyElements),
        (b"~9223372036854775807\r\n", Malformed::TooManyElements),
        (b">9223372036854775807\r\n", Malformed::TooManyElements),
        // Ends that are not where they should be.
        (b"$5\r\nhelloo\r\n", Malformed::EndOfBulk),
        (b"$5\r\nhell\r\n+OK\r\n", Malformed::EndOfBulk),
        (b"$5\r\nhello\n\r", Malformed::EndOfBulk),
        (b"$5\r\nhello\rx", Malformed::EndOfBulk),
        (b"$0\r\nx", Malformed::EndOfBulk),
        (b"!3\r\nERR..", Malformed::EndOfBulk),
        (b"+OK\n", Malformed::EndOfLine),
        (b"+OK\n\r\n", Malformed::EndOfLine),
        (b"+O\rK\r\n", Malformed::EndOfLine),
        (b":1\n", Malformed::EndOfLine),
        (b"_\n", Malformed::EndOfLine),
        // Contents.
        (b":\r\n", Malformed::Integer),
        (b":-\r\n", Malformed::Integer),
        (b":+-1\r\n", Malformed::Integer),
        (b":1 \r\n", Malformed::Integer),
        (b": 1\r\n", Malformed::Integer),
        (b":1.0\r\n", Malformed::Integer),
        (b":9223372036854775808\r\n", Malformed::Integer),
        (b":-9223372036854775809\r\n", Malformed::Integer),
        (b":99999999999999999999999999\r\n", Malformed::Integer),
        (b"_x\r\n", Malformed::Nil),
        (b"#\r\n", Malformed::Boolean),
        (b"#true\r\n", Malformed::Boolean),
        (b"#T\r\n", Malformed::Boolean),
        (b",\r\n", Malformed::Double),
        (b",.\r\n", Malformed::Double),
        (b",1,5\r\n", Malformed::Double),
        (b",infinity\r\n", Malformed::Double),
        (b",1e\r\n", Malformed::Double),
        (b",0x10\r\n", Malformed::Double),
        (b",1 \r\n", Malformed::Double),
        (b",\xff\r\n", Malformed::Double),
        (b"(\r\n", Malformed::BigNumber),
        (b"(-\r\n", Malformed::BigNumber),
        (b"(12a\r\n", Malformed::BigNumber),
        (b"(--1\r\n", Malformed::BigNumber),
        (b"=3\r\ntxt\r\n", Malformed::Verbatim),
        (b"=4\r\ntxt \r\n", Malformed::Verbatim),
        (b"=0\r\n\r\n", Malformed::Verbatim),
        // Types and places.
        (b"\0", Malformed::UnknownType),
        (b"\r\n", Malformed::UnknownType),
        (b"PING\r\n", Malformed::UnknownType),
        (b"HTTP/1.1 400 Bad Request\r\n", Malformed::UnknownType),
        (b"\x15\x03\x01", Malformed::UnknownType),
        (b";4\r\nspam\r\n", Malformed::UnknownType),
        (b".\r\n", Malformed::UnknownType),
        (b"*1\r\nx", Malformed::UnknownType),
        (b"*1\r\n>1\r\n+a\r\n", Malformed::NestedPush),
        (b"%1\r\n+k\r\n>1\r\n+a\r\n", Malformed::NestedPush),
        (b">2\r\n+a\r\n>1\r\n+b\r\n", Malformed::NestedPush),
        (b"|1\r\n>1\r\n+a\r\n", Malformed::NestedPush),
        (b"|1\r\n+a\r\n>1\r\n+b\r\n", Malformed::NestedPush),
        (
            b"*1\r\n|1\r\n+a\r\n+b\r\n>1\r\n+c\r\n",
            Malformed::NestedPush,
        ),
        (b">0\r\n", Malformed::PushKind),
        (b">1\r\n:1\r\n", Malformed::PushKind),
        (b">1\r\n_\r\n", Malformed::PushKind),
        (b">1\r\n*1\r\n+a\r\n", Malformed::PushKind),
        (b">1\r\n|1\r\n+a\r\n+b\r\n+c\r\n", Malformed::PushKind),
    ];
    for (stream, reason) in table {
        assert_eq!(end(stream), End::Bad(*reason), "{}", stream.escape_ascii());
        // The same inside an aggregate, where a push is refused for its place.
        if stream[0] != b'>' {
            let nested = [b"*2\r\n:1\r\n", *stream].concat();
            assert_eq!(end(&nested), End::Bad(*reason), "{}", nested.escape_ascii());
        }
        // And behind a good reply, which still comes out.
        let second = [b"$2\r\nhi\r\n", *stream].concat();
        let outcome = decode_every_way(Limits::default(), &second);
        assert_eq!(outcome.frames, [Frame::Reply(Value::bulk("hi"))]);
        assert_eq!(outcome.end, End::Bad(*reason));
    }
}

#[test]
fn every_byte_that_begins_no_type_is_refused() {
    for byte in 0..=u8::MAX {
        let expected = if b"$*:+-_#,(!=%~|>".contains(&byte) {
            End::Partial
        } else {
            End::Bad(Malformed::UnknownType)
        };
        assert_eq!(end(&[byte]), expected, "{byte:#x}");
    }
}

#[test]
fn reasons_are_lower_case_lines_without_a_stop() {
    let reasons = [
        Malformed::Boolean,
        Malformed::BigNumber,
        Malformed::BulkTooLong,
        Malformed::Double,
        Malformed::EndOfBulk,
        Malformed::EndOfLine,
        Malformed::Integer,
        Malformed::Length,
        Malformed::LineTooLong,
        Malformed::NestedPush,
        Malformed::Nil,
        Malformed::PushKind,
        Malformed::ReplyTooLarge,
        Malformed::TooDeep,
        Malformed::TooManyElements,
        Malformed::UnknownType,
        Malformed::Verbatim,
    ];
    let texts: std::collections::BTreeSet<String> = reasons.map(|r| r.to_string()).into();
    assert_eq!(texts.len(), reasons.len(), "no two reasons read alike");
    for text in texts {
        assert!(text.starts_with(|c: char| c.is_ascii_lowercase()), "{text}");
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
    }
}

const SMALL: Limits = Limits::new()
    .bulk(10)
    .depth(3)
    .elements(5)
    .line(8)
    .total(1 << 20);

/// What a stream comes to under limits that one test can reach.
fn small(limits: Limits, stream: &str) -> Outcome {
    decode_every_way(limits, stream.as_bytes())
}

#[test]
fn a_bulk_string_at_the_cap_passes_and_one_byte_more_does_not() {
    for (kind, text) in [
        ('$', "0123456789"),
        ('!', "ERR 456789"),
        ('=', "txt:456789"),
    ] {
        let outcome = small(SMALL, &format!("{kind}10\r\n{text}\r\n"));
        assert_eq!((outcome.end, outcome.frames.len()), (End::Whole, 1));
        let outcome = small(SMALL, &format!("{kind}11\r\n{text}x\r\n"));
        assert_eq!(outcome.end, End::Bad(Malformed::BulkTooLong));
        let nested = small(SMALL, &format!("*2\r\n{kind}11\r\n{text}x\r\n"));
        assert_eq!(nested.end, End::Bad(Malformed::BulkTooLong));
    }
}

#[test]
fn a_line_at_the_cap_passes_and_one_byte_more_does_not() {
    for (kind, text) in [
        ('+', "01234567"),
        ('-', "ERR 4567"),
        (':', "12345678"),
        ('(', "12345678"),
    ] {
        assert_eq!(small(SMALL, &format!("{kind}{text}\r\n")).end, End::Whole);
        let longer = small(SMALL, &format!("{kind}{text}9\r\n"));
        assert_eq!(longer.end, End::Bad(Malformed::LineTooLong));
        let endless = small(SMALL, &format!("{kind}{text}9"));
        assert_eq!(endless.end, End::Bad(Malformed::LineTooLong));
        let at_the_cap = small(SMALL, &format!("{kind}{text}"));
        assert_eq!(at_the_cap.end, End::Partial);
    }
}

#[test]
fn an_aggregate_at_the_cap_of_elements_passes_and_one_more_does_not() {
    for (header, elements) in [("*5", 5), ("~5", 5), ("%2", 4), ("|2", 5)] {
        let stream = format!("{header}\r\n{}", ":1\r\n".repeat(elements));
        assert_eq!(small(SMALL, &stream).end, End::Whole, "{header}");
    }
    assert_eq!(
        small(SMALL, ">5\r\n+k\r\n:1\r\n:1\r\n:1\r\n:1\r\n").end,
        End::Whole
    );
    for header in ["*6", "~6", "%3", "|3", ">6"] {
        let outcome = small(SMALL, &format!("{header}\r\n"));
        assert_eq!(
            outcome.end,
            End::Bad(Malformed::TooManyElements),
            "{header}"
        );
    }
}

#[test]
fn nesting_at_the_cap_passes_and_one_level_more_does_not() {
    for header in ["*1\r\n", "~1\r\n", "%1\r\n:0\r\n", "|1\r\n:0\r\n:0\r\n"] {
        assert_eq!(
            small(SMALL, &format!("{}:1\r\n", header.repeat(3))).end,
            End::Whole
        );
        let deeper = small(SMALL, &format!("{}:1\r\n", header.repeat(4)));
        assert_eq!(deeper.end, End::Bad(Malformed::TooDeep), "{header}");
    }
    // An empty aggregate is a level like any other.
    assert_eq!(small(SMALL, "*1\r\n*1\r\n*0\r\n").end, End::Whole);
    let empty = small(SMALL, "*1\r\n*1\r\n*1\r\n*0\r\n");
    assert_eq!(empty.end, End::Bad(Malformed::TooDeep));
    // A push is one too.
    assert_eq!(
        small(SMALL, ">2\r\n+k\r\n*1\r\n*1\r\n:1\r\n").end,
        End::Whole
    );
    let push = small(SMALL, ">2\r\n+k\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
    assert_eq!(push.end, End::Bad(Malformed::TooDeep));
}

#[test]
fn the_default_depth_is_128_levels() {
    let decode = |levels: usize| {
        let stream = format!("{}:1\r\n", "*1\r\n".repeat(levels));
        decode_cut(Limits::default(), stream.as_bytes(), &[]).end
    };
    assert_eq!(decode(128), End::Whole);
    assert_eq!(decode(129), End::Bad(Malformed::TooDeep));
}

#[test]
fn a_reply_at_the_cap_of_its_size_passes_and_one_byte_more_does_not() {
    let limits = |total| SMALL.total(total);
    // Strings by their bytes, elements by what a value costs.
    let stream = "*3\r\n$4\r\nabcd\r\n+xyz\r\n*1\r\n:12\r\n";
    let cost = 4 * ELEMENT_COST + 4 + 3 + 2;
    assert_eq!(small(limits(cost), stream).end, End::Whole);
    let less = small(limits(cost - 1), stream);
    assert_eq!(less.end, End::Bad(Malformed::ReplyTooLarge));
    let at_the_cap = small(limits(10), "$10\r\n0123456789\r\n");
    assert_eq!(at_the_cap.end, End::Whole);
    let below = small(limits(9), "$10\r\n0123456789\r\n");
    assert_eq!(below.end, End::Bad(Malformed::ReplyTooLarge));
}

#[test]
fn many_strings_in_one_reply_add_up() {
    let limits = |total| SMALL.total(total);
    let stream = format!("*5\r\n{}", "$10\r\n0123456789\r\n".repeat(5));
    let cost = 5 * ELEMENT_COST + 50;
    assert_eq!(small(limits(cost), &stream).end, End::Whole);
    for total in [cost - 1, cost - 11, cost - 31] {
        let outcome = small(limits(total), &stream);
        assert_eq!(outcome.end, End::Bad(Malformed::ReplyTooLarge), "{total}");
    }
}

#[test]
fn the_size_is_counted_per_reply_and_not_per_connection() {
    let limits = SMALL.total(10);
    let outcome = small(limits, &"$10\r\n0123456789\r\n".repeat(20));
    assert_eq!((outcome.end, outcome.frames.len()), (End::Whole, 20));
    let limits = SMALL.total(2 * ELEMENT_COST + 2);
    let outcome = small(limits, &">2\r\n+ab\r\n_\r\n*2\r\n_\r\n+xy\r\n".repeat(20));
    assert_eq!((outcome.end, outcome.frames.len()), (End::Whole, 40));
}

#[test]
fn attributes_dropped_in_front_of_a_push_are_not_counted_with_it() {
    let limits = SMALL.total(3 * ELEMENT_COST + 3);
    let outcome = small(limits, "|1\r\n+a\r\n+b\r\n>3\r\n+c\r\n+d\r\n+e\r\n");
    assert_eq!((outcome.end, outcome.frames.len()), (End::Whole, 1));
}

#[test]
fn an_element_is_counted_for_at_least_32_bytes() {
    const { assert!(ELEMENT_COST >= 32) };
    // Announced elements count before they arrive.
    let limits = SMALL.elements(1_000).total(1_000 * ELEMENT_COST - 1);
    let outcome = small(limits, "*1000\r\n");
    assert_eq!(outcome.end, End::Bad(Malformed::ReplyTooLarge));
}

#[test]
fn limits_of_zero_leave_what_is_empty() {
    let none = Limits::new().bulk(0).depth(0).elements(0).line(0).total(0);
    for stream in ["$0\r\n\r\n", "+\r\n", "_\r\n", "$-1\r\n", "*-1\r\n"] {
        assert_eq!(small(none, stream).end, End::Whole, "{stream}");
    }
    assert_eq!(
        small(none, "$1\r\nx\r\n").end,
        End::Bad(Malformed::BulkTooLong)
    );
    assert_eq!(small(none, "*0\r\n").end, End::Bad(Malformed::TooDeep));
    assert_eq!(small(none, "+x\r\n").end, End::Bad(Malformed::LineTooLong));
}

#[test]
fn limits_without_bound_do_not_overflow() {
    let max = usize::MAX;
    let limits = Limits::new()
        .bulk(max)
        .depth(max)
        .elements(max)
        .line(max)
        .total(max);
    for stream in [
        "$9223372036854775807\r\nx",
        "*9223372036854775807\r\n:1\r\n",
        "%9223372036854775807\r\n:1\r\n",
        "|9223372036854775807\r\n:1\r\n",
        "*1\r\n*9223372036854775807\r\n$9223372036854775807\r\nab",
    ] {
        assert_eq!(small(limits, stream).frames, []);
        assert!(
            matches!(small(limits, stream).end, End::Partial | End::Bad(_)),
            "{stream}"
        );
    }
}

#[test]
fn a_decoder_that_failed_holds_nothing_and_stays_failed() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(
        decoder
            .decode(b"*3\r\n$5\r\nhello\r\n$9\r\nwor")
            .map(|s| s.frame),
        Ok(None)
    );
    assert!(decoder.is_mid_frame());
    assert_eq!(decoder.decode(b"ld...!xx"), Err(Malformed::EndOfBulk));
    assert!(!decoder.is_mid_frame());
    for input in [&b""[..], b"+OK\r\n", b"$2\r\nhi\r\n"] {
        assert_eq!(decoder.decode(input), Err(Malformed::EndOfBulk));
    }
}
