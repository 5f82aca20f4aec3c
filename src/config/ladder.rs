//! Ladders: whom an alert goes to, in what order, and for how long each step is given.

use std::time::Duration;

use super::address::is_address;
use super::read::{Names, bad_address, identifier};
use super::time::{Hours, read_hours};
use crate::table::{Table, Word};

/// `[[ladder]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Name used by queues.
    pub name: String,
    /// The steps, first to last; at least one. The last is repeated until somebody acknowledges (law 6).
    pub steps: Vec<Step>,
    /// Who has an alert must follow up within this time (a note, a move, an end), or it fires anew.
    pub follow_up: Duration,
    /// An alert is put off for at most this long.
    pub snooze: Duration,
    /// Other ladders at other hours; the first that fits the moment of firing is taken.
    pub instead: Vec<Instead>,
}

/// `[[ladder.step]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who is called; at least one.
    pub to: Vec<Who>,
    /// How long they have before the next step.
    pub wait: Duration,
    /// Meanwhile they are called again each time this has gone by.
    pub again: Option<Duration>,
}

/// Whom a step calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A mail address.
    Address(String),
    /// The name of a person, a rota or a webhook.
    Name(String),
}

/// `[[ladder.instead]]`: at these hours another ladder is climbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// The other ladder's name.
    pub ladder: String,
    /// When.
    pub hours: Hours,
}

const TEN_SECONDS: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);

/// All `[[ladder]]`, names unique. `names` are those of people, rotas and webhooks; `people` gathers the addresses.
pub(super) fn read_ladders(root: &Table<'_>, ladders: &mut Names, names: &Names, people: &mut Vec<Word>) -> Vec<Ladder> {
    let tables = root.tables("ladder");
    let mut others = Vec::new();
    let all = tables.iter().map(|t| read_ladder(t, ladders, names, people, &mut others)).collect();
    // A ladder may name one that stands below it.
    for (n, word) in others {
        ladders.check(&tables[n], &word);
    }
    tables.iter().for_each(Table::finish);
    all
}

fn read_ladder(
    t: &Table<'_>,
    ladders: &mut Names,
    names: &Names,
    people: &mut Vec<Word>,
    others: &mut Vec<(usize, Word)>,
) -> Ladder {
    let name = identifier(t, "name");
    let number = ladders.count();
    ladders.add(t, &name);
    let steps: Vec<Step> = t.tables("step").iter().map(|step| read_step(step, names, people)).collect();
    if t.lacks("step") {
        let help = "add [[ladder.step]] with `to` and `wait`: an alert must reach somebody".to_owned();
        t.problem(t.span(), format!("ladder `{}` has no step", name.value), Some(help));
    }
    let follow_up = t.duration_within("follow_up", Duration::from_secs(60)..=7 * DAY).unwrap_or(Duration::from_secs(7_200));
    let snooze = t.duration_within("snooze", Duration::from_secs(60)..=DAY).unwrap_or(Duration::from_secs(3_600));
    let mut read_instead = |t: &Table<'_>| {
        let ladder = t.need_text("ladder");
        others.push((number, ladder.clone()));
        let hours = read_hours(t);
        t.finish();
        Instead { ladder: ladder.value, hours }
    };
    let instead = t.tables("instead").iter().map(&mut read_instead).collect();
    Ladder { name: name.value, steps, follow_up, snooze, instead }
}

fn read_step(t: &Table<'_>, names: &Names, people: &mut Vec<Word>) -> Step {
    if t.lacks("to") {
        let help = "`to` needs at least one address, person, rota or webhook".to_owned();
        t.problem(t.span_of("to"), "this step reaches nobody", Some(help));
    }
    let to = t.texts("to").into_iter().map(|word| read_who(t, word, names, people)).collect();
    let wait = t.duration_within("wait", TEN_SECONDS..=DAY);
    if wait.is_none() && !t.has("wait") {
        t.missing("wait");
    }
    let wait = wait.unwrap_or(DAY);
    let again = t.duration_within("again", TEN_SECONDS..=DAY);
    if again.is_some_and(|again| again >= wait) {
        let help = "the next step follows after `wait` as it is".to_owned();
        t.problem(t.span_of("again"), "`again` must be shorter than `wait`", Some(help));
    }
    t.finish();
    Step { to, wait, again: again.filter(|again| *again < wait) }
}

fn read_who(t: &Table<'_>, word: Word, names: &Names, people: &mut Vec<Word>) -> Who {
    if !word.value.contains('@') {
        return Who::Name(names.check(t, &word));
    }
    if !is_address(&word.value) {
        bad_address(t, &word);
    }
    people.push(word.clone());
    Who::Address(word.value)
}
