//! What rules did on past mail, counted from the traces that were stored: which fire, which never do, which never matter.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Fired, RuleSet, Verdict, World};

/// What one rule did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Mails it fired on.
    pub fired: u64,
    /// Mails on which it was decisive: without its points its queue, which won, would not have passed.
    pub decisive: u64,
    /// Of those on which it voted for the queue that won: mails whose case staff then took elsewhere.
    pub disputed: u64,
    /// A shadow rule: mails that would have gone to its queue, a more urgent one than they went to, had it been in force.
    pub would_raise: u64,
    /// Mails on which a veto stopped it.
    pub vetoed: u64,
    /// It only records, or gives no points: it cannot be decisive.
    pub votes: bool,
    /// It stands in the rules in force.
    pub in_force: bool,
}

/// The tallies of all rules, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Mails counted.
    pub mails: u64,
    /// Mails that staff took from one queue to another: how many, by "from -> to".
    pub moved: BTreeMap<String, u64>,
    /// Mails per queue they were judged into.
    pub queues: BTreeMap<String, u64>,
    /// By rule id.
    pub rules: BTreeMap<String, Tally>,
}

impl Stats {
    /// No mail yet: every rule in force stands at nothing.
    pub fn new(rules: &RuleSet) -> Stats {
        let blank = |rule: &super::compile::Rule| Tally {
            votes: rule.vote.is_some() && !rule.shadow,
            in_force: true,
            ..Tally::default()
        };
        Stats { rules: rules.rules.iter().map(|rule| (rule.id.clone(), blank(rule))).collect(), ..Stats::default() }
    }

    /// Counts one mail's verdict, and the queue that staff took its case to, if they did.
    pub fn add(&mut self, verdict: &Verdict, moved_to: Option<&str>, world: &World) {
        self.mails += 1;
        *self.queues.entry(verdict.queue.clone()).or_default() += 1;
        let moved_to = moved_to.filter(|queue| *queue != verdict.queue);
        if let Some(queue) = moved_to {
            *self.moved.entry(format!("{} -> {queue}", verdict.queue)).or_default() += 1;
        }
        for fired in &verdict.trace.fired {
            let tally = self.rules.entry(fired.id.clone()).or_default();
            tally.fired += 1;
            tally.votes |= fired.queue.is_some() && !fired.shadow;
            tally.decisive += u64::from(decisive(verdict, fired));
            let voted = !fired.shadow && fired.points > 0 && fired.queue.as_ref() == Some(&verdict.queue);
            tally.disputed += u64::from(voted && moved_to.is_some());
            tally.would_raise += u64::from(fired.shadow && would_raise(verdict, fired, world));
        }
        for vetoed in &verdict.trace.vetoed {
            self.rules.entry(vetoed.id.clone()).or_default().vetoed += 1;
        }
    }

    /// Rules in force that never fired.
    pub fn never_fired(&self) -> Vec<&str> {
        self.those(|tally| tally.in_force && tally.fired == 0)
    }

    /// Rules in force that fired but never decided anything: others always passed the queue without them, or another queue won.
    pub fn always_overshadowed(&self) -> Vec<&str> {
        self.those(|tally| tally.in_force && tally.votes && tally.fired > 0 && tally.decisive == 0)
    }

    fn those(&self, wanted: impl Fn(&Tally) -> bool) -> Vec<&str> {
        self.rules.iter().filter(|(_, tally)| wanted(tally)).map(|(id, _)| id.as_str()).collect()
    }
}

/// Would this shadow rule have taken the mail to its own, more urgent queue?
fn would_raise(verdict: &Verdict, fired: &Fired, world: &World) -> bool {
    let place = |name: &str| world.queues.iter().position(|(queue, _)| queue == name);
    let Some((queue, at)) = fired.queue.as_deref().and_then(|queue| Some((queue, place(queue)?))) else { return false };
    let points = verdict.trace.sums.iter().find(|sum| sum.queue == queue).map_or(0, |sum| sum.points);
    let more_urgent = place(&verdict.queue).is_none_or(|now| at < now);
    more_urgent && points + fired.points >= world.queues[at].1
}

fn decisive(verdict: &Verdict, fired: &Fired) -> bool {
    let won = !fired.shadow && fired.queue.as_deref() == Some(verdict.queue.as_str());
    let sum = verdict.trace.sums.iter().find(|sum| Some(sum.queue.as_str()) == fired.queue.as_deref());
    won && sum.is_some_and(|sum| sum.points >= sum.threshold && sum.points - fired.points < sum.threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{Problems, Source};
    use crate::report::Report;
    use crate::rules::{Place, World};

    const RULES: &str = r#"
[[rule]]
id = "strong"
why = "s"
queue = "threat"
points = 100
any = ["bomb"]
[[rule]]
id = "weak"
why = "w"
queue = "threat"
points = 50
any = ["gun"]
none_near = { terms = ["film"], within = 2 }
[[rule]]
id = "tried"
why = "t"
queue = "threat"
points = 60
any = ["gun"]
shadow = true
none_near = { terms = ["film", "bomb"], within = 3 }
[[rule]]
id = "silent"
why = "x"
topics = ["t"]
any = ["never"]
"#;

    #[test]
    fn a_rule_is_decisive_only_where_its_queue_would_not_have_passed_without_it() {
        let queues = vec![("threat".to_owned(), 100), ("general".to_owned(), 100)];
        let world = World { queues, accounts: vec!["ca".to_owned()], answers: Vec::new() };
        let problems = Problems::default();
        let set = RuleSet::compile(&[Source::new("r.toml".to_owned(), RULES.to_owned())], &world, &problems);
        assert!(problems.is_empty());
        let place = Place { account: "ca".into(), default: "general".into(), floor: "general".into() };
        let mut stats = Stats::new(&set);
        for body in ["a bomb", "a bomb and a gun", "a gun", "a film gun"] {
            let mut report = Report::blank(crate::clock::from_millis(0));
            report.fields.body = body.to_owned();
            let moved = (body == "a bomb").then_some("general");
            stats.add(&set.judge(&report, &place), moved, set.world());
        }
        let tally = |id: &str| (stats.rules[id].fired, stats.rules[id].decisive, stats.rules[id].vetoed);
        assert_eq!((tally("strong"), tally("weak"), tally("silent")), ((2, 2, 0), (2, 0, 1), (0, 0, 0)));
        assert_eq!(stats.moved, BTreeMap::from([("threat -> general".to_owned(), 1)]));
        let disputed = |id: &str| (stats.rules[id].disputed, stats.rules[id].would_raise);
        assert_eq!((disputed("strong"), disputed("weak"), disputed("tried")), ((1, 0), (0, 0), (0, 1)));
        assert_eq!((stats.never_fired(), stats.always_overshadowed()), (vec!["silent"], vec!["weak"]));
        assert_eq!((stats.mails, stats.queues["threat"], stats.queues["general"]), (4, 2, 2));
    }
}
