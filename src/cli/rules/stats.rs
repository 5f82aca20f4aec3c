//! `triaged rules stats`: what each rule did on the mail of the store, from the traces that were stored with it.

use clap::Args;

use super::{Answer, OK, Policy, backtest, show};
use crate::rules::Verdict;
use crate::rules::stats::Stats;
use crate::store::{Store, replay};

/// Verdicts read at a time.
const PAGE: u32 = 1024;

/// What `stats` is asked.
#[derive(Args)]
pub(super) struct Options {
    /// Only mail stored since then: a date such as 2026-10-01 (UTC), or a number of days such as 30d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
}

pub(super) fn stats(policy: &Policy, store: &Store, options: &Options, json: bool) -> Answer {
    let since = backtest::since(options.since.as_deref())?;
    let mut stats = Stats::new(&policy.rules);
    let (mut after, mut unreadable) = (0, 0);
    loop {
        let page = store.read_blocking(|view| replay::page(view, since, after, PAGE, false))?;
        let Some(last) = page.last() else { break };
        after = last.message;
        for past in &page {
            match serde_json::from_str::<Verdict>(&past.verdict) {
                Ok(verdict) => stats.add(&verdict, past.moved_to.as_deref(), policy.rules.world()),
                Err(_) => unreadable += 1,
            }
        }
    }
    if unreadable > 0 {
        show::complain(&format!("warning: the verdicts of {unreadable} stored mails cannot be read and were left out"));
    }
    if json {
        show::json(&stats)
    } else {
        tell(&stats)
    }
    Ok(OK)
}

fn tell(stats: &Stats) {
    show::say(format!("{} stored mails.", stats.mails));
    for (queue, count) in &stats.queues {
        show::say(format!("  {count:>6}  {queue}"));
    }
    for (pair, count) in &stats.moved {
        show::say(format!("  {count:>6}  moved by staff: {pair}"));
    }
    let mut fired: Vec<_> = stats.rules.iter().filter(|(_, tally)| tally.fired + tally.vetoed > 0).collect();
    fired.sort_by(|a, b| b.1.fired.cmp(&a.1.fired).then(a.0.cmp(b.0)));
    let row = |(id, tally): (&String, &crate::rules::stats::Tally)| {
        let gone = if tally.in_force { "" } else { "no longer in force" };
        let decisive = if tally.votes { tally.decisive.to_string() } else { "-".to_owned() };
        let raised = if tally.would_raise > 0 { format!("shadow: would raise {}", tally.would_raise) } else { String::new() };
        let notes = [gone, raised.as_str()].into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ");
        let (fired, disputed, vetoed) = (tally.fired.to_string(), tally.disputed.to_string(), tally.vetoed.to_string());
        vec![id.clone(), fired, decisive, disputed, vetoed, notes]
    };
    show::say("");
    show::table(&["rule", "fired", "decisive", "disputed", "vetoed", ""], fired.into_iter().map(row).collect(), "no rule fired");
    for (what, ids) in [("Never fired", stats.never_fired()), ("Fired, but never decided anything", stats.always_overshadowed())]
    {
        if !ids.is_empty() {
            show::say(format!("\n{what}: {}", ids.join(", ")));
        }
    }
}
