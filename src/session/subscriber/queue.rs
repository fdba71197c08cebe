//! What waits for a subscriber to take it: bounded, whatever the server sends. Wakes nobody.
//!
//! Messages count against two bounds, by number and by size; what else is told does not, and is merged so that it stays
//! small: one word of what was dropped and one of a new connection for each run without messages between them, and one
//! refusal for each name.

use super::message::{Message, SubscriberEvent};
use std::collections::VecDeque;

/// What becomes of messages for which the mailbox has no room.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest ones in the mailbox make room, and an [`SubscriberEvent::Dropped`] stands where they were. The
    /// default.
    #[default]
    DropOldest,
    /// The new ones are dropped, and an [`SubscriberEvent::Dropped`] stands where they would be.
    DropNewest,
    /// The subscription ends: what is in the mailbox is still yielded, and then an error.
    End,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Put {
    Kept,
    /// It is in, or not, and so many were dropped.
    Dropped(u64),
    /// It is not in, and nothing will be.
    Over,
}

/// Events in order, with room for a number of messages.
#[derive(Debug)]
pub(super) struct Queue {
    events: VecDeque<SubscriberEvent>,
    messages: usize,
    bytes: usize,
    capacity: usize,
    most_bytes: usize,
    overflow: Overflow,
    is_over: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize, most_bytes: usize, overflow: Overflow) -> Self {
        Self {
            events: VecDeque::new(),
            messages: 0,
            bytes: 0,
            capacity: capacity.max(1),
            most_bytes,
            overflow,
            is_over: false,
        }
    }

    pub(super) fn put(&mut self, message: Message) -> Put {
        if self.is_over {
            return Put::Over;
        }
        if self.has_room(&message) {
            self.push(message);
            return Put::Kept;
        }
        match self.overflow {
            Overflow::DropOldest => {
                let before = self.messages;
                while !self.has_room(&message) {
                    self.drop_oldest();
                }
                let dropped = before - self.messages;
                self.push(message);
                Put::Dropped(dropped as u64)
            }
            Overflow::DropNewest => {
                self.tell(SubscriberEvent::Dropped { count: 1 });
                Put::Dropped(1)
            }
            Overflow::End => {
                // From here on nothing goes in, so that what is in there has no hole.
                self.is_over = true;
                Put::Over
            }
        }
    }

    /// One message has room, however large it is.
    fn has_room(&self, message: &Message) -> bool {
        let fits = self.bytes.saturating_add(message.size()) <= self.most_bytes;
        self.messages == 0 || self.messages < self.capacity && fits
    }

    fn push(&mut self, message: Message) {
        self.messages += 1;
        self.bytes += message.size();
        self.events.push_back(SubscriberEvent::Message(message));
    }

    /// Puts a word in that is no message.
    pub(super) fn tell(&mut self, event: SubscriberEvent) {
        if self.is_over {
            return;
        }
        // Merges with none, of which there may be many.
        if let SubscriberEvent::Refused { .. } = event {
            return self.events.push_back(event);
        }
        let run = self.events.iter_mut().rev();
        let mut run = run.take_while(|event| !is_message(event));
        if !run.any(|word| merges(word, &event)) {
            self.events.push_back(event);
        }
    }

    /// The next one.
    pub(super) fn take(&mut self) -> Option<SubscriberEvent> {
        let event = self.pop();
        // A queue that was full once does not keep the room for ever.
        if self.events.is_empty() {
            self.events.shrink_to(64);
        }
        event
    }

    fn pop(&mut self) -> Option<SubscriberEvent> {
        let event = self.events.pop_front();
        if let Some(SubscriberEvent::Message(message)) = &event {
            self.messages -= 1;
            self.bytes -= message.size();
        }
        event
    }

    /// Gives the oldest message up. The words in front of it now stand beside those behind it.
    fn drop_oldest(&mut self) {
        let mut run = Run::default();
        while let Some(word) = self.pop() {
            if is_message(&word) {
                run.add(SubscriberEvent::Dropped { count: 1 });
                break;
            }
            run.add(word);
        }
        while self.events.front().is_some_and(|event| !is_message(event)) {
            self.pop().into_iter().for_each(|word| run.add(word));
        }
        // Back to the front, the first of them last.
        (run.words.into_iter().rev()).for_each(|word| self.events.push_front(word));
    }
}

/// Words with no message between them.
#[derive(Default)]
struct Run {
    words: Vec<SubscriberEvent>,
    /// Where those stand that merge: what was dropped, and a new connection. The others are many.
    merging: Vec<usize>,
}

impl Run {
    fn add(&mut self, event: SubscriberEvent) {
        if let SubscriberEvent::Refused { .. } = event {
            return self.words.push(event);
        }
        let words = &mut self.words;
        let merged = (self.merging.iter())
            .any(|at| words.get_mut(*at).is_some_and(|word| merges(word, &event)));
        if !merged {
            self.merging.push(words.len());
            words.push(event);
        }
    }
}

fn is_message(event: &SubscriberEvent) -> bool {
    matches!(event, SubscriberEvent::Message(_))
}

