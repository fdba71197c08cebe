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

/// Reads a length and its line end. At most 21 bytes are looked at, so looking again is cheap.
#[inline]
pub(super) fn length(body: &[u8]) -> Result<Length<'_>, Malformed> {
    let mut value: u64 = 0;
    let mut rest = body;
    let mut digits = 0_u32;
    while let Some((&byte, behind)) = rest.split_first() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Nineteen digits always fit.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits = digits.wrapping_add(1);
        if digits > 19 {
            return Err(Malformed::Length);
        }
        rest = behind;
    }
    match rest {
        [b'\r', b'\n', behind @ ..] if digits > 0 => {
            if digits > 1 && body.first() == Some(&b'0') {
                return Err(Malformed::Length);
            }
            let signed = i64::try_from(value).map_err(|_| Malformed::Length)?;
            let len = usize::try_from(signed).map_err(|_| Malformed::Length)?;
            Ok(Length::Exact(len, behind))
        }
        [] => Ok(Length::More),
        [b'\r'] if digits > 0 => Ok(Length::More),
        _ if digits > 0 => Err(Malformed::Length),
        [b'-', b'1', b'\r', b'\n', behind @ ..] => Ok(Length::Nil(behind)),
        [b'-'] | [b'-', b'1'] | [b'-', b'1', b'\r'] => Ok(Length::More),
        _ => Err(Malformed::Length),
    }
}

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
