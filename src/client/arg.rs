//! What can be an argument of a command. Writes length-prefixed bytes only: no value can end an
//! argument early or begin another command.

use crate::protocol::encode;

/// Where arguments are written.
#[derive(Debug)]
pub struct ArgWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) count: &'a mut usize,
}

impl ArgWriter<'_> {
    /// Writes one argument.
    pub fn write(&mut self, bytes: &[u8]) {
        encode::argument(self.out, bytes);
        *self.count += 1;
    }
}

/// A value that is exactly one argument.
pub trait ToArg {
    /// Writes the argument: one call of [`ArgWriter::write`].
    fn write_arg(&self, out: &mut ArgWriter<'_>);
}

/// A value that is any number of arguments.
pub trait ToArgs {
    /// Writes the arguments.
    fn write_args(&self, out: &mut ArgWriter<'_>);
}

macro_rules! bytes_args {
    ($($type:ty: $bytes:expr;)*) => {$(
        impl ToArg for $type {
            fn write_arg(&self, out: &mut ArgWriter<'_>) {
                let bytes: fn(&Self) -> &[u8] = $bytes;
                out.write(bytes(self));
            }
        }

        impl ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.write_arg(out);
            }
        }
    )*};
}

bytes_args! {
    str: str::as_bytes;
    String: String::as_bytes;
    [u8]: |bytes| bytes;
    Vec<u8>: Vec::as_slice;
    std::borrow::Cow<'_, str>: |text| text.as_bytes();
    std::borrow::Cow<'_, [u8]>: |bytes| bytes;
}

impl<const N: usize> ToArg for [u8; N] {
    fn write_arg(&self, out: &mut ArgWriter<'_>) {
        out.write(self);
    }
}

impl<const N: usize> ToArgs for [u8; N] {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(self);
    }
}

macro_rules! integer_args {
    ($($type:ty)*) => {$(
        impl ToArg for $type {
            fn write_arg(&self, out: &mut ArgWriter<'_>) {
                out.write(itoa::Buffer::new().format(*self).as_bytes());
            }
        }

        impl ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.write_arg(out);
            }
        }
    )*};
}

// Not u8: `[u8]` and `Vec<u8>` are bytes, not many numbers.
integer_args! { i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize }

macro_rules! float_args {
    ($($type:ty)*) => {$(
        impl ToArg for $type {
            fn write_arg(&self, out: &mut ArgWriter<'_>) {
                // The shortest text that reads back as the same number.
                out.write(format!("{self}").to_ascii_lowercase().as_bytes());
            }
        }

        impl ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.write_arg(out);
            }
        }
    )*};
}

float_args! { f32 f64 }

impl<T: ToArg + ?Sized> ToArg for &T {
    fn write_arg(&self, out: &mut ArgWriter<'_>) {
        (**self).write_arg(out);
    }
}

impl<T: ToArgs + ?Sized> ToArgs for &T {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        (**self).write_args(out);
    }
}

/// Marks the element types of sequences; bytes are not among them, so that `[u8]` stays one argument.
pub trait Element: ToArgs {}

impl Element for String {}
impl Element for Vec<u8> {}
impl<const N: usize> Element for [u8; N] {}
impl<T: ToArgs + ?Sized> Element for &T {}
impl<A: ToArg, B: ToArg> Element for (A, B) {}
macro_rules! elements { ($($type:ty)*) => {$(impl Element for $type {})*}; }
elements! { i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize f32 f64 }

macro_rules! sequence_args {
    ($($type:ty)*) => {$(
        impl<T: Element> ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.iter().for_each(|element| element.write_args(out));
            }
        }
    )*};
}

sequence_args! { [T] Vec<T> std::collections::VecDeque<T> }

impl<T: Element, const N: usize> ToArgs for [T; N] {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.as_slice().write_args(out);
    }
}

impl<T: ToArg> ToArgs for std::collections::BTreeSet<T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.iter().for_each(|element| element.write_arg(out));
    }
}

impl<T: ToArg, S> ToArgs for std::collections::HashSet<T, S> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.iter().for_each(|element| element.write_arg(out));
    }
}

impl<K: ToArg, V: ToArg> ToArgs for std::collections::BTreeMap<K, V> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.iter().for_each(|pair| pair.write_args(out));
    }
}

impl<K: ToArg, V: ToArg, S> ToArgs for std::collections::HashMap<K, V, S> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.iter().for_each(|pair| pair.write_args(out));
    }
}

impl<A: ToArg, B: ToArg> ToArgs for (A, B) {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.0.write_arg(out);
        self.1.write_arg(out);
    }
}
