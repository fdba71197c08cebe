//! Every transaction of up to three commands, on every server, cut everywhere: what is said of a command
//! is compared with what the server did.

use super::*;
use crate::command::table;

/// Where each of `MULTI`, three commands and `EXEC` ends.
const ENDS: [u64; 5] = [10, 20, 30, 40, 50];

/// What a server does with one command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Whim {
    /// It runs and succeeds.
    Run,
    /// It runs and fails.
    Fail,
    /// It is refused for now.
    Busy,
    /// It is refused.
    Forbid,
}

/// What a server does with `MULTI`, the commands and `EXEC`.
#[derive(Clone, Debug)]
struct Server {
    multi: Whim,
    commands: Vec<Whim>,
    exec: Whim,
}

/// What a command did on the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    Nothing,
    WithinTransaction,
    ByItself,
}

fn error(line: &str) -> ServerError {
    ServerError::parse(line.as_bytes())
}

fn refusal(whim: Whim) -> Option<ServerError> {
    match whim {
        Whim::Run | Whim::Fail => None,
        Whim::Busy => Some(error("BUSY Redis is busy running a script.")),
        Whim::Forbid => Some(error("NOPERM this user has no permissions")),
    }
}

fn result(whim: Whim, place: usize) -> Value {
    match whim {
        Whim::Fail => Value::error("WRONGTYPE", format!("of {place}")),
        _ => Value::Int(place as i64),
    }
}

impl Server {
    /// Serves the first `whole` commands: what it replies, and what each command has done.
    fn serve(&self, whole: usize) -> (Vec<Value>, Vec<Deed>) {
        let count = self.commands.len();
        let mut deeds = vec![Deed::Nothing; count];
        let mut replies = Vec::new();
        if whole == 0 {
            return (replies, deeds);
        }
        let multi = refusal(self.multi);
        let in_transaction = multi.is_none();
        replies.push(multi.map_or(Value::Okay, Value::Error));
        let mut is_refused = false;
        for (place, whim) in self.commands.iter().copied().enumerate().take(whole - 1) {
            replies.push(match refusal(whim) {
                Some(error) => {
                    is_refused = true;
                    Value::Error(error)
                }
                None if in_transaction => Value::Simple(b"QUEUED".to_vec()),
                None => {
                    deeds[place] = Deed::ByItself;
                    result(whim, place)
                }
            });
        }
        if whole == count + 2 {
            replies.push(match refusal(self.exec) {
                _ if !in_transaction => Value::error("ERR", "EXEC without MULTI"),
                _ if is_refused => Value::error("EXECABORT", "because of previous errors."),
                Some(error) => Value::error("EXECABORT", format!("because of: {error}")),
                None => {
                    deeds.fill(Deed::WithinTransaction);
                    let whims = self.commands.iter().copied().enumerate();
                    let results = whims.map(|(place, whim)| result(whim, place));
                    Value::array(results.collect::<Vec<_>>())
                }
            });
        }
        (replies, deeds)
    }
}

/// Every server for up to three commands.
fn servers() -> Vec<Server> {
    const WHIMS: [Whim; 4] = [Whim::Run, Whim::Fail, Whim::Busy, Whim::Forbid];
    let mut lists: Vec<Vec<Whim>> = vec![vec![]];
    let mut all = Vec::new();
    for _ in 0..3 {
        lists = (lists.iter())
            .flat_map(|list| WHIMS.map(|whim| [list.as_slice(), &[whim]].concat()))
            .collect();
        all.extend(lists.clone());
    }
    let ends = [Whim::Run, Whim::Busy, Whim::Forbid];
    (ends.iter())
        .flat_map(|multi| ends.iter().map(move |exec| (*multi, *exec)))
        .flat_map(|(multi, exec)| {
            all.iter().map(move |commands| Server {
                multi,
                commands: commands.clone(),
                exec,
            })
        })
        .collect()
}

/// Where the commands of such a transaction end.
fn ends(count: usize) -> Vec<u64> {
    ENDS.iter().copied().take(count + 2).collect()
}

