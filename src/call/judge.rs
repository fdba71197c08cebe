//! What a reply says about its command: its value, or an error that says whether the command was executed.
//! Pure: takes whole replies, knows no connection, and retries nothing.

use crate::command::table::{Command, flags};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::{ServerError, Value};

/// The reply to a plain command: its value, or its error. Attributes come off before an error is looked
/// for.
#[inline]
pub(super) fn reply(value: Value, command: &Command) -> Result<Value> {
    (value.into_result()).map_err(|error| refusal(error, command))
}

/// The error that a server replied to this command. It is [`Delivery::NotSent`] where the server is known to
/// have refused the command before it executed anything, so that it may be sent again; otherwise
/// [`Delivery::Replied`].
#[cold]
pub(super) fn refusal(error: ServerError, command: &Command) -> Error {
    // A script passes on the errors of its commands, of which some may have written something before.
    if command.has(flags::SCRIPT) || !is_unexecuted(&error) {
        return error.into();
    }
    unexecuted(error)
}

/// The error of a command that the server refused before it executed anything.
pub(super) fn unexecuted(error: ServerError) -> Error {
    let advice = match error.code() {
        "MOVED" | "ASK" => {
            ": its key is on another node of a cluster, and this client speaks to one server only; \
             a cluster client is not there yet, so connect to a proxy in front of the whole cluster, \
             or to a server that is no part of one"
        }
        _ => "",
    };
    let text = format!("{}; the command was not executed{advice}", shown(&error));
    Error::new(ErrorKind::Server(error), Delivery::NotSent, text)
}

/// An error of the server as part of a longer text.
pub(super) fn shown(error: &ServerError) -> String {
    let line = error.to_string();
    // Some servers end their sentences; ours go on.
    format!("server error: {}", line.trim_end_matches('.'))
}

/// Whether a server replies this only instead of executing a plain command: it looks at its own state, or
/// for the owner of the key, before it looks at the command.
pub(super) fn is_unexecuted(error: &ServerError) -> bool {
    match error.code() {
        "ASK" | "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "MISCONF" | "MOVED"
        | "NOREPLICAS" | "READONLY" | "TRYAGAIN" => true,
        // Of a server that became a replica: whatever blocked has taken nothing.
        "UNBLOCKED" => error.text().starts_with("force unblock"),
        // To a new connection that is one too many; nothing was read from it.
        "ERR" => error.text().starts_with("max number of clients"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table;

    const UNEXECUTED: [&str; 12] = [
        "ASK 1 127.0.0.1:7000",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "CLUSTERDOWN Hash slot not served",
        "ERR max number of clients reached",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots",
        "MOVED 1 127.0.0.1:7000",
        "NOREPLICAS Not enough good replicas to write.",
        "READONLY You can't write against a read only replica.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    ];

    fn told(line: &str, name: &str) -> Error {
        let value = Value::Error(ServerError::parse(line.as_bytes()));
        reply(value, table::find(name.as_bytes())).unwrap_err()
    }

    #[test]
    fn a_refusal_before_the_execution_says_that_nothing_was_executed() {
        for line in UNEXECUTED {
            for name in ["GET", "SET", "EXPIRE", "JSON.SET"] {
                let error = told(line, name);
                assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
                assert!(error.is_safe_to_retry(), "{error}");
                assert!(error.to_string().contains("not executed"), "{error}");
                let shown = line.trim_end_matches('.');
                assert!(error.to_string().contains(shown), "{error}");
                assert_eq!(error.code(), line.split(' ').next());
            }
        }
    }

    #[test]
    fn what_runs_commands_of_its_own_may_have_executed_some() {
        let names = [
            "EVAL",
            "EVALSHA",
            "EVALSHA_RO",
            "EVAL_RO",
            "EXEC",
            "FCALL",
            "FCALL_RO",
            "TFCALL",
            // Renamed by the server's configuration, or not in the table.
            "eval_5f2c",
            "RG.GETRESULTSBLOCKING",
        ];
        for line in UNEXECUTED {
            for name in names {
                let error = told(line, name);
                assert_eq!(error.delivery(), Delivery::Replied, "{error}");
                assert!(!error.is_safe_to_retry(), "{error}");
            }
        }
    }

    #[test]
    fn any_other_error_is_an_answer() {
        for line in [
            "ERR syntax error",
            "ERR the max number of clients",
            "WRONGTYPE Operation against a key",
            "BUSYGROUP Consumer Group name already exists",
            "BUSYKEY Target key name already exists.",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "NOPERM this user has no permissions",
            "NOSCRIPT No matching script.",
            "EXECABORT Transaction discarded because of previous errors.",
            "UNBLOCKED client unblocked via CLIENT UNBLOCK",
            "LOADINGS",
            "",
        ] {
            let error = told(line, "SET");
            assert_eq!(error.delivery(), Delivery::Replied, "{error}");
            assert!(!error.is_safe_to_retry(), "{error}");
        }
    }

    #[test]
    fn a_redirection_says_that_there_is_no_cluster_client_yet() {
        for line in ["MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381"] {
            let text = told(line, "GET").to_string();
            assert!(text.contains("a cluster client is not there yet"), "{text}");
            assert!(text.contains("connect to"), "{text}");
        }
        assert!(
            !told("TRYAGAIN x", "GET")
                .to_string()
                .contains("cluster client")
        );
    }
}
