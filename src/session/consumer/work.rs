//! What a consumer sends. Decides nothing: the agenda does.

use super::Lines;
use super::StreamConsumerOptions;
use super::agenda::{Agenda, Fetched, Step, Trouble};
use crate::clock;
use crate::command::{
    Cmd, Commands, Executor, FromValue, Script, StreamEntry, StreamId, XPendingOptions,
    XReadOptions, cmd, millis_up, pipe,
};
use crate::error::Result;
use crate::sync::{Condvar, Ranked};
use std::fmt;
use std::time::Instant;

/// How often an acknowledgement and its like are sent before the user is told.
const TRIES: usize = 3;

/// Puts an entry among the dead letters if it is still pending with this consumer, so that a repetition does nothing.
/// The entry is added before it is acknowledged: where that fails, it stays pending.
const BURY: &str = "\
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1, ARGV[3])
if #pending == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if ARGV[4] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
return 1";

/// Makes entries that are still pending with this consumer look as if they had not come to it, and left for a day, so
/// that whoever looks next claims them.
const GIVE_BACK: &str = "\
for place = 3, #ARGV do
  local id = ARGV[place]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
  if #pending > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'IDLE', 86400000,
      'RETRYCOUNT', math.max(pending[1][4] - 1, 0), 'JUSTID')
  end
end";

/// Has entries that are still pending with this consumer count as not idle, as no further delivery; yields which.
const KEEP: &str = "\
local kept = {}
for place = 3, #ARGV do
  local id = ARGV[place]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])
  if #pending > 0 then
    local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
    if #claimed > 0 then kept[#kept + 1] = id end
  end
end
return kept";

/// What a consumer and its deliveries share.
pub(super) struct Work {
    options: StreamConsumerOptions,
    lines: Lines,
    bury: Script,
    give_back: Script,
    keep: Script,
    /// What to do next. Locked by the consumer's thread between two steps, and by those that end deliveries or stop it.
    agenda: Ranked<Agenda, 8>,
    /// Rung by who stops it, for the consumer's thread in a pause.
    stopped: Condvar,
}

impl Work {
    pub(super) fn new(options: &StreamConsumerOptions, lines: Lines) -> Self {
        Self {
            agenda: Ranked::new(Agenda::new(options.plan())),
            options: options.clone(),
            lines,
            bury: Script::new(BURY),
            give_back: Script::new(GIVE_BACK),
            keep: Script::new(KEEP),
            stopped: Condvar::default(),
        }
    }

    /// Refuses a child of `fork`: a thread of the parent may have been in the lock of the agenda, and is there for
    /// ever.
    pub(super) fn check_process(&self) -> Result<()> {
        self.lines.host.check_process()
    }

    /// Works until there is something for the user: an entry, an error, or the end (`None`). Called by the consumer's
    /// thread.
    pub(super) fn advance(&self) -> Option<Result<Fetched>> {
        loop {
            let step = self.agenda.lock().next(clock::now());
            match &step {
                Step::End => return None,
                Step::HandOut(fetched) => return Some(Ok(fetched.clone())),
                Step::Pause(until) => self.pause(*until),
                step => {
                    let Err(error) = self.carry_out(step) else {
                        continue;
                    };
                    let is_told = (self.agenda.lock()).handle_failed(step, &error, clock::now());
                    if is_told {
                        return Some(Err(error));
                    }
                }
            }
        }
    }

    fn pause(&self, until: Instant) {
        let mut agenda = self.agenda.lock();
        while !agenda.is_stopped() && clock::now() < until {
            agenda = self.stopped.wait(&self.agenda, agenda, Some(until));
        }
    }

    fn carry_out(&self, step: &Step) -> Result<()> {
        let reader = &*self.lines.reader;
        let StreamConsumerOptions {
            stream,
            group,
            consumer,
            ..
        } = &self.options;
        let count = self.options.batch();
        match step {
            Step::Acknowledge(ids) => {
                self.send_acknowledgement(ids)?;
                self.agenda.lock().handle_acknowledged(ids);
            }
            Step::Bury(fetched) => {
                self.send_burial(fetched)?;
                self.agenda.lock().handle_buried();
            }
            Step::Claim(found, idle) => {
                let ids: Vec<StreamId> = found.iter().map(|found| found.id).collect();
                // As `xclaim`, of servers that say nil for what is deleted.
                let claim = cmd("XCLAIM").arg(stream).arg(group).arg(consumer);
                let claim = claim.arg(millis_up(*idle)).args(ids);
                let claimed: Vec<Option<StreamEntry>> = moved(reader, &claim)?;
                self.agenda.lock().handle_claimed(claimed, clock::now());
            }
            Step::GiveBack(ids) => self.send_back(ids)?,
            Step::Keep(ids) => {
                let kept = self.send_keep(ids, reader)?;
                self.agenda.lock().handle_kept(&kept, clock::now());
            }
            Step::ListIdle(from, idle) => {
                let options = XPendingOptions::new().min_idle(*idle);
                let list = reader.xpending_options(stream, group, from, "+", count, &options)?;
                self.agenda.lock().handle_idle(&list, clock::now());
            }
            Step::ListOwn(from) => {
                let list =
                    reader.xpending_consumer_count(stream, group, from, "+", count, consumer)?;
                self.agenda.lock().handle_own(&list);
            }
            Step::MakeGroup => {
                let from = self.options.created_at.as_deref().unwrap_or(b"0");
                match reader.xgroup_create_mkstream(stream, group, from) {
                    // Another consumer was first.
                    Err(error) if error.code() == Some("BUSYGROUP") => {}
                    made => made?,
                }
                let was_gone = self.agenda.lock().handle_made();
                if was_gone {
                    self.lines.host.tell_of_group(from == b"$");
                }
            }
            Step::Read(wait) => {
                let options = XReadOptions::new().count(count);
                let read = cmd("XREADGROUP").arg("GROUP").arg(group).arg(consumer);
                let read = read.args(&options).arg("BLOCK").arg(millis_up(*wait));
                let read = read.arg("STREAMS").arg(stream).arg(">");
                let read: Vec<((), Vec<StreamEntry>)> = moved(reader, &read)?;
                let entries = read.into_iter().flat_map(|(_, entries)| entries);
                self.agenda
                    .lock()
                    .handle_read(entries.collect(), clock::now());
            }
            // Their places are in `advance`.
            Step::End | Step::HandOut(_) | Step::Pause(_) => {}
        }
        Ok(())
    }

