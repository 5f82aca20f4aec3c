//! Floods: the first alert of a case goes out at once, but five thousand in ten minutes would drown the one that matters. What is
//! alike is bundled: one alert calls for the others, and a threat from somebody else still calls for itself.

use jiff::{SignedDuration, Timestamp};

/// Alerts are counted over this time.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// So many cases of one sender, or of one text, call for themselves.
const ALIKE: u32 = 3;
/// So many of a queue that only their mailbox's floor placed there.
const BY_FLOOR: u32 = 10;
/// So many of a queue in which rules found danger.
const FOUND: u32 = 30;

/// How many alerts fired within [`WINDOW`] before this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// From the same sender.
    pub sender: u32,
    /// With the same text.
    pub shape: u32,
    /// Of the same queue, and placed there alike: by rules, or by the mailbox's floor alone.
    pub queue: u32,
}

/// Why an alert does not call for itself; `None` if it does. `found`: rules found danger in it.
pub fn bundled(before: Before, found: bool) -> Option<&'static str> {
    match () {
        () if before.sender >= ALIKE => Some("one of many from the same sender"),
        () if before.shape >= ALIKE => Some("one of many with the same text"),
        () if !found && before.queue >= BY_FLOOR => Some("one of many in which no rule found danger"),
        () if before.queue >= FOUND => Some("one of very many"),
        () => None,
    }
}

/// When news of an alert that has called `calls` times, last at `called`, is told: at once where that was a while ago. Each further
/// call within a firing doubles the pause, up to a quarter of an hour, so that nobody can make a phone ring without end.
pub fn news_at(calls: u32, called: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let Some(called) = called else { return now };
    let pause = SignedDuration::from_mins(1 << calls.saturating_sub(1).min(4)).min(SignedDuration::from_mins(15));
    // A clock that was put back must not put news off for long.
    called.checked_add(pause).unwrap_or(now).clamp(now, now + pause)
}

/// What stays equal between mails that say the same: a hash of the letters of the first words. Zero for a mail without a letter,
/// which is like no other.
pub fn shape(subject: &str, body: &str) -> i64 {
    let letters = subject.chars().chain(body.chars()).filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut count = 0;
    for letter in letters.take(LETTERS) {
        hash = (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0000_0100_0000_01b3);
        count += 1;
    }
    // The sign bit goes: SQLite keeps signed numbers, and equality is all that counts.
    if count == 0 { 0 } else { (hash >> 1) as i64 | 1 }
}

/// Letters that make up the shape: a greeting and the first sentences.
const LETTERS: usize = 400;

/// How many references one call lists.
pub const LISTED: u32 = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_first_alerts_of_a_sender_call_and_the_others_are_bundled() {
        let of_sender = |sender| Before { sender, shape: 0, queue: sender };
        assert_eq!([0, 1, 2].map(|n| bundled(of_sender(n), true)), [None; 3]);
        assert!(bundled(of_sender(3), true).is_some());
    }

    #[test]
    fn a_threat_from_somebody_else_calls_for_itself_in_the_middle_of_a_flood() {
        // Five thousand came before, but none of its sender or text; rules found danger in few of them.
        assert_eq!(bundled(Before { sender: 0, shape: 0, queue: 3 }, true), None);
        assert!(bundled(Before { sender: 0, shape: 0, queue: 5_000 }, false).is_some());
        assert!(bundled(Before { sender: 0, shape: 0, queue: FOUND }, true).is_some());
    }

    #[test]
    fn news_is_told_at_once_and_then_ever_less_often() {
        assert_eq!(news_at(0, None, at(100)), at(100));
        assert_eq!(news_at(1, Some(at(0)), at(100)), at(100), "a minute has gone by");
        assert_eq!(news_at(1, Some(at(90)), at(100)), at(150));
        assert_eq!(news_at(3, Some(at(90)), at(100)), at(90 + 240));
        assert_eq!(news_at(30, Some(at(100)), at(100)), at(100 + 900));
        assert_eq!(news_at(1, Some(at(9_999)), at(100)), at(160), "a clock that was put back");
    }

    #[test]
    fn mails_that_say_the_same_have_one_shape() {
        assert_eq!(shape("Bomb!", "I will, 1234"), shape("BOMB", "i will 99"));
        assert_ne!(shape("Bomb", "I will"), shape("Bomb", "I shall"));
        assert_eq!(shape("", "123 !"), 0);
        assert!(shape("a", "") > 0);
    }
}
