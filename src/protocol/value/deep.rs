//! Walks over values without recursion: dropping, cloning, comparing and printing.
//!
//! The depth of a value is chosen by whoever sends it or builds it; the depth of the stack is not.

use super::{Attributed, Items, Pairs, Value};
use std::fmt;
use std::mem::{replace, take};

/// The kinds of value that hold other values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::protocol) enum Shape {
    /// `*`, also the form of everything that nests in RESP2.
    Array,
    /// `|`: attributes, and behind them the reply that they are about.
    Attributed,
    /// `%`: keys and values in turn.
    Map,
    /// `~`: an array without order.
    Set,
}

impl Shape {
    /// The aggregate of this shape. The caller keeps the length even for a map, odd for attributes.
    pub(in crate::protocol) fn assemble(self, elements: Vec<Value>) -> Value {
        let items = Items(elements);
        match self {
            Self::Array => Value::Array(items),
            Self::Attributed => Value::Attributed(Attributed(items)),
            Self::Map => Value::Map(Pairs(items)),
            Self::Set => Value::Set(items),
        }
    }
}

impl Value {
    /// The shape and elements of an aggregate; `None` for everything else.
    pub(in crate::protocol) fn elements(&self) -> Option<(Shape, &[Self])> {
        match self {
            Self::Array(items) => Some((Shape::Array, items)),
            Self::Attributed(inner) => Some((Shape::Attributed, &inner.0)),
            Self::Map(pairs) => Some((Shape::Map, &pairs.0)),
            Self::Set(items) => Some((Shape::Set, items)),
            _ => None,
        }
    }

    /// Whether these values together take more than so many bytes on the wire. Looks at no more of them than
    /// it needs for the answer.
    pub(crate) fn exceed(values: &[Self], bytes: usize) -> bool {
        let mut left = bytes;
        for value in values {
            // Nearly all replies are flat, and need no list of what is still to be looked at.
            if value.elements().is_some() {
                return Self::exceed_nested(values, bytes);
            }
            match left.checked_sub(value.least_size()) {
                Some(rest) => left = rest,
                None => return true,
            }
        }
        false
    }

    /// As [`exceed`](Self::exceed), for values that hold others.
    #[inline(never)]
    fn exceed_nested(values: &[Self], bytes: usize) -> bool {
        let mut left = bytes;
        let mut pile = vec![values.iter()];
        while let Some(rest) = pile.last_mut() {
            let Some(value) = rest.next() else {
                pile.pop();
                continue;
            };
            match left.checked_sub(value.least_size()) {
                Some(rest) => left = rest,
                None => return true,
            }
            if let Some((_, inner)) = value.elements() {
                pile.push(inner.iter());
            }
        }
        false
    }

    /// The least that this value takes on the wire, without what it holds.
    #[inline]
    fn least_size(&self) -> usize {
        /// A type and a line end, and of most values a digit.
        const LEAST: usize = 4;
        let text = match self {
            Self::BigNumber(text) | Self::Bulk(text) | Self::Simple(text) => text.len(),
            Self::Verbatim { text, .. } => text.len(),
            _ => 0,
        };
        text.saturating_add(LEAST)
    }

    /// What a value holds, to be taken apart by the drop.
    fn elements_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Array(items) | Self::Set(items) => Some(&mut items.0),
            Self::Attributed(inner) => Some(&mut inner.0.0),
            Self::Map(pairs) => Some(&mut pairs.0.0),
            _ => None,
        }
    }
}

/// Whether no element holds others. Nearly all replies are flat, and take the short way.
fn is_flat(elements: &[Value]) -> bool {
    elements.iter().all(|value| value.elements().is_none())
}

impl Drop for Items {
    fn drop(&mut self) {
        // Almost every reply ends here: nothing in it could recurse.
        if is_flat(&self.0) {
            return;
        }
        // Each aggregate is emptied before it is dropped, so that no drop calls another.
        let mut pile = vec![take(&mut self.0)];
        while let Some(mut elements) = pile.pop() {
            for inner in elements.iter_mut().filter_map(Value::elements_mut) {
                if !is_flat(inner) {
                    pile.push(take(inner));
                }
            }
        }
    }
}

impl Clone for Items {
    fn clone(&self) -> Self {
        let mut outer = Vec::new();
        let mut rest = self.0.iter();
        let mut done = Vec::with_capacity(self.0.len());
        loop {
            match rest.next() {
                Some(value) => match value.elements() {
                    None => done.push(value.clone()),
                    // Down into an aggregate: what is left of this level waits on the heap.
                    Some((shape, inner)) => outer.push((
                        shape,
                        replace(&mut rest, inner.iter()),
                        replace(&mut done, Vec::with_capacity(inner.len())),
                    )),
                },
                // The level is complete; back to the one around it.
                None => match outer.pop() {
                    None => return Self(done),
                    Some((shape, outer_rest, outer_done)) => {
                        let value = shape.assemble(replace(&mut done, outer_done));
                        done.push(value);
                        rest = outer_rest;
                    }
                },
            }
        }
    }
}

