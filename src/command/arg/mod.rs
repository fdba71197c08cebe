//! What can be an argument of a command. Writes length-prefixed bytes only: no value can end an
//! argument early or begin another command.

mod encoded;
mod many;
mod single;

use crate::protocol::encode;

pub(super) use encoded::{Counted, Encoded};

/// An argument of this length is lent by its owner, where that can be, instead of copied: as soon as that costs
/// no time (`docs/decisions.md` has the measurement), so that memory is spared.
const LONG: usize = 16 * 1024;

/// Set in the number of arguments of a command of which one could not be made. Bits of a number that no command
/// has, so that the usual command pays nothing for it.
const FLAW: usize = 1 << (usize::BITS - 2);

/// How the place of an argument begins that could not be made; why is behind it. Only looked for where
/// [`FLAW`] is set, and never sent.
const MARK: &[u8] = b"\0could not be made: ";

/// The number of arguments, and whether one of them could not be made.
pub(super) const fn without_flaw(count: usize) -> (usize, bool) {
    (count & !FLAW, count & FLAW != 0)
}

/// Which of these arguments, the name first, could not be made, and why.
pub(super) fn flaw<'a>(arguments: impl Iterator<Item = &'a [u8]>) -> String {
    let mut marked = (arguments.enumerate())
        .filter_map(|(place, argument)| Some((place, argument.strip_prefix(MARK)?)));
    match marked.next() {
        Some((place, why)) => format!("argument {place}: {}", String::from_utf8_lossy(why)),
        None => "an argument could not be made".to_owned(),
    }
}

/// Where arguments are written.
#[derive(Debug)]
pub struct ArgWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) count: &'a mut usize,
}

impl ArgWriter<'_> {
    /// Writes one argument.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        encode::argument(self.out, bytes);
        *self.count += 1;
    }

    /// Writes the word of an option, where that is wanted. Compiled once, and not into each place.
    #[inline(never)]
    pub(super) fn write_if(&mut self, is_wanted: bool, word: &str) {
        if is_wanted {
            self.write(word.as_bytes());
        }
    }

    /// Says that an argument cannot be made, and why: in one phrase, without the value. Its command is not
    /// sent; sending it is [`ErrorKind::Usage`](crate::ErrorKind::Usage), with this text and the place of the
    /// argument.
    ///
    /// ```
    /// use hitless::{ArgWriter, ToArg, ToArgs};
    ///
    /// struct Percent(f64);
    ///
    /// impl ToArgs for Percent {
    ///     fn write_args(&self, out: &mut ArgWriter<'_>) {
    ///         match self.0 {
    ///             0.0..=100.0 => self.0.write_args(out),
    ///             _ => out.refuse("a percentage is from 0 to 100"),
    ///         }
    ///     }
    /// }
    ///
    /// impl ToArg for Percent {}
    /// ```
    #[cold]
    pub fn refuse(&mut self, why: &str) {
        encode::argument(self.out, &[MARK, why.as_bytes()].concat());
        *self.count = (*self.count + 1) | FLAW;
    }
}

/// Where arguments are written or, if they are long, lent.
#[derive(Debug)]
#[allow(
    unnameable_types,
    reason = "users implement and call nothing that has it"
)]
pub struct Lender<'w, 'a> {
    out: ArgWriter<'w>,
    /// The long arguments, and where in `out` each belongs.
    long: &'w mut Vec<(usize, &'a [u8])>,
}

