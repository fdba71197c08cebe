//! What one connection has agreed with the server, and the commands that it runs. Reads and writes no
//! socket: replies go to the outbox.

mod client;
mod hello;
mod server;
mod transaction;

use super::answer::{
    Answer, Outcome, array, bulk, count, error, float, integer_arg, lower, okay, refuse,
    wrong_arity,
};
use super::fault::Disturbance;
use super::hush::Hush;
use super::peer::Peer;
use super::store::{Class, Facts, ListEnd, Read, Run, Spec, Store, Want, find};
use super::world::World;
use super::{CloseCause, clock};
use crate::protocol::{Protocol, ServerError, Value};
use std::sync::Arc;
use std::time::Duration;
use transaction::Transaction;

pub(super) use client::check as check_client;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Whom it answers.
    peer: Arc<Peer>,
    /// What it runs commands on.
    world: Arc<World>,
    /// What `SELECT` has chosen.
    db: usize,
    /// The user it has authenticated as.
    user: Option<String>,
    /// Queue and watches.
    transaction: Transaction,
    /// What `CLIENT REPLY` has said.
    hush: Hush,
    /// Set by `QUIT`: closed after its reply.
    quitting: bool,
}

/// What the connection does after a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum After {
    /// The connection ends, once what waits was written.
    Close,
    /// The next request is read.
    GoOn,
    /// The connection is reset.
    Reset,
}

impl Session {
    /// A connection that has said nothing yet. It is logged in if the default user has no password.
    pub(super) fn new(world: Arc<World>, peer: Arc<Peer>) -> Self {
        let user = world.settings.open_user();
        Self {
            peer,
            world,
            db: 0,
            user,
            transaction: Transaction::default(),
            hush: Hush::default(),
            quitting: false,
        }
    }

    /// Whether it has logged in, or need not.
    pub(super) fn is_known(&self) -> bool {
        self.user.is_some()
    }

    /// Executes one command and appends its reply to the outbox.
    pub(super) fn execute(&mut self, args: &[Vec<u8>]) -> After {
        let Some(first) = args.first() else {
            return After::GoOn;
        };
        let spec = find(first);
        let name = full_name(spec, args);
        if matches!(name.as_str(), "host:" | "post") {
            // A server takes it for a browser that somebody has led here.
            self.peer.close(CloseCause::ProtocolError);
            return After::Close;
        }
        // The fault is chosen before the command runs, because some faults forbid that it runs at all,
        // and an application has to be shown both: a command that ran and one that did not.
        let node = self.world.node(self.peer.node);
        let disturbance = node.faults.disturbance(&name);
        // `CLIENT REPLY SKIP` silences exactly one command: the one that begins here.
        self.hush.begin();
        match disturbance {
            Some(Disturbance::CloseUnexecuted) => return After::Close,
            Some(Disturbance::ResetUnexecuted) => return After::Reset,
            Some(Disturbance::Die) => {
                self.world.die(self.peer.node);
                return After::Reset;
            }
            Some(Disturbance::Refuse(line)) => {
                // As a server does with a refused command inside of MULTI: the EXEC that follows is
                // EXECABORT.
                self.transaction.spoil();
                if !self.hush.is_quiet() {
                    self.peer.answer(&Value::Error(error(line)).into());
                }
                return After::GoOn;
            }
            _ => {}
        }
        // The store's lock is given back before anything is written to a socket: a client that reads
        // slowly must not hold up the others.
        let (answer, woken) = self.run_locked(spec, &name, args, disturbance.is_some());
        if disturbance == Some(Disturbance::DieUnanswered) {
            // Before the others are written to: what the command did to connections of other nodes is seen
            // there, and of this node nobody hears any more.
            self.world.die(self.peer.node);
        }
        for peer in woken {
            // The own outbox is written once for all that came in one read.
            if peer.id != self.peer.id {
                self.world.flush(&peer);
            }
        }
        match disturbance {
            Some(Disturbance::CloseUnanswered) => return After::Close,
            Some(Disturbance::DieUnanswered) => return After::Reset,
            _ if self.hush.is_quiet() => {}
            Some(Disturbance::Garble(bytes)) => self.peer.append(&bytes),
            Some(Disturbance::Truncate(size)) => {
                self.peer.append_part(&answer, size);
                return After::Close;
            }
            _ => self.peer.answer(&answer),
        }
        // Only now, behind its reply: QUIT is answered before the connection ends.
        if self.quitting {
            After::Close
        } else {
            After::GoOn
        }
    }