    /// Acknowledges entries that the user has done with. Where that fails, the consumer acknowledges them again before
    /// it reads. Called by any thread.
    pub(super) fn acknowledge(&self, ids: &[StreamId]) -> Result<()> {
        self.check_process()?;
        // A second one finds nothing to do where the first has come.
        let sent = repeated(|| self.send_acknowledgement(ids));
        let mut agenda = self.agenda.lock();
        for id in ids {
            match sent {
                Ok(()) => agenda.handle_released(*id),
                Err(_) => agenda.handle_owed(*id),
            }
        }
        sent
    }

    /// Has an entry that the user works on count as not idle. False: it is no longer this consumer's. Called by any
    /// thread.
    pub(super) fn keep(&self, id: StreamId) -> Result<bool> {
        match repeated(|| self.send_keep(&[id], &*self.lines.writer)) {
            Ok(kept) => Ok(kept.contains(&id)),
            // With its stream or group.
            Err(error) if Trouble::of(&error) == Trouble::NoGroup => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn send_keep(&self, ids: &[StreamId], line: &dyn Executor) -> Result<Vec<StreamId>> {
        let StreamConsumerOptions {
            stream,
            group,
            consumer,
            ..
        } = &self.options;
        let call = self.keep.key(stream).arg(group).arg(consumer);
        call.arg(ids).invoke(line)
    }

    fn send_acknowledgement(&self, ids: &[StreamId]) -> Result<()> {
        let writer = &*self.lines.writer;
        let StreamConsumerOptions { stream, group, .. } = &self.options;
        if ids.is_empty() {
            return Ok(());
        }
        if self.options.deletes {
            let mut both = pipe();
            both.atomic().xack(stream, group, ids).xdel(stream, ids);
            return both.exec(writer);
        }
        writer.xack(stream, group, ids).map(drop)
    }

    fn send_burial(&self, dead: &Fetched) -> Result<()> {
        let Some((letters, _)) = &self.options.dead_letters else {
            return Ok(());
        };
        let StreamConsumerOptions {
            stream,
            group,
            consumer,
            ..
        } = &self.options;
        let id = dead.entry.id;
        let call = self.bury.key(stream).key(letters);
        let call = call.arg(group).arg(id).arg(consumer);
        let call = call.arg(u8::from(self.options.deletes));
        let call = call.arg(&dead.entry.fields);
        let call = call.arg([("dead:stream", stream), ("dead:group", group)]);
        let call = call.arg([("dead:consumer", consumer)]).arg(("dead:id", id));
        let call = call.arg(("dead:deliveries", dead.deliveries));
        call.invoke(&*self.lines.writer)
    }

    /// Lets other consumers claim these at once, with as many deliveries as before.
    fn send_back(&self, ids: &[StreamId]) -> Result<()> {
        let StreamConsumerOptions {
            stream,
            group,
            consumer,
            ..
        } = &self.options;
        let call = self.give_back.key(stream).arg(group).arg(consumer);
        call.arg(ids).invoke(&*self.lines.writer)
    }

    /// Ends a delivery without an acknowledgement, or after it. Called by any thread.
    pub(super) fn release(&self, id: StreamId) {
        if self.check_process().is_ok() {
            self.agenda.lock().handle_released(id);
        }
    }

    /// Stops the consumer. Called by any thread; never blocks.
    pub(super) fn stop(&self) {
        if self.check_process().is_err() {
            return;
        }
        self.agenda.lock().stop();
        self.stopped.notify_all();
        self.lines.canceller.cancel();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.check_process().is_err() || self.agenda.lock().is_stopped()
    }
}

/// Sends a command that brings entries, and takes them out of its reply. Others copy such a reply first, for the error
/// of one that does not fit; here nothing is lost by that, because what came is pending and is listed again.
fn moved<T: FromValue>(line: &dyn Executor, command: &Cmd) -> Result<T> {
    let entries = line.execute(command).and_then(T::from_value);
    entries.map_err(|error| error.with_command(command.full_name()))
}

/// Sends again what may be lost, and does no harm twice.
fn repeated<T>(mut send: impl FnMut() -> Result<T>) -> Result<T> {
    let mut tries = 1..TRIES;
    loop {
        match send() {
            Err(error) if Trouble::of(&error) == Trouble::Passing && tries.next().is_some() => {}
            outcome => return outcome,
        }
    }
}

impl fmt::Debug for Work {
    /// Without what the agenda has, which is the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests;
