//! Signs that are weighed: what else a mail speaks of, each worth a few points for a queue or against it.

use super::Hit;
use super::hits::Found;
use super::judge::Mail;
use super::terms::GroupId;

/// The signs of one rule.
#[derive(Debug, Default)]
pub struct Signs {
    /// In the order written, which does not matter.
    pub all: Vec<Sign>,
    /// Their points together are never fewer: one threshold of the queue taken away. So a queue with twice its threshold
    /// passes, whatever else the mail speaks of.
    pub least: i64,
}

/// One line of `weigh`.
#[derive(Debug)]
pub struct Sign {
    /// As the operator wrote it, for the trace.
    pub name: String,
    /// Its words, of all languages: one of them is enough.
    pub words: GroupId,
    /// What it counts, below zero against the queue.
    pub points: i64,
}

impl Signs {
    /// The rule weighs nothing.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The most that they can give.
    pub fn most(&self) -> i64 {
        self.all.iter().map(|sign| sign.points.max(0)).sum()
    }

    /// The points of the signs that are there in some fields, and a place of each, the weightiest first; `None` without any.
    pub fn weigh(&self, mail: &Mail<'_>, fields: u8) -> Option<(i64, Vec<Hit>)> {
        let found = self.all.iter().filter_map(|sign| Some((sign, mail.first(sign.words, fields)?)));
        let mut signs: Vec<(&Sign, Found)> = found.collect();
        signs.sort_by(|(a, _), (b, _)| b.points.abs().cmp(&a.points.abs()).then_with(|| a.name.cmp(&b.name)));
        let points: i64 = signs.iter().map(|(sign, _)| sign.points).sum();
        let hits: Vec<Hit> = signs.into_iter().map(|(sign, place)| shown(sign, mail.hit(&place))).collect();
        (!hits.is_empty()).then(|| (points.max(self.least), hits))
    }
}

/// A hit that says which sign it is of, and what that counts.
fn shown(sign: &Sign, hit: Hit) -> Hit {
    Hit { term: format!("{:+} {}: {}", sign.points, sign.name, hit.term), ..hit }
}
