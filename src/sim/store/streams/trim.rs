//! What `XADD` and `XTRIM` take besides an entry: how much of a stream is kept. Adds nothing. Cuts whole nodes of
//! 100 entries where a server would for `~`, counted from the first entry that is left.

use super::{Id, Stream, Wish};
use crate::protocol::ServerError;
use crate::sim::answer::{error, integer_arg, lower, syntax};

/// How many entries a server keeps in one node: `stream-node-max-entries`.
const NODE: usize = 100;

/// What is kept.
#[derive(Clone, Copy, Debug)]
enum Keep {
    /// `MAXLEN`: so many.
    Latest(usize),
    /// `MINID`: this one and those behind it.
    From(Id),
}

/// How a stream is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trim {
    keep: Keep,
    /// `~`: by whole nodes only, and at most so many entries.
    roughly: Option<usize>,
}

/// The options in front of the number of `XADD`, and all of `XTRIM`.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) trim: Option<Trim>,
    /// `NOMKSTREAM`: no stream is made.
    pub(super) only_existing: bool,
    /// The number of the entry, and the place of the word behind it.
    pub(super) id: Option<(Wish, usize)>,
}

impl Options {
    /// Reads them, for `XADD` up to the number and with it.
    pub(super) fn read(args: &[Vec<u8>], adds: bool) -> Result<Self, ServerError> {
        let (mut keep, mut roughly, mut limit) = (None, false, None);
        let mut options = Self {
            trim: None,
            only_existing: false,
            id: None,
        };
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let more = args.len() - at - 1;
            match lower(word).as_str() {
                "*" if adds => {
                    options.id = Some((Wish::Any, at + 1));
                    break;
                }
                by @ ("maxlen" | "minid") if more > 0 => {
                    if keep.is_some() {
                        return Err(error(
                            "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                        ));
                    }
                    // A `~` that is the last word is no mark but a threshold that is none.
                    roughly = more > 1 && args[at + 1] == b"~";
                    at += if roughly || more > 1 && args[at + 1] == b"=" {
                        2
                    } else {
                        1
                    };
                    keep = Some(match by {
                        "maxlen" => Keep::Latest(not_negative(&args[at], "MAXLEN")?),
                        _ => Keep::From(Id::parse(&args[at], 0)?),
                    });
                }
                "limit" if more > 0 => {
                    at += 1;
                    limit = Some(not_negative(&args[at], "LIMIT")?);
                }
                "nomkstream" if adds => options.only_existing = true,
                _ if adds => {
                    options.id = Some((Wish::parse(word)?, at + 1));
                    break;
                }
                _ => return Err(syntax()),
            }
            at += 1;
        }
        let Some(keep) = keep else {
            return match (limit, adds) {
                (Some(1..), _) => Err(error(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                (_, false) => Err(error(
                    "ERR syntax error, XTRIM must be called with a trimming strategy",
                )),
                (Some(0), _) => Err(without_tilde()),
                _ => Ok(options),
            };
        };
        if limit.is_some() && !roughly {
            return Err(without_tilde());
        }
        // 0 asks for no limit; a server's own is 100 nodes.
        let most = match limit {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None => 100 * NODE,
        };
        options.trim = Some(Trim {
            keep,
            roughly: roughly.then_some(most),
        });
        Ok(options)
    }
}

/// The error of a limit where whole nodes are not asked for.
fn without_tilde() -> ServerError {
    error("ERR syntax error, LIMIT cannot be used without the special ~ option")
}

/// Reads how many entries an option is about.
fn not_negative(text: &[u8], option: &str) -> Result<usize, ServerError> {
    usize::try_from(integer_arg(text)?)
        .map_err(|_| error(format!("ERR The {option} argument must be >= 0.")))
}

impl Stream {
    /// Cuts the front off; returns how many entries that were.
    pub(super) fn trim(&mut self, trim: Trim) -> usize {
        // Entries are numbered upwards, so what goes is always at the front.
        let surplus = match trim.keep {
            Keep::Latest(kept) => self.entries.len().saturating_sub(kept),
            Keep::From(id) => self.entries.range(..id).count(),
        };
        let cut = match trim.roughly {
            None => surplus,
            Some(most) => self.whole_nodes(surplus.min(most)),
        };
        for _ in 0..cut {
            self.entries.pop_first();
        }
        cut
    }

    /// How many entries there are in those nodes at the front that hold no more than so many.
    fn whole_nodes(&self, most: usize) -> usize {
        // Where XDEL has taken entries a server's nodes hold fewer than that, and it cuts at other places.
        let whole = most / NODE * NODE;
        // The last node need not be full to go.
        if most == self.entries.len() {
            most
        } else {
            whole
        }
    }
}
