//! Who speaks, and in which protocol. Encrypts nothing and keeps no password: the settings do.

use super::Session;
use crate::protocol::{Protocol, ServerError, Value};
use crate::sim::answer::{Outcome, error, integer, lower, map, okay, refuse, syntax};

impl Session {
    /// `AUTH [user] password`: another login; one that fails leaves the earlier one in force.
    pub(super) fn auth(&mut self, args: &[Vec<u8>]) -> Outcome {
        let (user, password) = match args {
            [_, password] => (&b"default"[..], password),
            [_, user, password] => (user.as_slice(), password),
            _ => return Err(syntax()),
        };
        // A server warns, because somebody believes that a password is set.
        if args.len() == 2 && self.world.settings.open_user().is_some() {
            return refuse(
                "ERR AUTH <password> called without any password configured for the default \
                 user. Are you sure your configuration is correct?",
            );
        }
        // Before the other words: a wrong password must leave name and protocol as they were.
        self.log_in(user, password)?;
        okay()
    }

    /// Checks a login. The refusal names neither what was wrong nor the user.
    fn log_in(&mut self, user: &[u8], password: &[u8]) -> Result<(), ServerError> {
        match self.world.settings.known(user, password) {
            Some(user) => {
                self.user = Some(user);
                Ok(())
            }
            None => Err(error(
                "WRONGPASS invalid username-password pair or user is disabled.",
            )),
        }
    }

    /// `HELLO [2|3] [AUTH user password] [SETNAME name]`: all of it or nothing.
    pub(super) fn hello(&mut self, args: &[Vec<u8>]) -> Outcome {
        let mut protocol = self.peer.protocol();
        if let Some(version) = args.get(1) {
            protocol = match integer(version) {
                Some(2) => Protocol::Resp2,
                Some(3) => Protocol::Resp3,
                Some(_) => return refuse("NOPROTO unsupported protocol version"),
                None => {
                    return refuse("ERR Protocol version is not an integer or out of range");
                }
            };
        }
        let mut name = None;
        let mut rest = args.get(2..).unwrap_or_default();
        while let [option, more @ ..] = rest {
            rest = match (lower(option).as_str(), more) {
                ("auth", [user, password, more @ ..]) => {
                    self.log_in(user, password)?;
                    more
                }
                ("setname", [text, more @ ..]) => {
                    name = Some(super::client::checked_name(text)?);
                    more
                }
                _ => {
                    return refuse(format!(
                        "ERR Syntax error in HELLO option '{}'",
                        String::from_utf8_lossy(option)
                    ));
                }
            };
        }
        // HELLO without a login answers nothing about the server to a stranger.
        if self.user.is_none() {
            return refuse(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                 HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
                 select the RESP protocol version at the same time",
            );
        }
        if let Some(name) = name {
            self.peer.set_name(name);
        }
        self.peer.set_protocol(protocol);
        map(self.greeting(protocol))
    }

    /// What `HELLO` answers.
    fn greeting(&self, protocol: Protocol) -> Vec<Value> {
        let text = |text: &str| Value::Bulk(text.into());
        vec![
            text("server"),
            text("redis"),
            text("version"),
            text(crate::sim::world::VERSION),
            text("proto"),
            Value::Int(protocol.version().into()),
            text("id"),
            Value::Int(i64::try_from(self.peer.id).unwrap_or(i64::MAX)),
            text("mode"),
            text("standalone"),
            text("role"),
            text("master"),
            text("modules"),
            Value::Array(Vec::new().into()),
        ]
    }
}
