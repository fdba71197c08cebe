//! Numbers as servers spell them. Takes no other spelling, where two readers could differ.

use crate::protocol::{Malformed, Value};

/// The length at the front of the input, and the input behind its line end.
pub(super) enum Length<'a> {
    /// Part of one.
    More,
    /// The `-1` that means nothing.
    Nil(&'a [u8]),
    Exact(usize, &'a [u8]),
}

/// The number at the front of the input, how many digits it has, and the input behind it. Looks at
/// no more than this many digits; nineteen always fit, and one more shows that there are too many.
#[inline]
pub(super) fn digits(input: &[u8], most: u32) -> (u64, u32, &[u8]) {
    let mut value: u64 = 0;
    let mut count = 0;
    let mut rest = input;
    while let Some((&byte, behind)) = rest.split_first() {
        // One comparison for both ends of the range.
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || count == most {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count = count.wrapping_add(1);
        rest = behind;
    }
    (value, count, rest)
}

/// Reads a length and its line end. At most 21 bytes are looked at, so looking again is cheap.
#[inline]
pub(super) fn length(body: &[u8]) -> Result<Length<'_>, Malformed> {
    let (value, count, rest) = digits(body, 20);
    // Would not fit, and RESP says nothing of leading zeros.
    if count > 19 {
        return Err(Malformed::Length);
    }
    match rest {
        [b'\r', b'\n', behind @ ..] if count > 0 => {
            // Another reader might take `007` for octal, or refuse it. A server never sends it.
            if count > 1 && body.first() == Some(&b'0') {
                return Err(Malformed::Length);
            }
            let signed = i64::try_from(value).map_err(|_| Malformed::Length)?;
            let len = usize::try_from(signed).map_err(|_| Malformed::Length)?;
            Ok(Length::Exact(len, behind))
        }
        [] => Ok(Length::More),
        // Half of a line end: the next read decides.
        [b'\r'] if count > 0 => Ok(Length::More),
        _ if count > 0 => Err(Malformed::Length),
        [b'-', b'1', b'\r', b'\n', behind @ ..] => Ok(Length::Nil(behind)),
        [b'-'] | [b'-', b'1'] | [b'-', b'1', b'\r'] => Ok(Length::More),
        _ => Err(Malformed::Length),
    }
}

/// The integer at the front of the input, where it is all here and no longer than is usual. All
/// else, and every mistake, is left to [`integer`].
#[inline]
pub(super) fn ready_integer(body: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, unsigned) = match body {
        [b'-', behind @ ..] => (true, behind),
        _ => (false, body),
    };
    // Eighteen digits fit into 64 bits with either sign, so no check of overflow is needed.
    let (value, count, rest) = digits(unsigned, 18);
    let [b'\r', b'\n', behind @ ..] = rest else {
        return None;
    };
    let value = i64::try_from(value).ok()?;
    let number = if negative {
        value.wrapping_neg()
    } else {
        value
    };
    (count > 0).then_some((number, behind))
}

/// An integer as wide as it may be, with either sign or none.
pub(super) fn integer(line: &[u8]) -> Result<Value, Malformed> {
    let (negative, digits) = match line {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(Malformed::Integer);
    }
    // Counts below zero, where there is one number more.
    let mut number: i64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Malformed::Integer);
        }
        number = number
            .checked_mul(10)
            .and_then(|n| n.checked_sub(i64::from(digit)))
            .ok_or(Malformed::Integer)?;
    }
    if !negative {
        number = number.checked_neg().ok_or(Malformed::Integer)?;
    }
    Ok(Value::Int(number))
}

/// Reads a double. RESP3 has words for infinity and for what is no number; the sign of the latter has no
/// meaning.
pub(super) fn double(line: &[u8]) -> Result<Value, Malformed> {
    let number = match line {
        b"inf" | b"+inf" => f64::INFINITY,
        b"-inf" => f64::NEG_INFINITY,
        b"nan" | b"-nan" | b"+nan" => f64::NAN,
        // The standard parser also takes words, which no server means as numbers.
        _ if line
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) =>
        {
            let text = std::str::from_utf8(line).map_err(|_| Malformed::Double)?;
            text.parse().map_err(|_| Malformed::Double)?
        }
        _ => return Err(Malformed::Double),
    };
    Ok(Value::Double(number))
}

/// Reads a number of any size. It stays text: no integer type of Rust would hold it.
pub(super) fn big_number(line: &[u8]) -> Result<Value, Malformed> {
    let digits = match line {
        [b'-' | b'+', digits @ ..] => digits,
        digits => digits,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::BigNumber);
    }
    Ok(Value::BigNumber(line.to_vec()))
}