#[test]
fn what_a_whole_transaction_says_of_a_command_is_what_it_did() {
    for server in servers() {
        let count = server.commands.len();
        let (replies, deeds) = server.serve(count + 2);
        let fates = judge(replies, None, &ends(count));
        assert_eq!(fates.len(), count, "{server:?}");
        let refused = server.commands.iter().any(|whim| refusal(*whim).is_some());
        let may_pass = refused && !server.commands.contains(&Whim::Forbid);
        for (place, fate) in fates.into_iter().enumerate() {
            let whim = server.commands[place];
            let expected = match (refusal(server.multi), deeds[place], refusal(whim)) {
                (Some(multi), _, _) => Fate::Outside {
                    multi,
                    reply: (refusal(whim).map_or_else(|| result(whim, place), Value::Error))
                        .into_result(),
                },
                (None, Deed::WithinTransaction, _) => match result(whim, place) {
                    Value::Error(error) => Fate::Failed(error),
                    value => Fate::Ran(value),
                },
                (None, _, Some(error)) => Fate::Refused(error),
                (None, _, None) => Fate::Aborted {
                    exec: error(&match refusal(server.exec) {
                        _ if refused => "EXECABORT because of previous errors.".to_owned(),
                        Some(error) => format!("EXECABORT because of: {error}"),
                        None => unreachable!(),
                    }),
                    cause: (server.commands.iter().enumerate())
                        .find_map(|(place, whim)| Some((place, refusal(*whim)?))),
                    may_pass,
                },
            };
            assert_eq!(fate, expected, "{server:?}: {place}");
        }
    }
}

#[test]
fn a_transaction_that_is_cut_says_not_sent_only_of_what_did_nothing() {
    for server in servers() {
        let count = server.commands.len();
        let ends = ends(count);
        // So many commands left whole, perhaps with a part of the next; the server had so many of them,
        // and so many replies came back.
        for left in 0..=count + 2 {
            for part in [0, 5] {
                let whole = left.checked_sub(1).map_or(0, |last| ends[last]);
                let sent = if left == count + 2 {
                    whole
                } else {
                    whole + part
                };
                for had in 0..=left {
                    let (replies, deeds) = server.serve(had);
                    for came in 0..=had.min(count + 1) {
                        let got = replies[..came].to_vec();
                        let fates = judge(got, Some(sent), &ends);
                        let case = format!("{server:?} left {left} had {had} came {came}");
                        check_cut(&server, &fates, &deeds, left, came, &case);
                    }
                }
            }
        }
    }
}

/// `left`: how many of `MULTI`, commands and `EXEC` left whole; `came`: how many were answered.
fn check_cut(
    server: &Server,
    fates: &[Fate],
    deeds: &[Deed],
    left: usize,
    came: usize,
    case: &str,
) {
    let count = server.commands.len();
    assert_eq!(fates.len(), count, "{case}");
    for (place, fate) in fates.iter().enumerate() {
        match fate {
            Fate::Lost(Delivery::NotSent) | Fate::Refused(_) => {
                assert_eq!(deeds[place], Deed::Nothing, "{case}: {place}");
            }
            Fate::Outside { reply, .. } => {
                let ran = deeds[place] == Deed::ByItself;
                let refused = reply
                    .as_ref()
                    .is_err_and(|error| error.code() != "WRONGTYPE");
                assert_eq!(ran, !refused, "{case}: {place}");
            }
            Fate::Lost(Delivery::Unknown) => {}
            other => panic!("{case}: {place} is {other:?}"),
        }
        // Not more is unknown than must be.
        let expected = match (came, refusal(server.multi)) {
            // MULTI has not been answered: whether a command ran by itself is unknown once one has left.
            (0, _) if left <= 1 => Fate::Lost(Delivery::NotSent),
            (0, _) => Fate::Lost(Delivery::Unknown),
            (_, Some(_)) if place + 1 < came => continue,
            (_, Some(_)) if place + 1 < left => Fate::Lost(Delivery::Unknown),
            (_, Some(_)) => Fate::Lost(Delivery::NotSent),
            (_, None) if place + 1 < came && refusal(server.commands[place]).is_some() => continue,
            // EXEC decides: it has left whole or not.
            (_, None) if left == count + 2 => Fate::Lost(Delivery::Unknown),
            (_, None) => Fate::Lost(Delivery::NotSent),
        };
        assert_eq!(*fate, expected, "{case}: {place}");
    }
}

