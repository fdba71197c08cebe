//! Replies as values of Rust. Works on whole replies; a reply of another shape is an error that costs
//! nothing but itself.
//!
//! A type yields the same value whatever the protocol: RESP3 has maps, sets, booleans, doubles and
//! nested pairs where RESP2 has flat arrays, integers and strings.

mod form;
mod list;
mod reply;
mod single;
mod table;

pub(super) use form::Form;
pub(super) use reply::{Reply, with_kept};
#[cfg(feature = "serde")]
pub(super) use single::bytes;

use crate::error::{Error, Result};
use crate::protocol::Value;

/// A type that a reply can be turned into.
///
/// | type | from |
/// |---|---|
/// | `String`, `Box<str>`, `Rc<str>`, `Arc<str>`, `char`, `Cow<str>` | strings that are UTF-8, and numbers as their text |
/// | `Vec<u8>`, `[u8; N]`, `Box<[u8]>`, `Rc<[u8]>`, `Arc<[u8]>`, `Cow<[u8]>` | strings of any bytes, and numbers as their text |
/// | integers, `NonZero` integers | integers, booleans, and strings or doubles that are such a number |
/// | `f32`, `f64` | numbers, and strings that are one |
/// | `bool` | booleans, `1` and `0`, `true` and `false`, `OK`; nil is false |
/// | `Vec<T>`, `VecDeque<T>`, `Box<[T]>`, `Rc<[T]>`, `Arc<[T]>`, `HashSet<T>`, `BTreeSet<T>`, `[T; N]` | arrays and sets; nil is empty; a map or pairs are their keys and values in turn |
/// | `HashMap<K, V>`, `BTreeMap<K, V>`, `Vec<(K, V)>` and other lists of pairs | maps, arrays of pairs, flat arrays of keys and values; nil is empty |
/// | tuples of 1 to 12 | arrays of so many elements; in a list also a flat array, so many elements for each |
/// | `Option<T>` | nil, which is `None`, or what `T` is from; of a tuple or `[T; N]` also an empty array, which is `None` |
/// | `()` | anything but an error |
/// | `hitless::Result<T>` | anything: a failure is a value, also that of one element or of one command of a pipeline |
/// | [`Value`] | anything but an error, as it came: its shape is that of the protocol |
///
/// A type of your own implements this, and can then stand wherever the others can. It may fail with
/// an error of its own:
///
/// ```
/// use hitless::{Error, FromValue, Result, Value};
///
/// #[derive(Debug)]
/// struct Port(u16);
///
/// impl FromValue for Port {
///     fn from_value(value: Value) -> Result<Self> {
///         let text = String::from_value(value)?;
///         let number = text.parse().map_err(|e| Error::conversion("not a port").with_source(e))?;
///         Ok(Self(number))
///     }
/// }
///
/// let ports = Vec::<Port>::from_value(Value::array(vec![Value::bulk("80"), Value::bulk("x")]));
/// assert_eq!(ports.unwrap_err().to_string(), "element 1: not a port");
/// ```
///
/// A statement names no type that its reply could become, and does not compile. Use
/// [`Cmd::exec`](crate::Cmd::exec), [`Pipeline::exec`](crate::Pipeline::exec), or take `()`:
///
/// ```compile_fail,E0277
/// # use hitless::{Client, Commands, cmd};
/// # fn flush(client: &Client) -> hitless::Result<()> {
/// client.query(&cmd("FLUSHALL"))?;
/// # Ok(())
/// # }
/// ```
///
/// ```no_run
/// # use hitless::{Client, Commands, cmd};
/// # let client = Client::connect("redis://127.0.0.1")?;
/// cmd("FLUSHALL").exec(&client)?;
/// let () = client.query(&cmd("FLUSHALL"))?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a reply cannot become `{Self}`",
    label = "the type of the reply",
    note = "if this is `!`, the statement names no type: use `cmd(..).exec(&client)?` or `pipe()..exec(&client)?`, or take `()`: `let () = ..`",
    note = "tuples have 12 parts at most: longer replies are lists, such as `Vec<Value>`, and longer pipelines go in two",
    note = "borrowed types such as `&str` cannot hold a reply: ask for `String`, `Vec<u8>` or `Box<str>`",
    note = "implement `hitless::FromValue` for a type of your own"
)]
pub trait FromValue: Sized {
    /// Turns a reply into this type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`](crate::ErrorKind::Server) if the reply is an error,
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if it has another shape. The connection
    /// is fine in both cases.
    fn from_value(value: Value) -> Result<Self>;

    /// What it is made from.
    #[doc(hidden)]
    const FORM: Form = Form::Compound;

    /// Turns a reply into a list of these.
    #[doc(hidden)]
    fn list_from_value(value: Value) -> Result<Vec<Self>> {
        list::each(list::elements_of(value, Self::FORM)?, Self::from_value)
    }

    /// Turns what became of a command into this type.
    #[doc(hidden)]
    #[inline]
    fn from_reply(reply: Reply<'_>) -> Result<Self> {
        reply.turn()
    }

    /// Turns what became of all commands of a pipeline into this type.
    #[doc(hidden)]
    fn from_replies<'a>(replies: impl ExactSizeIterator<Item = Reply<'a>>) -> Result<Self> {
        let values: Vec<Value> = replies.map(Reply::into_result).collect::<Result<_>>()?;
        Self::from_value(Value::Array(values.into()))
    }
}

/// The reply does not have the shape that was asked for; it goes into the error.
#[cold]
fn mismatch<T>(wanted: &str, value: Value) -> Result<T> {
    Err(misfit(wanted, value))
}

/// As [`mismatch`], compiled once for all types.
fn misfit(wanted: &str, value: Value) -> Error {
    let text = if value.is_nil() {
        format!("nil cannot become {wanted}; an Option<..> holds it")
    } else {
        let kind = value.kind();
        let article = if kind.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {kind} cannot become {wanted}")
    };
    Error::conversion(text).with_reply(value)
}

/// The reply has the right shape and the wrong content; it goes into the error.
#[cold]
pub(super) fn failed<T>(text: impl Into<String>, value: Value) -> Result<T> {
    Err(Error::conversion(text).with_reply(value))
}

/// The reply without attributes, unless it is an error.
#[inline]
fn plain(value: Value) -> Result<Value> {
    match value.into_plain() {
        Value::Error(error) => Err(error.into()),
        value => Ok(value),
    }
}