impl PartialEq for Items {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let mut outer = Vec::new();
        let mut rest = self.0.iter().zip(other.0.iter());
        loop {
            match rest.next() {
                Some((left, right)) => match (left.elements(), right.elements()) {
                    (None, None) => {
                        if left != right {
                            return false;
                        }
                    }
                    (Some((shape, left)), Some((other_shape, right)))
                        // Lengths first: two long lists of different lengths differ without a look at an
                        // element.
                        if shape == other_shape && left.len() == right.len() =>
                    {
                        outer.push(replace(&mut rest, left.iter().zip(right.iter())));
                    }
                    _ => return false,
                },
                None => match outer.pop() {
                    None => return true,
                    Some(outer_rest) => rest = outer_rest,
                },
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.elements() {
            None => print_flat(self, f),
            Some((shape, elements)) => print_deep(shape, elements, f),
        }
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_deep(Shape::Array, self, f)
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_deep(Shape::Map, &self.0, f)
    }
}

impl fmt::Debug for Attributed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_deep(Shape::Attributed, &self.0, f)
    }
}

/// Prints one value that holds no other. Bytes are escaped, so that a reply cannot put control characters
/// on a terminal.
fn print_flat(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Of `write!` the compiler puts a hundred lines of its code into each place: here they are once.
    let mut write = |text: fmt::Arguments<'_>| f.write_fmt(text);
    match value {
        Value::BigNumber(digits) => print_bytes("BigNumber(", digits, ")", f),
        Value::Bool(truth) => write(format_args!("Bool({truth})")),
        Value::Bulk(bytes) => print_bytes("Bulk(\"", bytes, "\")", f),
        Value::Double(number) => write(format_args!("Double({number:?})")),
        Value::Error(error) => write(format_args!("Error({:?})", error.line())),
        Value::Int(number) => write(format_args!("Int({number})")),
        Value::Nil => f.write_str("Nil"),
        Value::Okay => f.write_str("Okay"),
        Value::Simple(bytes) => print_bytes("Simple(\"", bytes, "\")", f),
        Value::Verbatim { format, text } => {
            print_bytes("Verbatim(", format, ": \"", f)?;
            print_bytes("", text, "\")", f)
        }
        // Only called for values without elements.
        Value::Array(_) | Value::Attributed(_) | Value::Map(_) | Value::Set(_) => Ok(()),
    }
}

/// Prints bytes and what stands around them: compiled once for all kinds of text.
fn print_bytes(front: &str, bytes: &[u8], behind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{front}{}{behind}", bytes.escape_ascii())
}

impl Shape {
    /// What stands around the elements.
    fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Self::Array => ("[", "]"),
            Self::Attributed => ("Attributed(", ")"),
            Self::Map => ("{", "}"),
            Self::Set => ("Set[", "]"),
        }
    }

    /// What stands in front of the element at this place.
    fn separator(self, place: usize) -> &'static str {
        match self {
            _ if place == 0 => "",
            Self::Map | Self::Attributed if place % 2 == 1 => ": ",
            _ => ", ",
        }
    }
}

/// Prints values that nest, with a stack on the heap, as they were decoded.
fn print_deep(shape: Shape, elements: &[Value], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut outer = Vec::new();
    let mut current = (shape, elements.iter().enumerate());
    f.write_str(shape.brackets().0)?;
    loop {
        match current.1.next() {
            Some((place, value)) => {
                f.write_str(current.0.separator(place))?;
                match value.elements() {
                    None => print_flat(value, f)?,
                    Some((shape, inner)) => {
                        f.write_str(shape.brackets().0)?;
                        outer.push(replace(&mut current, (shape, inner.iter().enumerate())));
                    }
                }
            }
            None => {
                f.write_str(current.0.brackets().1)?;
                match outer.pop() {
                    None => return Ok(()),
                    Some(outer_current) => current = outer_current,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_values_is_counted_as_far_as_asked() {
        let deep = (0..1000).fold(Value::bulk("x".repeat(100)), |inner, _| {
            Value::array(vec![inner])
        });
        let many = Value::array(vec![Value::Int(7); 1000]);
        for value in [deep, many] {
            assert!(Value::exceed(std::slice::from_ref(&value), 4000));
            assert!(!Value::exceed(&[value], 5000));
        }
        let bulk = [Value::bulk("12345678"), Value::Nil];
        assert!(Value::exceed(&bulk, 15) && !Value::exceed(&bulk, 16));
        assert!(!Value::exceed(&[], 0));
    }
}
