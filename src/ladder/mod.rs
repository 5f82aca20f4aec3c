//! Who is called next, and why: the ladder as a pure function. It never ends in silence (law 6): steps that reach nobody are passed
//! over at once, and after the last step it repeats that step.

pub mod flood;

use std::time::Duration;

use crate::config::{Ladder, Step};

/// One way to reach somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Empty for mail, else the name of a webhook.
    pub channel: String,
    /// The mail address, or the name of the webhook.
    pub to: String,
    /// The person behind it, where the config names one.
    pub person: Option<String>,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Where the ladder stands after this call: the next one is asked for with it.
    pub position: u32,
    /// Number of the step, from 0.
    pub step: usize,
    /// Whom to call, each once.
    pub targets: Vec<Target>,
    /// Until the next call.
    pub wait: Duration,
    /// Why these people, now: a sentence.
    pub why: String,
}

/// The next call of a ladder that stands at `position` (0: just fired). `reach` says whom a step reaches at this moment. `None` if no
/// step of the ladder reaches anybody now: then the caller must find somebody else.
pub fn next(ladder: &Ladder, position: u32, reach: &dyn Fn(&Step) -> Vec<Target>) -> Option<Call> {
    let (first, again) = place(ladder, position);
    let last = ladder.steps.len().checked_sub(1)?;
    // From where it stands upwards; at the end of the ladder back to what is nearest below.
    let order = (first..=last).chain((0..first).rev());
    for step in order {
        let targets = reached(&ladder.steps[step], reach);
        if targets.is_empty() {
            continue;
        }
        let here = step == first;
        let call = if here { again } else { 0 };
        let why = match () {
            () if !here => format!("step {}; step {} reaches nobody now", step + 1, first + 1),
            () if u64::from(position) >= calls(ladder) => format!("step {}, the last, again: nobody has acknowledged", step + 1),
            () if call > 0 => format!("step {}, call {}", step + 1, call + 1),
            () => format!("step {}", step + 1),
        };
        // Beyond its end, and where it fell back, the position only counts on: the next call looks from there again.
        let beyond = u64::from(position) >= calls(ladder) || step < first;
        let position = if beyond { position.saturating_add(1) } else { start(ladder, step).saturating_add(call + 1) };
        return Some(Call { position, step, targets, wait: wait(&ladder.steps[step], call), why });
    }
    None
}

/// Those of the last call once more: there is news, and the ladder does not climb for it.
pub fn same_again(ladder: &Ladder, position: u32, reach: &dyn Fn(&Step) -> Vec<Target>) -> Option<Call> {
    let call = next(ladder, position.saturating_sub(1), reach)?;
    Some(Call { position, why: format!("step {} once more: there is news", call.step + 1), ..call })
}

/// How often a step calls before the next has its turn.
fn calls_of(step: &Step) -> u32 {
    let again = step.again.map_or(step.wait, |again| again.max(Duration::from_secs(1)));
    let calls = step.wait.as_millis().div_ceil(again.as_millis().max(1));
    u32::try_from(calls).unwrap_or(u32::MAX).clamp(1, 10_000)
}

/// Until the next call after call number `call` of a step, from 0: the last one gives what is left of the step's time.
fn wait(step: &Step, call: u32) -> Duration {
    match step.again {
        Some(again) if call + 1 < calls_of(step) => again,
        Some(again) => step.wait.saturating_sub(again * call).max(Duration::from_secs(1)),
        None => step.wait,
    }
}

/// Calls of the whole ladder before it repeats itself.
fn calls(ladder: &Ladder) -> u64 {
    ladder.steps.iter().map(|step| u64::from(calls_of(step))).sum()
}

/// The position of a step's first call.
fn start(ladder: &Ladder, step: usize) -> u32 {
    ladder.steps[..step].iter().map(calls_of).fold(0, u32::saturating_add)
}

/// The step at a position, and which of its calls that is; beyond the end the last step, from its first call on.
fn place(ladder: &Ladder, position: u32) -> (usize, u32) {
    let mut left = position;
    for (n, step) in ladder.steps.iter().enumerate() {
        let calls = calls_of(step);
        if left < calls {
            return (n, left);
        }
        left -= calls;
    }
    let last = ladder.steps.len().saturating_sub(1);
    let calls = ladder.steps.last().map_or(1, calls_of);
    (last, left % calls)
}

fn reached(step: &Step, reach: &dyn Fn(&Step) -> Vec<Target>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for target in reach(step) {
        if !targets.iter().any(|known| known.channel == target.channel && known.to.eq_ignore_ascii_case(&target.to)) {
            targets.push(target);
        }
    }
    targets
}

#[cfg(test)]
mod tests;
