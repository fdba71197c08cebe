//! Types that are one argument, and pointers, which are what they point to. Integers and floats are written
//! in decimal text, which is what servers parse. Nothing is quoted or escaped: the wire carries lengths.

use super::{ArgWriter, Lender, ToArg, ToArgs};
use std::borrow::Cow;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::rc::Rc;
use std::sync::Arc;

/// Texts are their bytes.
macro_rules! texts {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            #[inline]
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                out.write(self.as_bytes());
            }

            #[inline]
            fn as_argument(&self) -> Option<&[u8]> {
                Some(self.as_bytes())
            }
        }

        impl ToArg for $type {}
    )*};
}

texts! { str String }

impl ToArgs for char {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl ToArg for char {}

impl ToArgs for bool {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(if *self { b"1" } else { b"0" });
    }
}

impl ToArg for bool {}

/// Integers, without an allocation.
macro_rules! integers {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                out.write(itoa::Buffer::new().format(*self).as_bytes());
            }
        }

        impl ToArg for $type {}
    )*};
}

integers! { i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize }

impl ToArgs for u8 {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(itoa::Buffer::new().format(*self).as_bytes());
    }

    // A slice of bytes is one argument.
    #[inline]
    fn write_slice(values: &[Self], out: &mut ArgWriter<'_>) {
        out.write(values);
    }

    #[inline]
    fn slice_argument(values: &[Self]) -> Option<&[u8]> {
        Some(values)
    }
}

impl ToArg for u8 {}

/// As the integers that they are.
macro_rules! nonzero {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            #[inline]
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.get().write_args(out);
            }
        }

        impl ToArg for $type {}
    )*};
}

nonzero! {
    NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize
    NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize
}

/// Floats: `inf` and `nan` in small letters.
macro_rules! floats {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                // The shortest text that reads back as the same number.
                out.write(format!("{self}").to_ascii_lowercase().as_bytes());
            }
        }

        impl ToArg for $type {}
    )*};
}

floats! { f32 f64 }

// Bytes are one argument in every form that holds them together.
impl ToArg for [u8] {}
impl ToArg for Vec<u8> {}
impl<const N: usize> ToArg for [u8; N] {}

/// Pointers are as many arguments as what they point to.
macro_rules! pointers {
    ($($type:ty)*) => {$(
        impl<T: ToArgs + ?Sized> ToArgs for $type {
            #[inline]
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                (**self).write_args(out);
            }

            #[inline]
            fn as_argument(&self) -> Option<&[u8]> {
                (**self).as_argument()
            }

            #[inline]
            fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
                (**self).lend_args(out);
            }
        }

        impl<T: ToArg + ?Sized> ToArg for $type {}
    )*};
}

pointers! { &T &mut T Box<T> Rc<T> Arc<T> }

impl<T: ToArgs + ToOwned + ?Sized> ToArgs for Cow<'_, T> {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        (**self).write_args(out);
    }

    #[inline]
    fn as_argument(&self) -> Option<&[u8]> {
        (**self).as_argument()
    }

    #[inline]
    fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
        (**self).lend_args(out);
    }
}

impl<T: ToArg + ToOwned + ?Sized> ToArg for Cow<'_, T> {}
