//! Commands and frames to bytes. Writes length-prefixed strings only: nothing in an argument can
//! end it early or begin another command.

use super::value::Shape;
use super::{Protocol, Push, Value};
use std::slice::Iter;

/// Most bytes that one argument of a command may have: what a server accepts at most.
pub const MAX_ARGUMENT: usize = 512 << 20;

/// Most arguments that a command may have, its name included: servers count them in 31 bits.
pub const MAX_ARGUMENTS: usize = 0x7fff_ffff;

/// Begins a command of `argc` arguments, its name included. That many [`argument`]s must follow.
#[inline]
pub fn command_header(out: &mut Vec<u8>, argc: usize) {
    header(out, b'*', argc);
}

/// Adds one argument, whatever its bytes are.
#[inline]
pub fn argument(out: &mut Vec<u8>, bytes: &[u8]) {
    // One check of the capacity for all that follows: a header has 23 bytes at most.
    out.reserve(bytes.len().saturating_add(25));
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Adds what stands around an argument of this length. Yields where in `out` its bytes belong, of which none is
/// added.
pub fn argument_around(out: &mut Vec<u8>, length: usize) -> usize {
    header(out, b'$', length);
    let place = out.len();
    out.extend_from_slice(b"\r\n");
    place
}

/// Adds a whole command.
pub fn command(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    command_header(out, arguments.len());
    for bytes in arguments {
        argument(out, bytes);
    }
}

/// Adds a reply, as a server speaking this protocol would send it.
///
/// RESP2 has no maps (sent as flat arrays), sets (arrays), doubles, big numbers and verbatim strings
/// (bulk strings), booleans (0 and 1) or attributes (left out). Line ends inside a simple string
/// become spaces in both, as do those in an error in RESP2; RESP3 has an error with a length.
pub fn value(out: &mut Vec<u8>, value: &Value, protocol: Protocol) {
    deep(out, std::slice::from_ref(value).iter(), protocol);
}

/// Adds a push; in RESP2 an array, which is how that protocol delivers messages.
pub fn push(out: &mut Vec<u8>, push: &Push, protocol: Protocol) {
    let kind = match protocol {
        // RESP2 has no pushes: subscribers get arrays of the same elements.
        Protocol::Resp2 => b'*',
        Protocol::Resp3 => b'>',
    };
    header(out, kind, push.args.len().saturating_add(1));
    argument(out, &push.kind);
    deep(out, push.args.iter(), protocol);
}

/// Writes values that may nest, with a stack of iterators on the heap: a reply that was decoded without
/// recursion must not overflow the stack of whoever prints or proxies it.
fn deep(out: &mut Vec<u8>, values: Iter<'_, Value>, protocol: Protocol) {
    let mut outer = Vec::new();
    let mut rest = values;
    loop {
        match rest.next() {
            Some(value) => match value.elements() {
                None => flat(out, value, protocol),
                Some((shape, elements)) => {
                    let inner = open(out, shape, elements, protocol);
                    outer.push(std::mem::replace(&mut rest, inner.iter()));
                }
            },
            None => match outer.pop() {
                None => return,
                Some(outer_rest) => rest = outer_rest,
            },
        }
    }
}

/// Writes the header of an aggregate, and yields those of its elements that must follow.
fn open<'a>(
    out: &mut Vec<u8>,
    shape: Shape,
    elements: &'a [Value],
    protocol: Protocol,
) -> &'a [Value] {
    match (shape, protocol) {
        (Shape::Attributed, Protocol::Resp2) => {
            // Attributes are advice and do not exist in RESP2: only the reply is written.
            return elements.last().map_or(&[], std::slice::from_ref);
        }
        (Shape::Array, _) | (_, Protocol::Resp2) => header(out, b'*', elements.len()),
        (Shape::Attributed, Protocol::Resp3) => header(out, b'|', elements.len() / 2),
        (Shape::Map, Protocol::Resp3) => header(out, b'%', elements.len() / 2),
        (Shape::Set, Protocol::Resp3) => header(out, b'~', elements.len()),
    }
    elements
}