    /// Runs a command under the store's lock. Also returns whose outboxes have to be written. The answer of a
    /// `disturbed` one is left to the caller.
    fn run_locked(
        &mut self,
        spec: Option<&Spec>,
        name: &str,
        args: &[Vec<u8>],
        disturbed: bool,
    ) -> (Answer, Vec<Arc<Peer>>) {
        let world = Arc::clone(&self.world);
        let mut store = world.store.lock();
        if !self.transaction.queues(name) {
            // Queued commands are noted when they are executed.
            self.peer.note(world.settings.record, name, args);
        }
        let outcome = self.admit(spec, args).and_then(|spec| {
            if self.transaction.queues(spec.name) {
                self.transaction.queue(spec, args);
                return Ok(Value::Simple(b"QUEUED".to_vec()).into());
            }
            self.run(&mut store, spec, args, true)
        });
        let mut answer = outcome.unwrap_or_else(|refusal| Value::Error(refusal).into());
        // Under the same lock as the push that satisfied them, so that nobody sees an element that a
        // blocked command was owed. In front of the look at what is told to this connection: it may want to
        // know of elements that were taken there.
        store.serve(clock::now(), self.peer.id);
        let own = store.take_own();
        if !own.is_empty() {
            // The answer goes first, and still under the lock: a message of somebody else must not come in
            // front of one that was published before it.
            if !disturbed && !self.hush.is_quiet() {
                self.peer.answer(&answer);
                answer = Answer::Silent;
            }
            own.iter().for_each(|message| self.peer.push(message));
        }
        // The command may have set an expiry that is due before the next one known.
        world.set_alarm(&mut store);
        (answer, store.take_flush())
    }

