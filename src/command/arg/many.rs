//! Types that are any number of arguments. But for bytes, none of them is a [`ToArg`]: a list never stands
//! where a command has one argument.

use super::{ArgWriter, Lender, ToArg, ToArgs};
use std::collections::{
    BTreeMap, BTreeSet, HashMap, HashSet, VecDeque, btree_map, btree_set, hash_map, hash_set,
    vec_deque,
};
use std::{array, iter, ops, option, slice, str, vec};

// Slices, which `T` writes itself: a slice of `u8` is one argument.
impl<T: ToArgs> ToArgs for [T] {
    #[inline]
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        T::write_slice(self, out);
    }

    #[inline]
    fn as_argument(&self) -> Option<&[u8]> {
        T::slice_argument(self)
    }

    #[inline]
    fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
        match self.as_argument() {
            Some(bytes) => out.lend(bytes),
            None => {
                for value in self {
                    value.lend_args(out);
                }
            }
        }
    }
}

/// What holds the elements of a slice is what the slice is.
macro_rules! slices {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<T: ToArgs $($generics)*> ToArgs for $type {
            #[inline]
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                T::write_slice(self, out);
            }

            #[inline]
            fn as_argument(&self) -> Option<&[u8]> {
                T::slice_argument(self)
            }

            #[inline]
            fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
                self[..].lend_args(out);
            }
        }
    )*};
}

slices! {
    [] Vec<T>;
    [, const N: usize] [T; N];
}

/// Types with elements: the arguments of all of them, in their order.
macro_rules! collections {
    ($([$($generics:tt)*] $type:ty, $element:pat => $($part:ident)*;)*) => {$(
        impl<$($generics)*> ToArgs for $type {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                for $element in self.iter() {
                    $($part.write_args(out);)*
                }
            }

            fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
                for $element in self.iter() {
                    $($part.lend_args(out);)*
                }
            }
        }
    )*};
}

// The fields of a pair are single arguments, so that no key loses its value.
collections! {
    [T: ToArgs] VecDeque<T>, value => value;
    [T: ToArgs] BTreeSet<T>, value => value;
    [T: ToArgs, S] HashSet<T, S>, value => value;
    [T: ToArgs] Option<T>, value => value;
    [K: ToArg, V: ToArg] BTreeMap<K, V>, (key, value) => key value;
    [K: ToArg, V: ToArg, S] HashMap<K, V, S>, (key, value) => key value;
}

impl ToArgs for () {
    fn write_args(&self, _: &mut ArgWriter<'_>) {}
}

/// Tuples of single arguments, so that each field is one.
macro_rules! tuples {
    ($($($name:ident: $field:tt)*;)*) => {$(
        impl<$($name: ToArg),*> ToArgs for ($($name,)*) {
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                $(self.$field.write_args(out);)*
            }

            fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
                $(self.$field.lend_args(out);)*
            }
        }
    )*};
}

tuples! {
    A: 0;
    A: 0 B: 1;
    A: 0 B: 1 C: 2;
    A: 0 B: 1 C: 2 D: 3;
    A: 0 B: 1 C: 2 D: 3 E: 4;
    A: 0 B: 1 C: 2 D: 3 E: 4 F: 5;
    A: 0 B: 1 C: 2 D: 3 E: 4 F: 5 G: 6;
    A: 0 B: 1 C: 2 D: 3 E: 4 F: 5 G: 6 H: 7;
}

/// Iterators are written from a clone, because arguments are written by reference. There is no
/// implementation for all iterators at once: it would overlap with those above.
macro_rules! iterators {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> ToArgs for $type
        where
            Self: Iterator<Item: ToArgs> + Clone,
        {
            #[inline]
            fn write_args(&self, out: &mut ArgWriter<'_>) {
                self.clone().for_each(|item| item.write_args(out));
            }
        }
    )*};
}

iterators! {
    ['a, T] slice::Iter<'a, T>;
    ['a, T] slice::Chunks<'a, T>;
    ['a, T] slice::Windows<'a, T>;
    [T] vec::IntoIter<T>;
    [T, const N: usize] array::IntoIter<T, N>;
    ['a, T] vec_deque::Iter<'a, T>;
    ['a, T] option::Iter<'a, T>;
    [T] option::IntoIter<T>;
    ['a, T] btree_set::Iter<'a, T>;
    ['a, K, V] btree_map::Iter<'a, K, V>;
    ['a, K, V] btree_map::Keys<'a, K, V>;
    ['a, K, V] btree_map::Values<'a, K, V>;
    ['a, T] hash_set::Iter<'a, T>;
    ['a, K, V] hash_map::Iter<'a, K, V>;
    ['a, K, V] hash_map::Keys<'a, K, V>;
    ['a, K, V] hash_map::Values<'a, K, V>;
    [T] ops::Range<T>;
    [T] ops::RangeInclusive<T>;
    ['a] str::Chars<'a>;
    ['a] str::Lines<'a>;
    ['a] str::SplitWhitespace<'a>;
    ['a] str::SplitAsciiWhitespace<'a>;
    [A, B] iter::Chain<A, B>;
    [I] iter::Cloned<I>;
    [I] iter::Copied<I>;
    [T] iter::Empty<T>;
    [I] iter::Enumerate<I>;
    [I, P] iter::Filter<I, P>;
    [I, F] iter::FilterMap<I, F>;
    [I, U: IntoIterator, F] iter::FlatMap<I, U, F>;
    [I: Iterator<Item: IntoIterator>] iter::Flatten<I>;
    [I] iter::Fuse<I>;
    [I, F] iter::Inspect<I, F>;
    [I, F] iter::Map<I, F>;
    [I, P] iter::MapWhile<I, P>;
    [T] iter::Once<T>;
    [I: Iterator] iter::Peekable<I>;
    [T] iter::RepeatN<T>;
    [I] iter::Rev<I>;
    [I] iter::Skip<I>;
    [I, P] iter::SkipWhile<I, P>;
    [I] iter::StepBy<I>;
    [T, F] iter::Successors<T, F>;
    [I] iter::Take<I>;
    [I, P] iter::TakeWhile<I, P>;
    [A, B] iter::Zip<A, B>;
}
