//! Many commands in one write, and what became of each. Puts no pipeline together: `command` does. Sends no
//! part of it a second time: `carry` repeats a pipeline only while not one whole command of it had left.

use super::carry::{Carrier, Inspector, Scene, Sending};
use super::gate::Gate;
use super::inquiry::Inquiry;
use super::{Calls, judge, transaction};
use crate::command::Pipeline;
use crate::error::{Delivery, Result};
use crate::link::{Failure, Outcome, Parts, Request};
use crate::protocol::Value;
use std::borrow::Cow;

/// The end of a transaction, in the form of the wire.
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Calls {
    /// Sends a pipeline of which every command may be sent, and yields what became of each, in order: as
    /// many results as there are commands. Called by a thread of the user, which blocks until the last
    /// reply or the end of the call.
    ///
    /// All commands travel on one connection. If it breaks, each command that has no reply is judged by
    /// itself: [`Delivery::NotSent`] if its last byte had not left, [`Delivery::Unknown`] otherwise.
    pub(crate) fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        self.execute_pipeline_by(self, pipeline)
    }

    /// As [`execute_pipeline`](Self::execute_pipeline), by way of `carrier`.
    pub(crate) fn execute_pipeline_by(
        &self,
        carrier: &dyn Carrier,
        pipeline: &Pipeline,
    ) -> Vec<Result<Value>> {
        let (mut parts, mut ends) = (pipeline.bytes().into(), Cow::Borrowed(pipeline.ends()));
        if pipeline.atomic {
            // `MULTI` stands in the pipeline already.
            parts = Parts::new(pipeline.bytes(), &[EXEC]);
            ends.to_mut().push(parts.len() as u64);
        }
        let request = Request {
            parts,
            replies: ends.len(),
        };
        let gate = (pipeline.atomic).then(|| Gate::new(&self.refusals, carrier.may_ask()));
        // Who is alone sends what nobody knows, one by one or many at once.
        let unknown = if carrier.is_alone() {
            Vec::new()
        } else {
            pipeline.unknown()
        };
        let inquiry = (!unknown.is_empty()).then(|| Inquiry::new(&self.answers, unknown, false));
        let inspectors = [
            gate.as_ref().map(|gate| gate as &dyn Inspector),
            inquiry.as_ref().map(|inquiry| inquiry as &dyn Inspector),
        ];
        let sending = Sending {
            request,
            ends: &ends,
            timeout: self.timeout(pipeline.timeout, pipeline.blocks),
            exclusive: pipeline.blocks.is_some(),
            // EXEC runs all of it at once.
            is_long: pipeline.atomic || pipeline.is_long,
            inspector: (gate.is_some() || inquiry.is_some()).then_some(&inspectors),
        };
        let mut scene = None;
        let (replies, failure) = match carrier.carry(&sending, &mut scene) {
            Ok(Outcome::One(value)) => (vec![value], None),
            Ok(Outcome::Many(values)) => (values, None),
            Ok(Outcome::Failed(failure)) => {
                let Failure { reason, got, sent } = *failure;
                (got, Some((reason, sent)))
            }
            Err(error) => return vec![Err(error); pipeline.len()],
        };
        // Without a failure there is a reply for every command, and `lost` is not called.
        let (reason, sent) = failure.map_or((None, None), |(why, sent)| (why, Some(sent)));
        let lost = |delivery| self.failure(reason.as_ref(), delivery, scene.as_ref());
        if let Some(gate) = gate {
            gate.note(replies.first());
            return transaction::judge(replies, sent, &ends)
                .into_iter()
                .enumerate()
                .map(|(place, fate)| fate.into_result(|| pipeline.command(place), lost))
                .collect();
        }
        let each = |(place, value): (usize, Value)| {
            let result = value.into_result();
            result.map_err(|error| judge::refusal(error, pipeline.command(place)))
        };
        // Where the replies are: a result takes as much memory as a reply, and a second vector of them would
        // double what a long pipeline takes.
        let mut results: Vec<_> = replies.into_iter().enumerate().map(each).collect();
        let unanswered = ends.get(results.len()..).unwrap_or_default();
        results.reserve(unanswered.len());
        for end in unanswered {
            results.push(Err(lost(match sent {
                Some(sent) if sent < *end => Delivery::NotSent,
                _ => Delivery::Unknown,
            })));
        }
        results
    }
}

/// A connection of the pool, shared or alone.
impl Carrier for Calls {
    fn carry(&self, sending: &Sending<'_>, scene: &mut Option<Scene>) -> Result<Outcome> {
        self.try_carry(sending, scene)
    }
}