    /// The checks that come before a command is executed or queued.
    fn admit<'s>(
        &mut self,
        spec: Option<&'s Spec>,
        args: &[Vec<u8>],
    ) -> Result<&'s Spec, ServerError> {
        let checked = self.check(spec, args);
        if checked.is_err() {
            self.transaction.spoil();
        }
        checked
    }

    /// What a server refuses before it runs a command: unknown names, wrong arity, a login that is missing,
    /// a command that the user may not run.
    fn check<'s>(&self, spec: Option<&'s Spec>, args: &[Vec<u8>]) -> Result<&'s Spec, ServerError> {
        let spec = spec.ok_or_else(|| {
            // Scripts get advice of their own, because "unknown command" would send an application's
            // author looking for a typing error.
            let script = args.first().and_then(|name| server::no_scripts(name));
            script.unwrap_or_else(|| unknown(args))
        })?;
        // A server older than 6.0 knows no HELLO, and a client has to fall back on AUTH and RESP2.
        if spec.name == "hello" && !self.world.settings.resp3 {
            return Err(unknown(args));
        }
        match spec.name {
            "client" => client::check(&self.world, self.peer.node, args)?,
            "command" | "config" | "pubsub" | "xgroup" | "xinfo" => {
                server::check_subcommand(spec.name, args)?;
            }
            _ => {}
        }
        // The order of these checks is a server's: name, number of arguments, login, permission. Which
        // of two errors a client gets depends on it.
        if !spec.admits(args.len()) {
            return Err(wrong_arity(spec.name));
        }
        match &self.user {
            None if !matches!(spec.name, "auth" | "hello" | "quit" | "reset") => {
                return Err(error("NOAUTH Authentication required."));
            }
            Some(user) => {
                let whole = full_name(Some(spec), args);
                let settings = &self.world.settings;
                if settings.forbids(user, spec.name) || settings.forbids(user, &whole) {
                    return Err(error(format!(
                        "NOPERM User {user} has no permissions to run the '{whole}' command"
                    )));
                }
            }
            _ => {}
        }
        Ok(spec)
    }

    /// Runs a command. Blocking commands block only when asked to directly, not in a transaction.
    fn run(
        &mut self,
        store: &mut Store,
        spec: &Spec,
        args: &[Vec<u8>],
        may_block: bool,
    ) -> Outcome {
        // A RESP3 subscriber may send any command, since its messages come as pushes. A RESP2 subscriber
        // may not: nothing tells a message from a reply.
        let resp3 = self.peer.protocol() == Protocol::Resp3;
        if !resp3 && store.subscribed(self.peer.id) && !allowed_while_subscribed(spec.name) {
            return refuse(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context",
                spec.name
            ));
        }
        let outcome = match spec.run {
            Run::Keys(run) => {
                let misses = store.tells_misses() && only_reads(spec, args);
                let mut keys = store.keyspace(self.db, clock::now(), resp3);
                run(keys.telling_misses(misses), args)
            }
            Run::Session => self.run_on_session(store, spec.name, args, may_block),
        };
        // Command by command, also inside of EXEC: in front of what the next one publishes.
        store.publish_notes(self.peer.id);
        outcome
    }

    /// Runs a command that concerns the connection and not only the keys.
    fn run_on_session(
        &mut self,
        store: &mut Store,
        name: &str,
        args: &[Vec<u8>],
        may_block: bool,
    ) -> Outcome {
        match name {
            "auth" => self.auth(args),
            "blmove" | "blpop" | "brpop" | "brpoplpush" => {
                self.take_or_block(store, name, args, may_block)
            }
            "client" => self.client(store, args),
            "command" => server::command(args),
            "config" => self.config(store, args),
            "discard" => self.discard(store),
            "echo" => bulk(args[1].clone()),
            "exec" => self.exec(store),
            "flushall" => {
                store.flush_all(clock::now());
                okay()
            }
            "hello" => self.hello(args),
            "info" => self.info(store, args),
            "multi" => self.multi(),
            "ping" => self.ping(store, args),
            "publish" => {
                let id = self.peer.id;
                count(store.publish(id, Class::Channel, &args[1], &args[2]))
            }
            "spublish" => {
                let id = self.peer.id;
                count(store.publish(id, Class::Shard, &args[1], &args[2]))
            }
            "pubsub" => server::pubsub(store, args),
            "quit" => {
                self.quitting = true;
                okay()
            }
            "reset" => self.reset(store),
            "select" => self.select(args),
            "time" => server::time(),
            "unwatch" => {
                self.unwatch(store);
                okay()
            }
            "watch" => self.watch(store, args),
            "xread" | "xreadgroup" => self.read_or_block(store, args, may_block),
            _ => self.subscription(store, name, args),
        }
    }

    /// `SUBSCRIBE` and its like, each name with a confirmation of its own.
    fn subscription(&self, store: &mut Store, name: &str, args: &[Vec<u8>]) -> Outcome {
        let class = match name {
            "psubscribe" | "punsubscribe" => Class::Pattern,
            "ssubscribe" | "sunsubscribe" => Class::Shard,
            _ => Class::Channel,
        };
        match name {
            "psubscribe" | "ssubscribe" | "subscribe" => {
                store.subscribe(&self.peer, class, name, &args[1..]);
            }
            "punsubscribe" | "sunsubscribe" | "unsubscribe" => {
                store.unsubscribe(&self.peer, class, name, &args[1..]);
            }
            _ => return Err(unknown(args)),
        }
        Ok(Answer::Silent)
    }

    /// Commands such as `BLPOP`: an element if there is one; otherwise the connection waits, unless it is
    /// inside of a transaction.
    fn take_or_block(
        &self,
        store: &mut Store,
        name: &str,
        args: &[Vec<u8>],
        may_block: bool,
    ) -> Outcome {
        let last = &args[args.len() - 1];
        let (keys, want) = match name {
            "blmove" => (
                &args[1..2],
                Want::Move {
                    from: ListEnd::parse(&args[3])?,
                    destination: args[2].clone(),
                    to: ListEnd::parse(&args[4])?,
                },
            ),
            "brpoplpush" => (
                &args[1..2],
                Want::Move {
                    from: ListEnd::Right,
                    destination: args[2].clone(),
                    to: ListEnd::Left,
                },
            ),
            "blpop" => (&args[1..args.len() - 1], Want::Pop(ListEnd::Left)),
            _ => (&args[1..args.len() - 1], Want::Pop(ListEnd::Right)),
        };
        // Checked before any key is looked at, as servers do: a wrong time-out is an error even where an
        // element is ready.
        let seconds =
            float(last).ok_or_else(|| error("ERR timeout is not a float or out of range"))?;
        if seconds < 0.0 {
            return refuse("ERR timeout is negative");
        }
        let wait = Duration::try_from_secs_f64(seconds)
            .map_err(|_| error("ERR timeout is out of range"))?;
        if let Some(value) = store.take_now(self.db, keys, &want, clock::now())? {
            return Ok(value.into());
        }
        // Inside of EXEC a blocking command is answered at once, with nothing.
        if !may_block {
            return Ok(want.nothing());
        }
        Ok(self.block(store, keys, want, wait))
    }

    /// `XREAD` and `XREADGROUP`: what there is; otherwise the connection waits if it asked for that, unless
    /// it is inside of a transaction.
    fn read_or_block(&self, store: &mut Store, args: &[Vec<u8>], may_block: bool) -> Outcome {
        let resp3 = self.peer.protocol() == Protocol::Resp3;
        let mut keys = store.keyspace(self.db, clock::now(), resp3);
        let read = Read::parse(&mut keys, args)?;
        if let Some(value) = read.reading.take(&mut keys)? {
            return Ok(value.into());
        }
        let names = read.reading.keys();
        let want = Want::Read(Arc::new(read.reading));
        match read.wait.filter(|_| may_block) {
            Some(wait) => Ok(self.block(store, &names, want, wait)),
            None => Ok(want.nothing()),
        }
    }

    /// Lets the connection wait; zero means for ever.
    fn block(&self, store: &mut Store, keys: &[Vec<u8>], want: Want, wait: Duration) -> Answer {
        let until = clock::now().checked_add(wait).filter(|_| !wait.is_zero());
        store.block(&self.peer, self.db, keys, want, until, self.hush.is_quiet());
        Answer::Silent
    }

    /// `PING [text]`, which a RESP2 subscriber gets answered as a message.
    fn ping(&self, store: &Store, args: &[Vec<u8>]) -> Outcome {
        if args.len() > 2 {
            return Err(wrong_arity("ping"));
        }
        let resp2 = self.peer.protocol() == Protocol::Resp2;
        match args.get(1) {
            // A RESP2 subscriber can be sent nothing but arrays, so PONG comes as one.
            text if resp2 && store.subscribed(self.peer.id) => array(vec![
                Value::Bulk(b"pong".to_vec()),
                Value::Bulk(text.cloned().unwrap_or_default()),
            ]),
            None => Ok(Value::Simple(b"PONG".to_vec()).into()),
            Some(text) => bulk(text.clone()),
        }
    }

    fn select(&mut self, args: &[Vec<u8>]) -> Outcome {
        let index = integer_arg(&args[1])?;
        self.db = usize::try_from(index)
            .ok()
            .filter(|&db| db < super::store::DATABASES)
            .ok_or_else(|| error("ERR DB index is out of range"))?;
        okay()
    }

    fn reset(&mut self, store: &mut Store) -> Outcome {
        // RESET ends subscriptions, watches and the transaction, logs out, and goes back to RESP2.
        store.forget(self.peer.id);
        self.transaction = Transaction::default();
        self.hush.reset();
        self.db = 0;
        self.user = self.world.settings.open_user();
        self.peer.set_name(None);
        self.peer.opt(None);
        self.peer.set_protocol(Protocol::Resp2);
        Ok(Value::Simple(b"RESET".to_vec()).into())
    }

    /// Forgets what other connections could still see of this one.
    pub(super) fn end(&self) {
        self.world.store.lock().forget(self.peer.id);
    }

    /// Ends the connection for the reason that a command gave.
    pub(super) fn cause(&self) -> CloseCause {
        match self.quitting {
            true => CloseCause::Client,
            false => CloseCause::Fault,
        }
    }
}

