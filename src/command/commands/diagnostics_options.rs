//! What commands that look into the server are asked for. Does not check which a server has.

use crate::command::{ArgWriter, ToArgs};

/// Which commands Valkey notes.
///
/// ```no_run
/// use hitless::{CommandlogKind, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let large_replies = client.commandlog_len(CommandlogKind::LargeReply)?;
/// client.commandlog_reset(CommandlogKind::Slow)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandlogKind {
    /// Those whose reply has more bytes than `commandlog-reply-larger-than`.
    LargeReply,
    /// Those that have more bytes than `commandlog-request-larger-than`.
    LargeRequest,
    /// Those that took more microseconds than `commandlog-execution-slower-than`.
    Slow,
}

impl ToArgs for CommandlogKind {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        out.write(match self {
            Self::LargeReply => b"large-reply",
            Self::LargeRequest => b"large-request",
            Self::Slow => b"slow",
        });
    }
}

/// Which commands [`Commands::command_list_filter`](crate::Commands::command_list_filter) names.
///
/// ```no_run
/// use hitless::{CommandFilter, Commands};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let of_hashes = client.command_list_filter(&CommandFilter::AclCategory("hash".to_owned()))?;
/// let of_streams = client.command_list_filter(&CommandFilter::Pattern("x*".to_owned()))?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandFilter {
    /// Those of a category of access control, such as `hash`.
    AclCategory(String),
    /// Those of a module.
    Module(String),
    /// Those whose names match a pattern, such as `x*`.
    Pattern(String),
}

impl ToArgs for CommandFilter {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        // The server takes one of the three.
        let (kind, text) = match self {
            Self::AclCategory(text) => ("ACLCAT", text),
            Self::Module(text) => ("MODULE", text),
            Self::Pattern(text) => ("PATTERN", text),
        };
        ("FILTERBY", kind, text).write_args(out);
    }
}
