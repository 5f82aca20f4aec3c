//! A case: what a mail becomes. Its reference, its states, and the moves between them that are legal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `TS-` and eight Crockford base32 characters, drawn at random: it must not tell how many cases there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Reference {
    /// A reference from 40 random bits; the caller draws them.
    pub fn from_bits(random: [u8; 5]) -> Self {
        let bits = random.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let tail: String = (0..8).rev().map(|i| CROCKFORD[(bits >> (5 * i) & 31) as usize] as char).collect();
        Reference(format!("TS-{tail}"))
    }

    /// Reads a reference as people type it: any case, with or without `TS-`, O for 0, I and L for 1. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let tail = upper.strip_prefix("TS-").unwrap_or(&upper);
        let tail: String = tail
            .chars()
            .map(|c| match c {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let valid = tail.len() == 8 && tail.bytes().all(|b| CROCKFORD.contains(&b));
        valid.then(|| Reference(format!("TS-{tail}")))
    }

    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseState {
    /// Nobody has looked at it.
    New,
    /// Somebody works on it.
    Open,
    /// Waits for the reporter or a third party.
    Waiting,
    /// Done.
    Closed,
}

/// What can happen to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseEvent {
    /// Staff take it up.
    Take,
    /// Staff wait for somebody.
    Wait,
    /// Staff are done.
    Close,
    /// Staff open it again.
    Reopen,
    /// The reporter wrote again.
    FollowUp,
}

/// A move that the table of states does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a case that is {from:?} has no move {event:?}")]
pub struct IllegalMove {
    /// Where it stood.
    pub from: CaseState,
    /// What was asked.
    pub event: CaseEvent,
}

impl CaseState {
    /// Every state, in the order of a case's life.
    pub const ALL: [CaseState; 4] = [CaseState::New, CaseState::Open, CaseState::Waiting, CaseState::Closed];

    /// The state after `event`, or why there is none.
    pub fn next(self, event: CaseEvent) -> Result<CaseState, IllegalMove> {
        use CaseEvent::*;
        use CaseState::*;
        match (self, event) {
            (New | Waiting, Take) => Ok(Open),
            (Open, Wait) => Ok(Waiting),
            (New | Open | Waiting, Close) => Ok(Closed),
            (Closed, Reopen) => Ok(Open),
            (New, FollowUp) => Ok(New),
            (Open | Waiting | Closed, FollowUp) => Ok(Open),
            (from, event) => Err(IllegalMove { from, event }),
        }
    }

    /// The word the store keeps.
    pub fn word(self) -> &'static str {
        match self {
            CaseState::New => "new",
            CaseState::Open => "open",
            CaseState::Waiting => "waiting",
            CaseState::Closed => "closed",
        }
    }

    /// The state of a stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_eight_random_characters_and_reads_back_however_it_is_typed() {
        let reference = Reference::from_bits([0xff, 0x00, 0xab, 0xcd, 0xef]);
        assert_eq!(reference.as_str().len(), 11);
        assert_eq!(Reference::parse(&reference.as_str().to_lowercase()), Some(reference.clone()));
        assert_eq!(Reference::parse("ts-oil00000").unwrap().as_str(), "TS-01100000");
        assert_eq!(Reference::parse("TS-1234567"), None);
        assert_eq!(Reference::parse("TS-1234567U"), None);
    }

    #[test]
    fn every_move_of_a_case_is_in_the_table() {
        use CaseEvent::*;
        use CaseState::*;
        let table: [(CaseState, [Option<CaseState>; 5]); 4] = [
            // Take, Wait, Close, Reopen, FollowUp
            (New, [Some(Open), None, Some(Closed), None, Some(New)]),
            (Open, [None, Some(Waiting), Some(Closed), None, Some(Open)]),
            (Waiting, [Some(Open), None, Some(Closed), None, Some(Open)]),
            (Closed, [None, None, None, Some(Open), Some(Open)]),
        ];
        for (from, row) in table {
            for (event, expected) in [Take, Wait, Close, Reopen, FollowUp].into_iter().zip(row) {
                assert_eq!(from.next(event).ok(), expected, "{from:?} {event:?}");
            }
            assert_eq!(CaseState::from_word(from.word()), Some(from));
        }
    }
}