/// Writes one value that holds no other, in the words that this protocol has for it.
fn flat(out: &mut Vec<u8>, value: &Value, protocol: Protocol) {
    match (value, protocol) {
        (Value::Bulk(bytes), _) => argument(out, bytes),
        (Value::Okay, _) => out.extend_from_slice(b"+OK\r\n"),
        (Value::Simple(bytes), _) => line(out, b'+', bytes),
        (Value::Int(number), _) => integer(out, *number),
        // A line end inside of an error line would end it early; RESP3 has a form with a length for it.
        (Value::Error(error), Protocol::Resp3) if has_line_end(error.line().as_bytes()) => {
            sized(out, b'!', &[error.line().as_bytes()]);
        }
        (Value::Error(error), _) => line(out, b'-', error.line().as_bytes()),
        (Value::Nil, Protocol::Resp2) => out.extend_from_slice(b"$-1\r\n"),
        (Value::Nil, Protocol::Resp3) => out.extend_from_slice(b"_\r\n"),
        (Value::Bool(truth), Protocol::Resp2) => integer(out, i64::from(*truth)),
        (Value::Bool(true), Protocol::Resp3) => out.extend_from_slice(b"#t\r\n"),
        (Value::Bool(false), Protocol::Resp3) => out.extend_from_slice(b"#f\r\n"),
        (Value::Double(number), Protocol::Resp2) => argument(out, double(*number).as_bytes()),
        (Value::Double(number), Protocol::Resp3) => line(out, b',', double(*number).as_bytes()),
        (Value::BigNumber(digits), Protocol::Resp2) => argument(out, digits),
        (Value::BigNumber(digits), Protocol::Resp3) => line(out, b'(', digits),
        (Value::Verbatim { text, .. }, Protocol::Resp2) => argument(out, text),
        (Value::Verbatim { format, text }, Protocol::Resp3) => {
            sized(out, b'=', &[format, b":", text]);
        }
        // Only called for values without elements.
        (Value::Array(_) | Value::Attributed(_) | Value::Map(_) | Value::Set(_), _) => {}
    }
}

/// Writes a type byte, a number and the line end. It runs once for each argument of each command, which is
/// why short numbers take a way of their own.
#[inline]
fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    // Nearly all lengths are this short, and pieces of a fixed size cost no call.
    let digit = |n: usize| u8::try_from(n).unwrap_or(0).wrapping_add(b'0');
    match len {
        0..=9 => out.extend_from_slice(&[kind, digit(len), b'\r', b'\n']),
        10..=99 => {
            out.extend_from_slice(&[kind, digit(len / 10), digit(len % 10), b'\r', b'\n']);
        }
        _ => {
            let mut digits = itoa::Buffer::new();
            out.push(kind);
            out.extend_from_slice(digits.format(len).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Writes an integer reply.
fn integer(out: &mut Vec<u8>, number: i64) {
    let mut digits = itoa::Buffer::new();
    out.push(b':');
    out.extend_from_slice(digits.format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a string with its length in front, from parts, so that nobody has to join them first.
fn sized(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let len = parts
        .iter()
        .fold(0, |sum: usize, part| sum.saturating_add(part.len()));
    header(out, kind, len);
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether bytes would end a line before their own end. An error text like that needs the form with a
/// length, which only RESP3 has.
fn has_line_end(bytes: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', bytes).is_some()
}

/// Writes a value that is one line. A line end inside becomes a space: as it stands it would begin another
/// reply and shift every later one by one place.
fn line(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend(bytes.iter().map(|&byte| match byte {
        // What is left is shown to people: a space instead of a line end loses nothing that a program
        // needs.
        b'\r' | b'\n' => b' ',
        other => other,
    }));
    out.extend_from_slice(b"\r\n");
}

/// The shortest decimal text that reads back as the same number, in the spelling of servers.
fn double(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    // Unlike the plain form, this one is short for very large and very small numbers.
    let text = format!("{number:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