/// Makes a word part of another one, if they are of one kind.
fn merges(word: &mut SubscriberEvent, other: &SubscriberEvent) -> bool {
    match (word, other) {
        (SubscriberEvent::Dropped { count }, SubscriberEvent::Dropped { count: more }) => {
            *count += more
        }
        (SubscriberEvent::Resubscribed { gap }, SubscriberEvent::Resubscribed { gap: other }) => {
            *gap |= other
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u8) -> Message {
        Message {
            channel: b"c".to_vec(),
            pattern: None,
            payload: vec![number],
            is_sharded: false,
        }
    }

    /// In short: numbers are messages, `-n` were dropped, `g` a gap, `r` none.
    fn rest(queue: &mut Queue) -> String {
        let mut words = Vec::new();
        while let Some(event) = queue.take() {
            words.push(match event {
                SubscriberEvent::Message(message) => message.payload[0].to_string(),
                SubscriberEvent::Dropped { count } => format!("-{count}"),
                SubscriberEvent::Resubscribed { gap: true } => "g".to_owned(),
                SubscriberEvent::Resubscribed { gap: false } => "r".to_owned(),
                SubscriberEvent::Refused { .. } => "x".to_owned(),
            });
        }
        assert_eq!((queue.messages, queue.bytes), (0, 0));
        words.join(" ")
    }

    fn filled(overflow: Overflow, numbers: std::ops::Range<u8>) -> (Queue, Vec<Put>) {
        let mut queue = Queue::new(3, usize::MAX, overflow);
        let puts = numbers.map(|number| queue.put(message(number))).collect();
        (queue, puts)
    }

    #[test]
    fn the_oldest_make_room_and_it_is_told_where_they_were() {
        let (mut queue, puts) = filled(Overflow::DropOldest, 0..5);
        assert_eq!(puts[2..], [Put::Kept, Put::Dropped(1), Put::Dropped(1)]);
        assert_eq!(rest(&mut queue), "-2 2 3 4");
        let (mut queue, _) = filled(Overflow::DropOldest, 0..5);
        assert_eq!(queue.take(), Some(SubscriberEvent::Dropped { count: 2 }));
        queue.put(message(5));
        assert_eq!(rest(&mut queue), "-1 3 4 5");
    }

    #[test]
    fn the_newest_are_dropped_and_it_is_told_where_they_would_be() {
        let (mut queue, puts) = filled(Overflow::DropNewest, 0..5);
        assert_eq!(puts[2..], [Put::Kept, Put::Dropped(1), Put::Dropped(1)]);
        queue.take();
        queue.put(message(5));
        assert_eq!(rest(&mut queue), "1 2 -2 5");
    }

    #[test]
    fn the_subscription_ends_behind_what_was_in_time() {
        let (mut queue, puts) = filled(Overflow::End, 0..5);
        assert_eq!(puts[2..], [Put::Kept, Put::Over, Put::Over]);
        queue.take();
        assert_eq!(queue.put(message(5)), Put::Over);
        queue.tell(SubscriberEvent::Resubscribed { gap: true });
        assert_eq!(rest(&mut queue), "1 2");
    }

    #[test]
    fn words_are_merged_where_no_message_lies_between_them() {
        let mut queue = Queue::new(2, usize::MAX, Overflow::DropOldest);
        for number in 0..6 {
            queue.put(message(number));
            queue.tell(SubscriberEvent::Resubscribed { gap: number == 1 });
            queue.tell(SubscriberEvent::Resubscribed { gap: false });
        }
        // Of the four that were dropped one had a gap behind it.
        assert_eq!(rest(&mut queue), "-4 g 4 r 5 r");
    }

    /// As large as so many small ones.
    fn large(number: u8, times: usize) -> Message {
        let mut large = message(number);
        large.payload.resize(message(0).size() * (times - 1) + 1, 0);
        large
    }

    #[test]
    fn large_messages_have_less_room_and_one_always_has() {
        let room = message(0).size() * 3;
        let filled = |overflow, messages: [Message; 4]| {
            let mut queue = Queue::new(10, room, overflow);
            let puts = messages.map(|message| queue.put(message));
            (rest(&mut queue), puts)
        };
        let messages = || [message(0), message(1), large(2, 3), message(3)];
        let (told, puts) = filled(Overflow::DropOldest, messages());
        assert_eq!(told, "-3 3");
        assert_eq!(puts[2..], [Put::Dropped(2), Put::Dropped(1)]);
        // A small one that comes later still has room.
        let (told, _) = filled(Overflow::DropNewest, messages());
        assert_eq!(told, "0 1 -1 3");
        let (told, puts) = filled(Overflow::End, messages());
        assert_eq!(told, "0 1");
        assert_eq!(puts[2..], [Put::Over, Put::Over]);
        let huge = [large(0, 9), message(1), large(2, 9), large(3, 2)];
        let (told, _) = filled(Overflow::DropOldest, huge);
        assert_eq!(told, "-3 3");
    }

    #[test]
    fn many_refusals_in_front_of_a_full_mailbox_are_kept_and_cost_little() {
        let mut queue = Queue::new(2, usize::MAX, Overflow::DropOldest);
        queue.put(message(0));
        let name = || b"c".to_vec();
        for _ in 0..20_000 {
            queue.tell(SubscriberEvent::Refused {
                kind: super::super::SubscriptionKind::Channel,
                name: name(),
                error: crate::protocol::ServerError::new("NOPERM", "no"),
            });
        }
        for number in 1..50 {
            queue.put(message(number));
        }
        let told = rest(&mut queue);
        assert!(told.starts_with("-48 x x "), "{told}");
        assert!(told.ends_with(" x 48 49"), "{told}");
        assert_eq!(told.matches('x').count(), 20_000);
    }

    #[test]
    fn a_subscriber_that_takes_nothing_costs_bounded_memory() {
        let mut queue = Queue::new(10, usize::MAX, Overflow::DropOldest);
        for number in 0..10_000_u32 {
            queue.put(message(number as u8));
            queue.tell(SubscriberEvent::Resubscribed {
                gap: number % 3 == 0,
            });
            queue.tell(SubscriberEvent::Dropped { count: 1 });
        }
        assert!(queue.events.len() <= 10 + 2 * 11, "{}", queue.events.len());
    }
}
