//! One call: who is reached at this moment, and a row of the outbox for each way to them; and what others are told afterwards.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Phone, ladder_named};
use crate::case::Reference;
use crate::clock::Timestamp;
use crate::config::{Config, Step, Who, base};
use crate::ladder::{self, Call, Target, flood};
use crate::oncall;
use crate::outbox::{Kind, Parcel};
use crate::reply::alert::{self, About, Alert, Envelope};
use crate::reply::token;
use crate::reply::webhook::{self, Event};
use crate::rules::Verdict;
use crate::store::alerts::{self, AlertRow, Firing};
use crate::store::cases::{self, CaseRow, MessageRow};
use crate::store::outbox::{self, NewRow};
use crate::store::{Result, Tx, audit};

/// Numbers of mails of one round: more people than any step has.
const ROUND: u64 = 1_000;
/// Notices are numbered far beyond calls.
const NOTICES: u64 = 1 << 40;

/// What was called, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The case's reference, or the alert's own.
    pub reference: String,
    /// How many ways to people were taken.
    pub ways: usize,
    /// Why these, now.
    pub why: String,
}

/// The alert's next call, or, where there is news, the last one once more.
pub fn call(tx: &Tx<'_>, phone: &Phone<'_>, firing: &Firing) -> Result<Called> {
    let (call, due) = decide(tx, phone, firing)?;
    let matter = Matter::of(tx, firing.case_id)?;
    let (others, untold, told) = alerts::led(&tx.view(), firing.id, flood::LISTED)?;
    let mut ways = 0;
    for (n, target) in call.targets.iter().enumerate() {
        if outbox::call_waits(&tx.view(), firing.id, &target.channel, &target.to)? {
            // Their server is down: one call that waits is enough, it goes out first when the server is back.
            continue;
        }
        let who = target.person.as_deref().unwrap_or(&target.to);
        let link = link(phone, firing, who);
        let whys = matter.whys();
        let alert = Alert {
            reference: &firing.reference,
            about: matter.about(&whys, firing),
            call: firing.round + 1,
            fired: firing.fired,
            words: &firing.words,
            again: firing.again,
            others: &others,
            others_in_all: untold + told,
            step: &call.why,
            link: link.as_deref(),
            now: phone.now,
        };
        add_call(tx, phone, firing, target, &alert, u64::from(firing.round) * ROUND + n as u64, &matter)?;
        ways += 1;
    }
    alerts::called(tx, firing, call.position, due, phone.now)?;
    let detail = format!("call {}: {} to {} ways", firing.round + 1, call.why, call.targets.len());
    audit::add(tx, phone.now, "daemon", "alert", firing.case_id, &detail)?;
    Ok(Called { reference: firing.reference.clone(), ways, why: call.why })
}

/// Whom to call now, and when the ladder calls next.
fn decide(tx: &Tx<'_>, phone: &Phone<'_>, firing: &Firing) -> Result<(Call, Timestamp)> {
    let reach = |step: &Step| reach(phone, step);
    let ladder = ladder_named(phone.config, &firing.ladder);
    let early = firing.early.is_some() && firing.due > phone.now && firing.step > 0;
    let call = ladder.and_then(|ladder| match early {
        true => ladder::same_again(ladder, firing.step, &reach),
        false => ladder::next(ladder, firing.step, &reach),
    });
    let call = match call {
        Some(call) => call,
        None => nobody(tx, phone, firing)?,
    };
    let wait = SignedDuration::try_from(call.wait).unwrap_or(SignedDuration::from_mins(5));
    Ok((call, if early { firing.due } else { phone.now + wait }))
}

/// No step reaches anybody now: everybody whom the ladder could ever name is called, else the queue's team, else every team.
fn nobody(tx: &Tx<'_>, phone: &Phone<'_>, firing: &Firing) -> Result<Call> {
    let config = phone.config;
    let mut targets: Vec<Target> =
        ladder_named(config, &firing.ladder).map_or_else(Vec::new, |ladder| everybody(config, &ladder.steps));
    if targets.is_empty() {
        let queue = firing.case_id.map(|case| cases::get(&tx.view(), case)).transpose()?.map(|case| case.queue);
        let team =
            queue.and_then(|queue| config.queue(&queue)).into_iter().chain(&config.queues).flat_map(|queue| &queue.route_to);
        targets = team.map(|address| mail(address, None)).collect::<BTreeSet<_>>().into_iter().collect();
    }
    tracing::error!(case = firing.reference, "no step of the ladder reaches anybody now: everybody on it is called");
    let why = "no step of the ladder reaches anybody now: everybody on it is called".to_owned();
    let wait = std::time::Duration::from_secs(300);
    Ok(Call { position: firing.step.saturating_add(1), step: 0, targets, wait, why })
}

