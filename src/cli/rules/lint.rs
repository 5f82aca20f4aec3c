//! `triaged rules lint`: what is allowed but hardly meant.

use super::{Answer, NO, OK, Policy, show};
use crate::rules::lint::lint as look;

pub(super) fn lint(policy: &Policy, strict: bool, json: bool) -> Answer {
    let remarks = look(&policy.rule_files()?, &policy.rules, policy.rules.world());
    for remark in &remarks {
        match (json, remark.line) {
            (true, _) => show::json(remark),
            (false, 0) => show::say(format!("{}: {}", remark.kind, remark.message)),
            (false, line) => show::say(format!("{}:{line}: {}: {}", remark.file, remark.kind, remark.message)),
        }
    }
    if !json {
        show::say(format!("{} remarks on {} rules", remarks.len(), policy.rules.len()));
    }
    Ok(if strict && !remarks.is_empty() { NO } else { OK })
}