/// The name of a command as access rules and statistics write it: `get`, `client|setname`.
pub(super) fn full_name(spec: Option<&Spec>, args: &[Vec<u8>]) -> String {
    match (spec, args) {
        (Some(spec), [_, sub, ..])
            if matches!(
                spec.name,
                "client" | "command" | "config" | "xgroup" | "xinfo"
            ) =>
        {
            format!("{}|{}", spec.name, lower(sub))
        }
        (Some(spec), _) => spec.name.to_owned(),
        (None, [first, ..]) => lower(first),
        (None, []) => String::new(),
    }
}

/// Whether a RESP2 subscriber may send a command.
fn allowed_while_subscribed(name: &str) -> bool {
    name.ends_with("subscribe") || matches!(name, "ping" | "quit" | "reset")
}

/// Whether a command changes no key.
fn only_reads(spec: &Spec, args: &[Vec<u8>]) -> bool {
    let name = full_name(Some(spec), args);
    Facts::find(name.as_bytes()).is_some_and(Facts::only_reads)
}

/// The refusal of an unknown command, which repeats its arguments: even secrets.
pub(super) fn unknown(args: &[Vec<u8>]) -> ServerError {
    // Servers cut the name at 128 bytes and all arguments together at 128, and replace line ends, which
    // would end the error line.
    let clip = |text: &[u8], most: usize| {
        String::from_utf8_lossy(&text[..text.len().min(most)]).replace(['\r', '\n'], " ")
    };
    let mut line = String::from("ERR unknown command '");
    let mut args = args.iter();
    line.push_str(&clip(args.next().map_or(&[][..], |name| name), 128));
    line.push_str("', with args beginning with: ");
    let mut room = 128_usize;
    for arg in args {
        if room == 0 {
            break;
        }
        let shown = format!("'{}' ", clip(arg, room));
        room = room.saturating_sub(shown.len());
        line.push_str(&shown);
    }
    error(line)
}
