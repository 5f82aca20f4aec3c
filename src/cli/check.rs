//! `triaged check`: every problem of config, rules and templates at once; with `--live`, a login to everything.

use std::path::Path;

use serde::Serialize;

use super::{Answer, NO, OK, show};
use crate::mailbox::Mailbox;
use crate::policy::Policy;
use crate::send::Sender;

/// One row of `check --live`.
#[derive(Serialize)]
struct Row {
    what: String,
    ok: bool,
    detail: String,
}

pub(super) fn check(config: Option<&Path>, live: bool, json: bool) -> Answer {
    let path = super::config_path(config)?;
    let policy = super::policy(config)?;
    for warning in &policy.warnings {
        show::complain(&format!("warning: {warning}"));
    }
    if !live {
        let said = Said {
            ok: true,
            accounts: policy.config.accounts.len(),
            queues: policy.config.queues.len(),
            rules: policy.rules.len(),
            rules_hash: policy.rules.hash(),
        };
        if json {
            show::json(&said);
        } else {
            show::say(format!(
                "{}: all well. {} accounts, {} queues, {} rules (rule set {})",
                path.display(),
                said.accounts,
                said.queues,
                said.rules,
                show::short(said.rules_hash, 13)
            ));
        }
        return Ok(OK);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = runtime.block_on(every(&policy));
    let all_well = rows.iter().all(|row| row.ok);
    if json {
        rows.iter().for_each(show::json);
    } else {
        let cells =
            rows.iter().map(|row| vec![row.what.clone(), if row.ok { "ok" } else { "FAILS" }.to_owned(), row.detail.clone()]);
        show::table(&["what", "", "detail"], cells.collect(), "nothing to log in to");
    }
    Ok(if all_well { OK } else { NO })
}

#[derive(Serialize)]
struct Said<'a> {
    ok: bool,
    accounts: usize,
    queues: usize,
    rules: usize,
    rules_hash: &'a str,
}

/// Logs in to every mailbox and to the mail server, all at once.
async fn every(policy: &Policy) -> Vec<Row> {
    let mailboxes = policy.config.accounts.iter().map(|account| async {
        let mut mailbox = Mailbox::new(account, &policy.config.limits);
        let what = format!("mailbox {}", account.id);
        match mailbox.open().await {
            Ok(folders) => {
                let names = folders.iter().map(|f| if f.junk { format!("{} (junk)", f.name) } else { f.name.clone() });
                let detail = format!("reads {}", names.collect::<Vec<_>>().join(", "));
                mailbox.close().await;
                Row { what, ok: true, detail }
            }
            Err(trouble) => Row { what, ok: false, detail: trouble.to_string() },
        }
    });
    let mut rows = futures_util::future::join_all(mailboxes).await;
    let mut sender = Sender::new(&policy.config.send);
    let (ok, detail) = match sender.probe().await {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    sender.close().await;
    rows.push(Row { what: "sending".into(), ok, detail });
    rows
}