fn add_call(
    tx: &Tx<'_>,
    phone: &Phone<'_>,
    firing: &Firing,
    target: &Target,
    alert: &Alert<'_>,
    seq: u64,
    matter: &Matter,
) -> Result<()> {
    let name = format!("alert/{}/{}/{}/{}", firing.id, firing.round, target.channel, target.to);
    let (mail_from, raw) = match phone.config.webhook(&target.channel) {
        Some(hook) => (None, webhook::payload(&hook.kind, Event::Trigger, alert)),
        None => {
            let id = message_id(phone, &firing.reference, Kind::Alert, seq);
            let reply_to = matter.reply_to(phone.config);
            let Parcel { mail_from, raw, .. } =
                alert::build(alert, &envelope(phone, &target.to, &id, reply_to.as_deref(), &phone.config.sender()));
            (mail_from, raw)
        }
    };
    add(tx, phone, &name, firing.case_id, firing.id, Kind::Alert, target, mail_from.as_deref(), &raw)
}

/// What the others are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody has it.
    Taken,
    /// It is over.
    Over,
}

/// Tells everybody whom the alert called, but `who` themselves.
pub fn tell_others(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, ending: Ending, words: &str) -> Result<()> {
    let own: Vec<String> = ways_to(phone.config, who).into_iter().map(|target| base(&target.to)).collect();
    for (channel, to) in alerts::called_people(&tx.view(), alert.id)? {
        if channel.is_empty() && own.contains(&base(&to)) {
            continue;
        }
        notify(tx, phone, alert, &Target { channel, to, person: None }, ending, words)?;
    }
    Ok(())
}

/// Tells who has an alert, by every way to them. False if there is none: then nobody was told.
pub fn inform_holder(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, words: &str) -> Result<bool> {
    let ways = alert.acknowledged_by.as_deref().map_or_else(Vec::new, |who| ways_to(phone.config, who));
    for target in &ways {
        notify(tx, phone, alert, target, Ending::Taken, words)?;
    }
    Ok(!ways.is_empty())
}

fn notify(tx: &Tx<'_>, phone: &Phone<'_>, row: &AlertRow, target: &Target, ending: Ending, words: &str) -> Result<()> {
    let matter = Matter::of(tx, row.case_id)?;
    let about = matter.plainly(&row.words);
    let number = outbox::next_number(&tx.view())?;
    let (mail_from, raw) = match phone.config.webhook(&target.channel) {
        Some(hook) => {
            let event = if ending == Ending::Taken { Event::Acknowledge { words } } else { Event::Resolve { words } };
            let (fired, now, others) = (row.fired, phone.now, &[]);
            let alert = Alert {
                reference: &row.case,
                about,
                call: row.round,
                fired,
                words,
                again: 0,
                others,
                others_in_all: 0,
                step: "",
                link: None,
                now,
            };
            (None, webhook::payload(&hook.kind, event, &alert))
        }
        // A webhook that the config has no more has nobody to tell.
        None if !target.channel.is_empty() => return Ok(()),
        None => {
            let id = message_id(phone, &row.case, Kind::Notice, NOTICES + number);
            let reply_to = matter.reply_to(phone.config);
            let parcel = alert::notice(
                &row.case,
                &about,
                words,
                &envelope(phone, &target.to, &id, reply_to.as_deref(), &phone.config.sender()),
            );
            (parcel.mail_from, parcel.raw)
        }
    };
    let name = format!("notice/{}/{number}/{}/{}", row.id, target.channel, target.to);
    add(tx, phone, &name, row.case_id, row.id, Kind::Notice, target, mail_from.as_deref(), &raw)
}

#[allow(clippy::too_many_arguments)] // one row, told field by field
fn add(
    tx: &Tx<'_>,
    phone: &Phone<'_>,
    name: &str,
    case_id: Option<i64>,
    alert: i64,
    kind: Kind,
    target: &Target,
    mail_from: Option<&str>,
    raw: &[u8],
) -> Result<()> {
    let (channel, rcpt_to) = (target.channel.as_str(), target.to.as_str());
    let row = NewRow { idempotent: name, case_id, alert: Some(alert), kind, channel, mail_from, rcpt_to, raw, due: phone.now };
    outbox::add(tx, &row, phone.now)?;
    Ok(())
}

fn envelope<'a>(phone: &Phone<'a>, to: &'a str, id: &'a str, reply_to: Option<&'a str>, from: &'a str) -> Envelope<'a> {
    Envelope { identity: &phone.config.identity, from, reply_to, to, message_id: id, now: phone.now }
}

fn message_id(phone: &Phone<'_>, reference: &str, kind: Kind, seq: u64) -> String {
    let domain = &phone.config.identity.domain;
    // What the store keeps as a reference is one.
    Reference::parse(reference).map_or_else(String::new, |reference| token::message_id(&phone.key, domain, &reference, kind, seq))
}

