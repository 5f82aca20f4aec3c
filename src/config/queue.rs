//! Reading queues and ladders: where cases go, and who is woken.

use super::read::{Names, identifier, need_addresses};
use super::{Forward, Ladder, Queue, Step};
use crate::table::{Table, Word};
use std::time::Duration;

/// All `[[ladder]]`, names unique.
pub(super) fn read_ladders(root: &Table<'_>, names: &mut Names, people: &mut Vec<Word>) -> Vec<Ladder> {
    root.tables("ladder").iter().map(|t| read_ladder(t, names, people)).collect()
}

fn read_ladder(t: &Table<'_>, names: &mut Names, people: &mut Vec<Word>) -> Ladder {
    let name = identifier(t, "name");
    names.add(t, &name);
    let steps: Vec<Step> = t.tables("step").iter().map(|step| read_step(step, people)).collect();
    if t.lacks("step") {
        let help = "add [[ladder.step]] with `to` and `wait`: an alert must reach somebody".to_owned();
        t.problem(t.span(), format!("ladder `{}` has no step", name.value), Some(help));
    }
    t.finish();
    Ladder { name: name.value, steps }
}

fn read_step(t: &Table<'_>, people: &mut Vec<Word>) -> Step {
    let to = need_addresses(t, "to", "this step reaches nobody");
    let wait = t.duration_within("wait", Duration::from_secs(10)..=Duration::from_secs(86_400));
    if wait.is_none() && !t.has("wait") {
        t.missing("wait");
    }
    t.finish();
    let step = Step { to: to.iter().map(|word| word.value.clone()).collect(), wait: wait.unwrap_or_default() };
    people.extend(to);
    step
}

/// All `[[queue]]`, most urgent first, names unique; `routes` gathers every address they forward to.
pub(super) fn read_queues(root: &Table<'_>, names: &mut Names, ladders: &Names, routes: &mut Vec<Word>) -> Vec<Queue> {
    let tables = root.tables("queue");
    if root.lacks("queue") {
        root.problem_whole("no [[queue]] in the file: there must be at least one");
    }
    tables.iter().map(|t| read_queue(t, names, ladders, routes)).collect()
}

fn read_queue(t: &Table<'_>, names: &mut Names, ladders: &Names, routes: &mut Vec<Word>) -> Queue {
    let name = identifier(t, "name");
    if name.value == "default" {
        let help = "answer templates of that name stand for every queue without its own".to_owned();
        t.problem(name.span.clone(), "no queue can be called `default`", Some(help));
    }
    names.add(t, &name);
    let threshold = t.number("threshold", 1..=1_000_000).unwrap_or(100);
    let to = need_addresses(t, "route_to", &format!("nobody gets the mail of queue `{}`", name.value));
    let route_to = to.iter().map(|word| word.value.clone()).collect();
    routes.extend(to);
    let sealed = t.flag("sealed").unwrap_or(false);
    let forward = read_forward(t, sealed);
    let first_lines = t.number("first_lines", 0..=20).unwrap_or(0) as usize;
    if first_lines > 0 && !sealed {
        let help = "use forward = \"text\" or \"original\" where nothing is sealed".to_owned();
        t.problem(t.span_of("first_lines"), "`first_lines` is for sealed queues", Some(help));
    }
    let ladder = t.text("ladder").map(|word| ladders.check(t, &word));
    t.finish();
    Queue { name: name.value, threshold, route_to, forward, sealed, first_lines, ladder }
}

/// A sealed queue's attachments never leave the store (law 5), so it cannot forward the mail as it is.
fn read_forward(t: &Table<'_>, sealed: bool) -> Forward {
    let choices = [("original", Forward::Original), ("text", Forward::Text), ("manifest", Forward::Manifest)];
    let forward = t.choice("forward", &choices);
    if sealed && forward.is_some_and(|forward| forward != Forward::Manifest) {
        let help = "use \"manifest\": what is attached to a mail of a sealed queue never leaves the store".to_owned();
        t.problem(t.span_of("forward"), "a sealed queue forwards nothing but the manifest", Some(help));
    }
    forward.unwrap_or(if sealed { Forward::Manifest } else { Forward::Original })
}
