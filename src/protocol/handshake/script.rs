//! What is written, and what the replies mean. Keeps no bytes and no time.

use super::{Answer, Greeting, Opening, Progress, Refusal, Refused, Step};
use crate::protocol::{Pairs, Protocol, Secret, ServerError, Value, encode};
use std::collections::VecDeque;

/// The opening of one connection.
///
/// The caller writes what [`Script::poll_write`] yields, then passes each reply to
/// [`Script::handle_reply`]; pushes may arrive between the replies and are none of them.
#[derive(Debug)]
pub struct Script {
    opening: Opening,
    phase: Phase,
    /// The commands whose replies are outstanding, in order.
    awaiting: VecDeque<Step>,
    greeting: Greeting,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Something is to be written.
    Ready,
    /// Replies decide.
    Asked,
    /// `HELLO` was refused; the other replies to the first write are of no interest.
    Draining,
    /// Nothing more may come.
    Done,
}

impl Script {
    /// A script of which nothing has been written.
    pub fn new(opening: Opening) -> Self {
        let maintenance = match (opening.maintenance, opening.protocol) {
            (None, _) => Answer::NotAsked,
            // Until the server has answered.
            (Some(_), _) => Answer::NotPossible,
        };
        let greeting = Greeting {
            protocol: opening.protocol,
            client_id: None,
            server: None,
            version: None,
            role: None,
            mode: None,
            maintenance,
            tolerated: Vec::new(),
        };
        Self {
            opening,
            phase: Phase::Ready,
            awaiting: VecDeque::new(),
            greeting,
        }
    }

    /// The bytes to write now, if any. They contain the password.
    pub fn poll_write(&mut self) -> Option<Vec<u8>> {
        if self.phase != Phase::Ready {
            return None;
        }
        self.phase = Phase::Asked;
        let mut out = Vec::with_capacity(256);
        self.write_login(&mut out);
        self.write_preparation(&mut out);
        // What is optional proves nothing: a server may refuse it as unknown before it asks who we are.
        let proves = |step: &Step| matches!(step, Step::Hello | Step::Auth | Step::Select);
        if !self.awaiting.iter().any(proves) {
            self.say(&mut out, Step::Ping, &[b"PING"]);
        }
        Some(out)
    }

    /// Takes the reply to the oldest command that has none yet.
    ///
    /// # Errors
    ///
    /// [`Refused`]: the connection is of no use and must be closed.
    pub fn handle_reply(&mut self, reply: Value) -> Result<Progress, Refused> {
        let Some(step) = self.awaiting.pop_front() else {
            return Err(Refused {
                step: Step::Ping,
                kind: Refusal::Unexpected,
                error: None,
            });
        };
        if self.phase == Phase::Asked {
            match reply.into_plain() {
                Value::Error(error) => self.on_error(step, error)?,
                answer => self.on_answer(step, &answer)?,
            }
        }
        if !self.awaiting.is_empty() {
            return Ok(Progress::MoreReplies);
        }
        if self.phase == Phase::Draining {
            self.phase = Phase::Ready;
            return Ok(Progress::MoreToWrite);
        }
        self.phase = Phase::Done;
        self.check_required(None)?;
        Ok(Progress::Done(self.greeting.clone()))
    }

    fn say(&mut self, out: &mut Vec<u8>, step: Step, arguments: &[&[u8]]) {
        encode::command(out, arguments);
        self.awaiting.push_back(step);
    }

    /// User and password, where one of them was given.
    fn credentials(&self) -> Option<(Option<String>, Secret)> {
        let Opening {
            username, password, ..
        } = &self.opening;
        if username.is_none() && password.is_none() {
            return None;
        }
        Some((username.clone(), password.clone().unwrap_or_default()))
    }

    fn write_login(&mut self, out: &mut Vec<u8>) {
        let credentials = self.credentials();
        match (self.greeting.protocol, &credentials) {
            (Protocol::Resp3, None) => self.say(out, Step::Hello, &[b"HELLO", b"3"]),
            (Protocol::Resp3, Some((user, password))) => {
                let user = user.as_deref().unwrap_or("default").as_bytes();
                let password = password.expose();
                self.say(out, Step::Hello, &[b"HELLO", b"3", b"AUTH", user, password]);
            }
            (Protocol::Resp2, None) => {}
            // Servers before version 6 know no users, and refuse the longer form.
            (Protocol::Resp2, Some((None, password))) => {
                self.say(out, Step::Auth, &[b"AUTH", password.expose()]);
            }
            (Protocol::Resp2, Some((Some(user), password))) => {
                let user = user.as_bytes();
                self.say(out, Step::Auth, &[b"AUTH", user, password.expose()]);
            }
        }
    }

    fn write_preparation(&mut self, out: &mut Vec<u8>) {
        if let Some(name) = self.opening.client_name.clone() {
            let name = name.as_bytes();
            self.say(out, Step::ClientName, &[b"CLIENT", b"SETNAME", name]);
        }
        if let Some((name, version)) = self.opening.library.clone() {
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-NAME", name.as_bytes()];
            self.say(out, Step::LibraryName, &words);
            let words: [&[u8]; 4] = [b"CLIENT", b"SETINFO", b"LIB-VER", version.as_bytes()];
            self.say(out, Step::LibraryVersion, &words);
        }
        if self.opening.database != 0 {
            let mut digits = itoa::Buffer::new();
            let database = digits.format(self.opening.database).as_bytes();
            self.say(out, Step::Select, &[b"SELECT", database]);
        }
        if let (Some(ask), Protocol::Resp3) = (self.opening.maintenance, self.greeting.protocol) {
            let bare: [&[u8]; 3] = [b"CLIENT", b"MAINT_NOTIFICATIONS", b"ON"];
            let mut words = bare.to_vec();
            if let Some(kind) = ask.endpoint_type {
                words.extend([b"moving-endpoint-type", kind.as_str().as_bytes()]);
            }
            self.say(out, Step::Maintenance, &words);
        }
    }

