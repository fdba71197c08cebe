//! The sub-commands of `CLIENT`, the opt-in to maintenance notifications among them. Options that no client
//! uses are refused, as an old server would.

use super::Session;
use super::server::{check_subcommand, unknown_subcommand};
use crate::protocol::{ServerError, Value};
use crate::sim::CloseCause;
use crate::sim::answer::{Answer, Outcome, bulk, error, int, integer, lower, okay, refuse, syntax};
use crate::sim::maintenance::{Choice, OptIn};
use crate::sim::store::{Outcast, Store};
use crate::sim::world::World;

/// What a server checks before it looks at who asks: that the sub-command exists and its arity.
pub(in crate::sim) fn check(
    world: &World,
    node: usize,
    args: &[Vec<u8>],
) -> Result<(), ServerError> {
    if let Some(sub) = args
        .get(1)
        .filter(|sub| lower(sub) == "maint_notifications")
    {
        match world.node(node).opt_in() {
            OptIn::UnknownToRedis6 => {
                return Err(error(format!(
                    "ERR Unknown subcommand or wrong number of arguments for '{}'. Try CLIENT HELP.",
                    String::from_utf8_lossy(sub)
                )));
            }
            OptIn::UnknownToRedis7 => return Err(unknown_subcommand("client", sub)),
            _ => {}
        }
    }
    check_subcommand("client", args)
}

/// The name of a connection, `None` when it is empty.
pub(super) fn checked_name(text: &[u8]) -> Result<Option<String>, ServerError> {
    if !text.iter().all(|c| (b'!'..=b'~').contains(c)) {
        return Err(error(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    let name = String::from_utf8_lossy(text).into_owned();
    Ok((!name.is_empty()).then_some(name))
}

impl Session {
    /// `CLIENT` and those of its sub-commands that clients use to open, name, list and end connections.
    pub(super) fn client(&mut self, store: &mut Store, args: &[Vec<u8>]) -> Outcome {
        let id = i64::try_from(self.peer.id).unwrap_or(i64::MAX);
        match lower(&args[1]).as_str() {
            "getname" => match self.peer.name() {
                Some(name) => bulk(name),
                None => Ok(Value::Nil.into()),
            },
            "id" => int(id),
            "info" => bulk(self.world.describe(&self.peer)),
            "kill" => self.kill(&args[2..]),
            "list" => bulk(self.world.describe_all()),
            "maint_notifications" => self.maint_notifications(&args[2..]),
            // Accepted and without effect: nothing is ever evicted here.
            "no-evict" | "no-touch" => okay(),
            "reply" if self.hush.choose(&lower(&args[2])) => okay(),
            "reply" => Err(syntax()),
            "setinfo" => match lower(&args[2]).as_str() {
                "lib-name" | "lib-ver" => okay(),
                other => refuse(format!("ERR Unrecognized option '{other}'")),
            },
            "setname" => {
                self.peer.set_name(checked_name(&args[2])?);
                okay()
            }
            "unblock" => unblock(store, &args[2..]),
            _ => Err(unknown_subcommand("client", &args[1])),
        }
    }

    /// `CLIENT KILL addr`, or with `ID`, `ADDR` and `SKIPME` as filters.
    fn kill(&mut self, words: &[Vec<u8>]) -> Outcome {
        // The old form, with an address alone: one client, and an error if there is none.
        if let [addr] = words {
            let addr = String::from_utf8_lossy(addr);
            let found = self
                .world
                .peers(|peer| peer.record().remote.to_string() == addr);
            if found.is_empty() {
                return refuse("ERR No such client");
            }
            self.end_all(&found);
            return okay();
        }
        let (mut id, mut addr, mut skip_me) = (None, None, true);
        for pair in words.chunks(2) {
            let [filter, value] = pair else {
                return Err(syntax());
            };
            match lower(filter).as_str() {
                "id" => {
                    id = Some(
                        integer(value)
                            .ok_or_else(|| error("ERR client-id should be greater than 0"))?,
                    )
                }
                "addr" => addr = Some(lower(value)),
                "skipme" => skip_me = lower(value) == "yes",
                _ => return Err(syntax()),
            }
        }
        let me = self.peer.id;
        let found = self.world.peers(|peer| {
            let number = i64::try_from(peer.id).ok();
            id.is_none_or(|id| Some(id) == number)
                && addr
                    .as_ref()
                    .is_none_or(|a| *a == peer.record().remote.to_string())
                && !(skip_me && peer.id == me)
        });
        self.end_all(&found);
        int(i64::try_from(found.len()).unwrap_or(i64::MAX))
    }

    /// Ends connections that `CLIENT KILL` has picked. One's own gets its answer first.
    fn end_all(&mut self, peers: &[std::sync::Arc<crate::sim::peer::Peer>]) {
        for peer in peers {
            if peer.id == self.peer.id {
                // Its own connection ends behind the reply to this command.
                self.quitting = true;
            } else {
                peer.close(CloseCause::Killed);
            }
        }
    }

    /// `CLIENT MAINT_NOTIFICATIONS ON|OFF`. The answer and the first notification leave together, with
    /// nothing between them.
    fn maint_notifications(&self, words: &[Vec<u8>]) -> Outcome {
        let user = self.user.as_deref().unwrap_or("default");
        match self.world.choose(self.peer.node, user, words)? {
            Choice::Answer(value) => Ok(value.into()),
            Choice::Opt(kind) => {
                // It appends the reply itself, so that no notification comes between the reply and the
                // opt-in.
                self.world.opt(&self.peer, kind, self.hush.is_quiet());
                Ok(Answer::Silent)
            }
        }
    }
}

/// `CLIENT UNBLOCK id [TIMEOUT|ERROR]`: 1 if the connection was waiting.
fn unblock(store: &mut Store, words: &[Vec<u8>]) -> Outcome {
    let why = match words.get(1).map(|word| lower(word)).as_deref() {
        None | Some("timeout") => Outcast::Timeout,
        Some("error") => Outcast::Error,
        Some(_) => {
            return refuse("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        }
    };
    let id =
        integer(&words[0]).ok_or_else(|| error("ERR value is not an integer or out of range"))?;
    let done = u64::try_from(id).is_ok_and(|id| store.unblock(id, why));
    int(i64::from(done))
}
