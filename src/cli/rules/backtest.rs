//! `triaged rules backtest`: candidate rules on the mail of the store, before they are live.

use clap::Args;

use super::{Answer, Failure, NO, OK, Policy, progress, show};
use crate::backtest::{self, Change, Move, Outcome, Span};
use crate::clock::{Clock, Timestamp};
use crate::store::{Store, replay};

/// What `backtest` is asked.
#[derive(Args)]
pub(super) struct Options {
    /// Only mail stored since then: a date such as 2026-10-01 (UTC), or a number of days such as 30d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// At most so many mails, the oldest first
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// List at most so many moves; lost ones are always listed
    #[arg(long, value_name = "N", default_value_t = 50)]
    moves: usize,
}

pub(super) fn backtest(policy: &Policy, store: &Store, options: &Options, json: bool) -> Answer {
    let span = Span { since: since(options.since.as_deref())?, most: options.limit.unwrap_or(u64::MAX) };
    let all = store.read_blocking(|view| replay::count(view, span.since))?.min(span.most);
    let progress = progress::Progress::start(all);
    let outcome =
        backtest::run(store, policy, span, &|done| progress.at(done)).map_err(|e| Failure::Misuse(format!("error: {e:#}")))?;
    progress.end();
    if json {
        show::json(&outcome);
    } else {
        tell(&outcome, options.moves);
    }
    Ok(if outcome.lost() == 0 { OK } else { NO })
}

/// The moment that `--since` names; everything without it.
pub(super) fn since(typed: Option<&str>) -> Result<Timestamp, Failure> {
    let Some(typed) = typed else { return Ok(crate::clock::from_millis(0)) };
    let days = typed.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let ago = days.map(|days| crate::clock::from_millis(Clock::System.now().as_millisecond() - i64::from(days) * 86_400_000));
    let midnight = || format!("{typed}T00:00:00Z").parse::<Timestamp>().ok();
    ago.or_else(midnight).or_else(|| typed.parse().ok()).ok_or_else(|| {
        Failure::Misuse(format!(
            "error: \"{typed}\" is no moment: write a date such as 2026-10-01, or a number of days such as 30d"
        ))
    })
}

fn tell(outcome: &Outcome, most: usize) {
    let demotions = outcome.moves.iter().filter(|each| each.demotion).count();
    let (mails, moves, lost) = (outcome.mails, outcome.moves.len(), outcome.lost());
    show::say(format!("{mails} stored mails judged again: {moves} would move, {demotions} of them to a less urgent queue."));
    if outcome.agrees_with_staff + outcome.disagrees_with_staff > 0 {
        let (yes, all) = (outcome.agrees_with_staff, outcome.agrees_with_staff + outcome.disagrees_with_staff);
        show::say(format!("Of {all} mails that staff moved, these rules send {yes} where staff did."));
    }
    for (pair, count) in &outcome.pairs {
        show::say(format!("  {count:>6}  {pair}"));
    }
    let rows = outcome.moves.iter().take(most.max(lost)).map(row).collect();
    if moves > 0 {
        show::say("");
        show::table(&["case", "from", "to", "", "no longer", "new"], rows, "");
    }
    if moves > most.max(lost) {
        show::say(format!("({} more: --moves N lists N)", moves - most.max(lost)));
    }
    words("Topics", &outcome.topics);
    words("Flags", &outcome.flags);
    if !outcome.unreadable.is_empty() {
        show::complain(&format!("warning: {} stored mails cannot be read and were left out", outcome.unreadable.len()));
    }
    if lost > 0 {
        show::complain(&format!(
            "{lost} verdicts of a queue that wakes somebody or is sealed would be lost: these rules must not go live so"
        ));
    }
}

fn row(each: &Move) -> Vec<String> {
    let mark = match (each.lost, each.demotion) {
        (true, _) => "LOST",
        (false, true) => "demoted",
        (false, false) => "raised",
    };
    let list = |ids: &[String]| if ids.is_empty() { "-".to_owned() } else { ids.join(", ") };
    let from = if each.by_staff { format!("{} (staff)", each.from) } else { each.from.clone() };
    vec![each.reference.to_string(), from, each.to.clone(), mark.into(), list(&each.silent), list(&each.new)]
}

fn words(what: &str, changes: &std::collections::BTreeMap<String, Change>) {
    for (word, change) in changes {
        show::say(format!("{what}: {word}: {} mails more, {} fewer", change.gained, change.lost));
    }
}