    fn on_error(&mut self, step: Step, error: ServerError) -> Result<(), Refused> {
        let kind = classify(step, &error);
        let no_hello = kind == Refusal::Other && knows_no_hello(&error);
        let error = self.scrub(step, error);
        match step {
            Step::Hello if no_hello => {
                self.greeting.protocol = Protocol::Resp2;
                self.check_required(Some(error))?;
                self.phase = Phase::Draining;
                Ok(())
            }
            Step::ClientName | Step::LibraryName | Step::LibraryVersion | Step::Maintenance
                if matches!(kind, Refusal::Other | Refusal::Permission) =>
            {
                if step == Step::Maintenance {
                    self.on_maintenance(Answer::Refused(error));
                } else {
                    self.greeting.tolerated.push((step, error));
                }
                Ok(())
            }
            _ => Err(Refused {
                step,
                kind,
                error: Some(error),
            }),
        }
    }

    /// Servers repeat arguments in their errors, so the text goes where the password may be in it, or
    /// the user.
    fn scrub(&self, step: Step, error: ServerError) -> ServerError {
        let password = self
            .opening
            .password
            .as_ref()
            .map_or(&b""[..], Secret::expose);
        let user = self.opening.username.as_deref().unwrap_or_default();
        let has = |text: &str, secret: &[u8]| {
            !secret.is_empty() && memchr::memmem::find(text.as_bytes(), secret).is_some()
        };
        let repeated = |text: &str| has(text, password) || has(text, user.as_bytes());
        if repeated(&error.code) {
            return ServerError {
                code: "ERR".to_owned(),
                text: String::new(),
            };
        }
        if matches!(step, Step::Hello | Step::Auth) || repeated(&error.text) {
            return error.without_text();
        }
        error
    }

    fn on_answer(&mut self, step: Step, answer: &Value) -> Result<(), Refused> {
        let expected = match step {
            Step::Hello => self.read_hello(answer),
            Step::Auth | Step::Select => answer.is_okay(),
            Step::Maintenance => {
                self.on_maintenance(if answer.is_okay() {
                    Answer::Granted
                } else {
                    Answer::Refused(ServerError {
                        code: "ERR".to_owned(),
                        text: format!("answered with {}", answer.kind()),
                    })
                });
                true
            }
            Step::ClientName | Step::LibraryName | Step::LibraryVersion | Step::Ping => true,
        };
        if expected {
            return Ok(());
        }
        Err(Refused {
            step,
            kind: Refusal::Unexpected,
            error: None,
        })
    }

    /// A server that stayed with RESP2 may accept the command and then deliver nothing.
    fn on_maintenance(&mut self, answer: Answer) {
        if self.greeting.protocol == Protocol::Resp3 {
            self.greeting.maintenance = answer;
        }
    }

    /// Whether the reply is one that `HELLO` can give: names and values, as a map or flat.
    fn read_hello(&mut self, answer: &Value) -> bool {
        let (elements, default) = match answer {
            Value::Map(pairs) => (pairs.clone().into_flat(), Protocol::Resp3),
            Value::Array(items) => (items.clone(), Protocol::Resp2),
            _ => return false,
        };
        let Ok(pairs) = Pairs::from_flat(elements) else {
            return false;
        };
        let text = |key: &[u8]| {
            let bytes = pairs.get(key)?.as_bytes()?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        self.greeting.protocol = match pairs.get(b"proto").and_then(Value::parse_int) {
            Some(3) => Protocol::Resp3,
            Some(_) => Protocol::Resp2,
            None => default,
        };
        self.greeting.client_id = pairs.get(b"id").and_then(Value::parse_int);
        self.greeting.server = text(b"server");
        self.greeting.version = text(b"version");
        self.greeting.role = text(b"role");
        self.greeting.mode = text(b"mode");
        true
    }

    /// Fails where notifications are required and known not to come.
    fn check_required(&self, cause: Option<ServerError>) -> Result<(), Refused> {
        if !self.opening.maintenance.is_some_and(|ask| ask.required) {
            return Ok(());
        }
        let error = match &self.greeting.maintenance {
            Answer::Granted | Answer::NotAsked => return Ok(()),
            Answer::NotPossible => cause,
            Answer::Refused(error) => Some(error.clone()),
        };
        Err(Refused {
            step: Step::Maintenance,
            kind: Refusal::Maintenance,
            error,
        })
    }
}

/// What an error means, whichever command it answers; `Other` where it means nothing special.
fn classify(step: Step, error: &ServerError) -> Refusal {
    match (error.code.as_str(), step) {
        ("LOADING", _) => Refusal::Loading,
        ("WRONGPASS" | "NOAUTH", _) => Refusal::Credentials,
        // The first reply of a server that is full, whatever was asked.
        ("ERR", _) if error.text.starts_with("max number of clients") => Refusal::TooManyClients,
        ("NOPERM", Step::Select) => Refusal::Database,
        ("NOPERM", _) => Refusal::Permission,
        (_, Step::Auth) => Refusal::Credentials,
        (_, Step::Select) => Refusal::Database,
        _ => Refusal::Other,
    }
}

/// Whether an error to `HELLO` says that the server speaks RESP2 only. A text that names the command
/// for another reason costs one more round trip, no more: the second write logs in afresh.
fn knows_no_hello(error: &ServerError) -> bool {
    let text = error.text.to_ascii_lowercase();
    match error.code.as_str() {
        "NOPROTO" => true,
        "ERR" => text.starts_with("unknown command") || text.contains("hello"),
        _ => false,
    }
}
