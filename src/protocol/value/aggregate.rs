//! Values made of values. Walks none of them: see the sibling that does so without recursion.

use super::Value;
use std::ops::Deref;

/// The elements of an array or set. Reads as a slice of values.
///
/// ```
/// use hitless::{Items, Value};
///
/// let items: Items = (1..4).map(Value::Int).collect();
/// assert_eq!(items.len(), 3);
/// assert_eq!(items.first(), Some(&Value::Int(1)));
/// ```
#[derive(Default)]
pub struct Items(pub(crate) Vec<Value>);

impl Items {
    /// The elements, without a copy.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

impl From<Vec<Value>> for Items {
    fn from(elements: Vec<Value>) -> Self {
        Self(elements)
    }
}

impl FromIterator<Value> for Items {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

impl IntoIterator for Items {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// The keys and values of a map, flat: key, value, key, value.
///
/// Invariant: the length is even; only [`Pairs::from_flat`], collecting and the decoder make one.
///
/// ```
/// use hitless::{Pairs, Value};
///
/// let pairs = Pairs::from_flat(vec![Value::bulk("role"), Value::bulk("master")]).unwrap();
/// assert_eq!(pairs.len(), 1);
/// assert_eq!(pairs.get(b"role"), Some(&Value::bulk("master")));
/// assert!(Pairs::from_flat(vec![Value::Nil]).is_err(), "a key without a value");
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Pairs(pub(crate) Items);

impl Pairs {
    /// Keys and values in turn.
    ///
    /// # Errors
    ///
    /// An odd number of elements comes back as it was.
    pub fn from_flat(elements: impl Into<Items>) -> Result<Self, Items> {
        let elements = elements.into();
        if elements.len() % 2 == 0 {
            Ok(Self(elements))
        } else {
            Err(elements)
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each key with its value, in the order the server sent them.
    pub fn iter(&self) -> PairsIter<'_> {
        PairsIter(self.0.0.iter())
    }

    /// The value of the first key that is this string.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.iter()
            .find(|(name, _)| name.as_bytes() == Some(key))
            .map(|(_, value)| value)
    }

    /// Keys and values in turn, without a copy.
    #[must_use]
    pub fn into_flat(self) -> Items {
        self.0
    }
}

impl FromIterator<(Value, Value)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())
    }
}

impl IntoIterator for Pairs {
    type Item = (Value, Value);
    type IntoIter = PairsIntoIter;

    fn into_iter(self) -> PairsIntoIter {
        PairsIntoIter(self.0.into_iter())
    }
}

impl<'a> IntoIterator for &'a Pairs {
    type Item = (&'a Value, &'a Value);
    type IntoIter = PairsIter<'a>;

    fn into_iter(self) -> PairsIter<'a> {
        self.iter()
    }
}

/// Yields each key of a map with its value.
#[derive(Clone, Debug)]
pub struct PairsIter<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for PairsIter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pairs = self.0.len() / 2;
        (pairs, Some(pairs))
    }
}

impl ExactSizeIterator for PairsIter<'_> {}

/// Yields each key of a map with its value, owned.
#[derive(Debug)]
pub struct PairsIntoIter(std::vec::IntoIter<Value>);

impl Iterator for PairsIntoIter {
    type Item = (Value, Value);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pairs = self.0.len() / 2;
        (pairs, Some(pairs))
    }
}

impl ExactSizeIterator for PairsIntoIter {}

/// A reply with attributes in front of it.
///
/// Invariant: keys and values in turn, then the reply, so the length is odd. One flat list, so that
/// attributes need no cases of their own where values are walked.
#[derive(Clone, PartialEq)]
pub struct Attributed(pub(in crate::protocol) Items);

impl Attributed {
    /// A reply with these attributes.
    pub fn new(attributes: Pairs, reply: Value) -> Self {
        let mut elements = attributes.into_flat();
        elements.0.push(reply);
        Self(elements)
    }

    /// Each attribute's name and value.
    pub fn attributes(&self) -> PairsIter<'_> {
        let attributes = self.0.split_last().map_or(&[][..], |(_, rest)| rest);
        PairsIter(attributes.iter())
    }

    /// The reply that the attributes belong to.
    pub fn reply(&self) -> &Value {
        self.0.last().unwrap_or(&Value::Nil)
    }

    /// The reply; the attributes are dropped.
    #[must_use]
    pub fn into_reply(mut self) -> Value {
        self.0.0.pop().unwrap_or(Value::Nil)
    }

    /// The attributes and the reply.
    #[must_use]
    pub fn into_parts(mut self) -> (Pairs, Value) {
        let reply = self.0.0.pop().unwrap_or(Value::Nil);
        (Pairs(self.0), reply)
    }
}
