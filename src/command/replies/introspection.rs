//! What a server says of its commands. Not what this crate knows of them: that is its table.

use super::{Fields, Parts};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::collections::HashMap;

/// A command of a server: see [`Commands::command_info`](crate::Commands::command_info).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CommandInfo {
    /// In lower case; a sub-command with its command and a `|` in front.
    pub name: String,
    /// How many words it has, its name included; at least so many if this is negative.
    pub arity: i64,
    /// Such as `write` or `blocking`, in no order.
    pub flags: Vec<String>,
    /// Which word is its first key; 0 if it has none at a fixed place.
    pub first_key: i64,
    /// Which word is its last key; from the end if this is negative.
    pub last_key: i64,
    /// From one key to the next, in words.
    pub key_step: i64,
    /// The categories of access control that it is in, such as `@read`. From 6.0 on.
    pub acl_categories: Vec<String>,
    /// What clients and proxies should know of it, such as `nondeterministic_output`. From 7.0 on.
    pub tips: Vec<String>,
    /// Its sub-commands. From 7.0 on.
    pub subcommands: Vec<Self>,
}

impl FromValue for CommandInfo {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            name: parts.at(0),
            arity: parts.at(1),
            flags: parts.at(2),
            first_key: parts.at(3),
            last_key: parts.at(4),
            key_step: parts.at(5),
            acl_categories: parts.at(6),
            tips: parts.at(7),
            // Before 7.0 there are no places from 7 on.
            // The place before has rules of where keys are, which tips and steps do not say in full.
            subcommands: parts.at(9),
        };
        parts.end()?;
        Ok(made)
    }
}

/// What a server says of a command for people: see [`Commands::command_docs`](crate::Commands::command_docs).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CommandDocs {
    /// What it does, in one sentence.
    pub summary: Option<String>,
    /// The first version that has it.
    pub since: Option<String>,
    /// Such as `string` or `server`.
    pub group: Option<String>,
    /// How its work grows with its data.
    pub complexity: Option<String>,
    /// The version from which on the server advises against it.
    pub deprecated_since: Option<String>,
    /// What the server advises instead.
    pub replaced_by: Option<String>,
    /// By name, with its command and a `|` in front.
    pub subcommands: HashMap<String, Self>,
}

impl FromValue for CommandDocs {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "the words on a command")?;
        let made = Self {
            // Commands of modules may say nothing at all.
            summary: fields.take("summary"),
            since: fields.take("since"),
            group: fields.take("group"),
            complexity: fields.take("complexity"),
            deprecated_since: fields.take("deprecated_since"),
            replaced_by: fields.take("replaced_by"),
            subcommands: fields.take("subcommands"),
        };
        fields.end()?;
        Ok(made)
    }
}