impl<'w, 'a> Lender<'w, 'a> {
    #[inline]
    pub(super) fn new(out: ArgWriter<'w>, long: &'w mut Vec<(usize, &'a [u8])>) -> Self {
        Self { out, long }
    }

    /// Writes one argument, or lends it.
    #[inline]
    fn lend(&mut self, bytes: &'a [u8]) {
        if bytes.len() < LONG {
            self.out.write(bytes);
        } else {
            self.lend_long(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn lend_long(&mut self, bytes: &'a [u8]) {
        // The line end is there already: what is added later stands behind it, and the place stays right.
        let place = encode::argument_around(self.out.out, bytes.len());
        self.long.push((place, bytes));
        *self.out.count += 1;
    }
}

/// A value that is any number of arguments.
///
/// | type | arguments |
/// |---|---|
/// | `str`, `String`, `char`, `bool` (`1` or `0`), integers, floats, `NonZero` integers | one |
/// | `[u8]`, `[u8; N]`, `Vec<u8>` | one: the bytes |
/// | `&T`, `Box<T>`, `Rc<T>`, `Arc<T>`, `Cow<T>` | those of `T` |
/// | `[T]`, `[T; N]`, `Vec<T>`, `VecDeque<T>`, `HashSet<T>`, `BTreeSet<T>` | those of all elements |
/// | `HashMap<K, V>`, `BTreeMap<K, V>` | two for each entry |
/// | tuples of 1 to 8 single arguments | one for each field |
/// | `Option<T>` | those of `T`, or none |
/// | `()` | none |
/// | iterators of the standard library that can be cloned, such as `ids.iter().map(...)` | those of all items |
///
/// A type of your own implements this, and [`ToArg`] besides where it is always one argument:
///
/// ```
/// use hitless::{ArgWriter, ToArg, ToArgs, cmd};
///
/// struct UserId(u32);
///
/// impl ToArgs for UserId {
///     fn write_args(&self, out: &mut ArgWriter<'_>) {
///         out.write(format!("user:{}", self.0).as_bytes());
///     }
/// }
///
/// impl ToArg for UserId {}
///
/// let get = cmd("GET").arg(UserId(7));
/// let del = cmd("DEL").args(vec![UserId(8), UserId(9)]);
/// assert_eq!(format!("{get:?} {del:?}"), "Cmd(GET, 1 argument) Cmd(DEL, 2 arguments)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be arguments of a command",
    label = "neither one argument nor several",
    note = "texts, bytes, numbers, `bool`, `char`, and tuples, lists, sets, maps, options and iterators of them can",
    note = "implement `hitless::ToArgs` for a type of your own, or pass one of its fields or its `to_string()`"
)]
pub trait ToArgs {
    /// Writes the arguments.
    fn write_args(&self, out: &mut ArgWriter<'_>);

    /// The bytes of the argument, where this is exactly one and has them in memory as they are sent. The commands
    /// of [`Commands`](crate::Commands) send 16 KiB or more from there, without a copy. Must be what
    /// [`write_args`](Self::write_args) writes. Defaults to `None`: then that is called.
    ///
    /// ```
    /// use hitless::{ArgWriter, ToArg, ToArgs};
    ///
    /// struct Photo {
    ///     jpeg: Vec<u8>,
    /// }
    ///
    /// impl ToArgs for Photo {
    ///     fn write_args(&self, out: &mut ArgWriter<'_>) {
    ///         out.write(&self.jpeg);
    ///     }
    ///
    ///     fn as_argument(&self) -> Option<&[u8]> {
    ///         Some(&self.jpeg)
    ///     }
    /// }
    ///
    /// impl ToArg for Photo {}
    /// ```
    #[inline]
    fn as_argument(&self) -> Option<&[u8]> {
        None
    }

    /// Writes the arguments, and lends those that are long.
    #[doc(hidden)]
    #[inline]
    fn lend_args<'a>(&'a self, out: &mut Lender<'_, 'a>) {
        match self.as_argument() {
            Some(bytes) => out.lend(bytes),
            None => self.write_args(&mut out.out),
        }
    }

    /// Writes a slice of such values. Bytes are one argument; everything else is written one by one.
    #[doc(hidden)]
    fn write_slice(values: &[Self], out: &mut ArgWriter<'_>)
    where
        Self: Sized,
    {
        for value in values {
            value.write_args(out);
        }
    }

    /// The bytes of a slice of such values, where it is one argument: only bytes are.
    #[doc(hidden)]
    #[inline]
    fn slice_argument(_: &[Self]) -> Option<&[u8]>
    where
        Self: Sized,
    {
        None
    }
}

/// A value that is exactly one argument, such as a key or a value: [`ToArgs::write_args`] calls
/// [`ArgWriter::write`] once. A list is one argument only where it is bytes, so that `set(key, [1, 2])`
/// sends these two bytes.
///
/// What may be no argument or several is none, so that no command ends up with fewer arguments than it
/// needs, or more:
///
/// ```compile_fail,E0277
/// # use hitless::{Client, Commands};
/// # fn set(client: &Client) -> hitless::Result<()> {
/// client.set("key", None::<i64>)
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # use hitless::{Client, Commands};
/// # fn get(client: &Client) -> hitless::Result<String> {
/// client.get(["one", "two"])
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not exactly one argument of a command",
    label = "one argument is expected here",
    note = "texts, bytes, numbers, `bool` and `char` are one argument",
    note = "lists, tuples, maps, options and iterators are any number of arguments: `Cmd::args` takes them",
    note = "an `Option` must be unwrapped first: without a value there would be no argument",
    note = "a type of your own that is always one argument implements `hitless::ToArgs` and `hitless::ToArg`"
)]
pub trait ToArg: ToArgs {}
