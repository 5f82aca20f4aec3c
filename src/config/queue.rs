//! Reading queues: where cases go.

use super::read::{Names, identifier, need_addresses};
use super::{Forward, Queue};
use crate::table::{Table, Word};

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
    let alert_lines = t.number("alert_lines", 0..=10).unwrap_or(0) as usize;
    if alert_lines > 0 && sealed {
        let help = "an alert of a sealed queue carries no word of the report".to_owned();
        t.problem(t.span_of("alert_lines"), "`alert_lines` is not for sealed queues", Some(help));
    }
    let ladder = t.text("ladder").map(|word| ladders.check(t, &word));
    t.finish();
    Queue { name: name.value, threshold, route_to, forward, sealed, first_lines, alert_lines, ladder }
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
