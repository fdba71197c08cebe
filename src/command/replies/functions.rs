//! What commands of functions reply. Calls none.

use super::{Fields, lossy};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::collections::HashMap;
use std::time::Duration;

/// A library of functions: see [`Commands::function_list`](crate::Commands::function_list).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FunctionLibrary {
    /// Its name.
    pub name: String,
    /// What runs it: `LUA`.
    pub engine: String,
    /// What it registers, in no order.
    pub functions: Vec<FunctionInfo>,
    /// Its source, where that was asked for. Sources may be any bytes.
    pub code: Option<Vec<u8>>,
}

/// A function of a [`FunctionLibrary`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FunctionInfo {
    /// By which `FCALL` calls it.
    pub name: String,
    /// What its source says of it, if anything. What is no text in it becomes U+FFFD.
    pub description: Option<String>,
    /// Such as `no-writes`, in no order.
    pub flags: Vec<String>,
}

/// What runs, and how many functions there are: see
/// [`Commands::function_stats`](crate::Commands::function_stats).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FunctionStats {
    /// The function or script that runs. The server answers this while one runs for longer than its
    /// `busy-reply-threshold`.
    pub running: Option<RunningFunction>,
    /// By the name of what runs them: `LUA`.
    pub engines: HashMap<String, FunctionEngine>,
}

/// A function or script that runs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunningFunction {
    /// Of the function.
    pub name: String,
    /// What the caller sent, with the name of the command.
    pub command: Vec<Vec<u8>>,
    /// For how long it runs, in steps of 1 ms.
    pub duration: Duration,
}

/// How many functions one engine has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FunctionEngine {
    /// The number of libraries.
    pub libraries: u64,
    /// The number of functions in all of them.
    pub functions: u64,
}

impl FromValue for FunctionLibrary {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a library")?;
        let made = Self {
            name: fields.need("library_name"),
            engine: fields.need("engine"),
            functions: fields.take("functions"),
            code: fields.take("library_code"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for FunctionInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a function")?;
        let description: Option<Value> = fields.take("description");
        let made = Self {
            name: fields.need("name"),
            description: description.map(lossy).transpose()?,
            flags: fields.take("flags"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for FunctionStats {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of FUNCTION STATS")?;
        let made = Self {
            // Named so for functions too.
            running: fields.take("running_script"),
            engines: fields.take("engines"),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for RunningFunction {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "what runs")?;
        let made = Self {
            name: fields.need("name"),
            command: fields.take("command"),
            duration: Duration::from_millis(fields.need("duration_ms")),
        };
        fields.end()?;
        Ok(made)
    }
}

impl FromValue for FunctionEngine {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "an engine")?;
        let made = Self {
            libraries: fields.need("libraries_count"),
            functions: fields.need("functions_count"),
        };
        fields.end()?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_read_from_flat_and_nested_replies() {
        // A test cannot ask a server at the moment in which it runs a function.
        let command = Value::array(vec![Value::bulk("FCALL"), Value::bulk("\u{ff}")]);
        let running = [
            (Value::bulk("name"), Value::bulk("f")),
            (Value::bulk("command"), command),
            (Value::bulk("duration_ms"), Value::Int(7)),
        ];
        let flat: Vec<Value> = running
            .iter()
            .cloned()
            .flat_map(<[Value; 2]>::from)
            .collect();
        let expected = RunningFunction {
            name: "f".to_owned(),
            command: vec![b"FCALL".to_vec(), "\u{ff}".into()],
            duration: Duration::from_millis(7),
        };
        for reply in [
            Value::array(flat),
            Value::Map(running.into_iter().collect()),
        ] {
            assert_eq!(RunningFunction::from_value(reply).unwrap(), expected);
        }
    }
}