#[test]
fn a_transaction_that_a_server_gives_up_or_answers_wrongly_is_told_as_such() {
    let queued = || Value::Simple(b"QUEUED".to_vec());
    let judged = |replies: Vec<Value>| judge(replies, None, &ends(2));
    let nil = judged(vec![Value::Okay, queued(), queued(), Value::Nil]);
    assert_eq!(nil, [Fate::NotRun, Fate::NotRun]);
    let short = Value::array(vec![Value::Int(1)]);
    for replies in [
        vec![Value::Okay, queued(), queued(), short],
        vec![Value::Okay, queued(), queued(), Value::Okay],
        vec![Value::Okay, Value::Int(1), queued(), Value::array(vec![])],
        vec![queued(), queued(), queued(), Value::array(vec![])],
    ] {
        assert_eq!(
            judged(replies.clone()),
            [Fate::Unfit, Fate::Unfit],
            "{replies:?}"
        );
    }
}

fn told(fate: Fate) -> Result<Value> {
    fate.into_result(
        || table::find(b"INCR"),
        |delivery| Error::new(ErrorKind::Io, delivery, "lost"),
    )
}

#[test]
fn a_refused_multi_is_never_told_as_a_failed_command() {
    let multi = error("NOPERM this user has no permissions to run the 'multi' command");
    let outside = |reply| Fate::Outside {
        multi: multi.clone(),
        reply,
    };
    let ran = told(outside(Ok(Value::Int(7)))).unwrap_err();
    assert_eq!(*ran.kind(), ErrorKind::NotAtomic);
    assert_eq!(ran.delivery(), Delivery::Replied);
    assert_eq!(ran.reply(), Some(&Value::Int(7)));
    assert!(!ran.is_safe_to_retry());
    let text = ran.to_string();
    assert!(text.contains("executed outside of a transaction"), "{text}");
    assert!(text.contains("refused MULTI (NOPERM"), "{text}");
    let failed = told(outside(Err(error("WRONGTYPE no")))).unwrap_err();
    assert_eq!(failed.code(), Some("WRONGTYPE"));
    assert_eq!(failed.delivery(), Delivery::Replied);
    assert!(
        failed.to_string().contains("outside of a transaction"),
        "{failed}"
    );
    let loading = told(outside(Err(error("LOADING soon")))).unwrap_err();
    assert_eq!(loading.delivery(), Delivery::NotSent);
}

#[test]
fn a_refusal_within_a_transaction_says_whether_it_may_be_sent_again() {
    let busy = told(Fate::Refused(error("BUSY script."))).unwrap_err();
    assert!(busy.is_safe_to_retry());
    let forbidden = told(Fate::Refused(error("NOPERM no"))).unwrap_err();
    assert_eq!(forbidden.delivery(), Delivery::Replied);
    // What EXEC itself says, and what ran, is an answer whatever its text.
    let failed = told(Fate::Failed(error("READONLY no"))).unwrap_err();
    assert_eq!(failed.delivery(), Delivery::Replied);
    for (may_pass, delivery) in [(true, Delivery::NotSent), (false, Delivery::Replied)] {
        let exec = error("EXECABORT Transaction discarded because of previous errors.");
        let cause = Some((2, error("ERR unknown command 'NOSUCH'")));
        let fate = Fate::Aborted {
            exec,
            cause,
            may_pass,
        };
        let aborted = told(fate).unwrap_err();
        assert_eq!(aborted.code(), Some("EXECABORT"));
        assert_eq!(aborted.delivery(), delivery);
        let why = "no command of the transaction was executed, because of the one at index 2: ERR unknown command";
        assert!(aborted.to_string().contains(why), "{aborted}");
    }
}