/// The page to acknowledge on, where people can reach one.
fn link(phone: &Phone<'_>, firing: &Firing, who: &str) -> Option<String> {
    let url = phone.config.http.as_ref()?.url.as_ref()?;
    Some(format!("{url}/ack/{}", token::link(&phone.key, &firing.reference, firing.fired.as_millisecond(), who)))
}

/// Whom a step reaches at this moment.
fn reach(phone: &Phone<'_>, step: &Step) -> Vec<Target> {
    let ways = step.to.iter().flat_map(|who| match who {
        Who::Address(address) => vec![mail(address, None)],
        Who::Name(name) => named(phone.config, name, Some(phone.now)),
    });
    ways.collect()
}

/// Whom these steps could ever reach.
fn everybody(config: &Config, steps: &[Step]) -> Vec<Target> {
    let ways = steps.iter().flat_map(|step| &step.to).flat_map(|who| match who {
        Who::Address(address) => vec![mail(address, None)],
        Who::Name(name) => named(config, name, None),
    });
    ways.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A person, a webhook, or who is on call in a rota at that moment (`None`: everybody who ever is).
fn named(config: &Config, name: &str, at: Option<Timestamp>) -> Vec<Target> {
    if let Some(hook) = config.webhook(name) {
        return vec![Target { channel: hook.name.clone(), to: hook.name.clone(), person: None }];
    }
    let Some(rota) = config.rotas.iter().find(|rota| rota.name == name) else { return person(config, name) };
    let names: BTreeSet<&str> = match at {
        Some(at) => oncall::on_call(rota, at).into_iter().collect(),
        None => {
            let (layers, events) = (rota.layers.iter().flat_map(|l| &l.people), rota.calendar.iter().map(|shift| &shift.person));
            layers.chain(events).chain(rota.overrides.iter().map(|o| &o.person)).map(String::as_str).collect()
        }
    };
    names.into_iter().flat_map(|name| person(config, name)).collect()
}

/// Every way to a person of the config.
fn person(config: &Config, name: &str) -> Vec<Target> {
    let Some(person) = config.people.iter().find(|person| person.name == name) else { return Vec::new() };
    let mails = person.addresses.iter().map(|address| mail(address, Some(name)));
    let hook = |hook: &String| Target { channel: hook.clone(), to: hook.clone(), person: Some(name.to_owned()) };
    mails.chain(person.webhooks.iter().map(hook)).collect()
}

/// Every way to a person, by their name in the config or their address; none for somebody unknown.
pub fn ways_to(config: &Config, who: &str) -> Vec<Target> {
    match crate::config::is_address(who) {
        true => vec![mail(who, None)],
        false => person(config, who),
    }
}

fn mail(address: &str, person: Option<&str>) -> Target {
    Target { channel: String::new(), to: address.to_owned(), person: person.map(str::to_owned) }
}

/// What an alert is about, from the store.
struct Matter {
    case: Option<CaseRow>,
    message: Option<MessageRow>,
    verdict: Option<Verdict>,
}

impl Matter {
    fn of(tx: &Tx<'_>, case_id: Option<i64>) -> Result<Matter> {
        let case = case_id.map(|id| cases::get(&tx.view(), id)).transpose()?;
        let message = match &case {
            Some(case) => cases::telling(&tx.view(), case.id, &case.queue)?,
            None => None,
        };
        let verdict = message.as_ref().and_then(|message| serde_json::from_value(message.verdict.clone()).ok());
        Ok(Matter { case, message, verdict })
    }

    fn whys(&self) -> Vec<&str> {
        self.verdict.iter().flat_map(Verdict::reasons).map(|fired| fired.why.as_str()).collect()
    }

    fn about<'a>(&'a self, why: &'a [&'a str], firing: &'a Firing) -> About<'a> {
        match &self.case {
            None => About::Ourselves { what: &firing.words },
            Some(case) => About::Case {
                queue: &case.queue,
                language: case.language.as_deref(),
                received: self.message.as_ref().map_or(firing.fired, |message| message.received),
                attachments: self.message.as_ref().and_then(|m| m.attachments.as_array()).map_or(0, Vec::len),
                why,
                excerpt: &firing.excerpt,
            },
        }
    }

    /// For a notice: what it is about, and no more.
    fn plainly<'a>(&'a self, words: &'a str) -> About<'a> {
        match &self.case {
            None => About::Ourselves { what: words },
            Some(case) => {
                let (received, why) = (case.opened, &[]);
                About::Case { queue: &case.queue, language: case.language.as_deref(), received, attachments: 0, why, excerpt: "" }
            }
        }
    }

    /// An intake address, where answers to alerts are read: of the case's own mailbox; of an alert about ourselves the least urgent.
    fn reply_to(&self, config: &Config) -> Option<String> {
        let own = self.message.as_ref().and_then(|message| config.account(&message.account));
        let quiet = config.accounts.iter().max_by_key(|a| (config.urgency(&a.floor), config.urgency(&a.queue)));
        Some(own.or(quiet)?.intake.first()?.address.clone())
    }
}
