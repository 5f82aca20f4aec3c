//! What becomes of an alert, whoever decides it: it fires, it calls, somebody takes it, hands it over, puts it off or ends it. Each
//! is said in one transaction with its outbox rows and its audit line; the loop that waits for the next call is [`crate::escalate`].

pub mod call;
mod words;

use jiff::SignedDuration;

use crate::case::CaseEvent;
use crate::clock::Timestamp;
use crate::config::{Config, Ladder, base};
use crate::ladder::flood;
use crate::report::Report;
use crate::rules::Verdict;
use crate::store::alerts::{self, AlertRow, Fire, Traits};
use crate::store::cases::CaseRow;
use crate::store::{Result, StoreError, Tx, audit, cases};

/// What is at hand while something is decided about an alert. The config alone: rules that are broken must keep nobody from
/// acknowledging.
#[derive(Clone, Copy)]
pub struct Phone<'a> {
    /// The config in force.
    pub config: &'a Config,
    /// Key of our tokens.
    pub key: [u8; 32],
    /// The present moment.
    pub now: Timestamp,
}

/// Why a person's word was not carried out; nothing was changed then. The outer error is the store's own.
pub type Told<T> = Result<std::result::Result<T, String>>;

/// Lets the alert of a case fire where the queue has a ladder. While it fires on that ladder it goes on as it is; where somebody has
/// it, only they are told. In a flood another alert calls for it. `mail` is what set it off, `words` why, where the case is not new.
pub fn wake(
    tx: &Tx<'_>,
    phone: &Phone<'_>,
    case: &CaseRow,
    queue: &str,
    mail: Option<(&Report, &Verdict)>,
    words: &str,
) -> Result<()> {
    let Some(ladder) = ladder_of(phone.config, queue, phone.now) else { return Ok(()) };
    let known = alerts::of_case(&tx.view(), case.id)?;
    if let Some(alert) = known.as_ref().filter(|alert| alert.is_taken())
        && call::inform_holder(tx, phone, alert, &format!("{words}; you have {}", case.reference))?
    {
        return Ok(());
    }
    // What was sealed once stays sealed, whichever queue the case is in now.
    let ever = cases::queues_ever(&tx.view(), case.id)?;
    let sealed =
        ever.iter().map(String::as_str).chain([queue]).filter_map(|name| phone.config.queue(name)).any(|queue| queue.sealed);
    let lines = phone.config.queue(queue).filter(|_| !sealed).map_or(0, |queue| queue.alert_lines);
    let excerpt: String = mail.map_or_else(String::new, |(report, _)| excerpt(report, lines));
    let sender = base(&case.reporter);
    let (shape, found) = mail.map_or((0, true), |(report, verdict)| {
        (flood::shape(&report.fields.subject, &report.fields.body), verdict.passed.iter().any(|passed| passed == queue))
    });
    let traits = Traits { queue, sender: &sender, shape, found };
    let leader = match known {
        // Who was called for it before is called for it again.
        Some(_) => None,
        None => leader(tx, phone, &traits, &ladder.name)?,
    };
    let fire = Fire {
        case_id: case.id,
        reference: case.reference.as_str(),
        ladder: &ladder.name,
        words,
        traits,
        excerpt: &excerpt,
        leader,
    };
    alerts::fire(tx, &fire, phone.now)?;
    Ok(())
}

/// In a flood: the alert that calls for this one, too; it is asked to do so soon.
fn leader(tx: &Tx<'_>, phone: &Phone<'_>, traits: &Traits<'_>, ladder: &str) -> Result<Option<i64>> {
    let since = phone.now - flood::WINDOW;
    let (sender, shape, queue) = alerts::counts(&tx.view(), traits, since)?;
    let shape = if traits.shape == 0 { 0 } else { shape };
    if flood::bundled(flood::Before { sender, shape, queue }, traits.found).is_none() {
        return Ok(None);
    }
    // One that somebody has calls no more: then this one calls for itself, and for those after it.
    let Some(leader) = alerts::leader(&tx.view(), traits, ladder, since)? else { return Ok(None) };
    news(tx, phone, leader, false)?;
    Ok(Some(leader))
}

/// There is news of an alert that fires: those it called last are told, soon. `again`: its reporter wrote.
pub fn news(tx: &Tx<'_>, phone: &Phone<'_>, alert: i64, again: bool) -> Result<()> {
    if let Some(firing) = alerts::firing_of(&tx.view(), alert)? {
        let at = flood::news_at(firing.round - firing.began, firing.called, phone.now);
        alerts::hurry(tx, alert, at, again)?;
    }
    Ok(())
}

/// The reporter of a case wrote again. While nobody has its alert those who were called are called at once; who has it is told.
pub fn wrote_again(tx: &Tx<'_>, phone: &Phone<'_>, case: &CaseRow) -> Result<()> {
    let Some(alert) = alerts::of_case(&tx.view(), case.id)? else { return Ok(()) };
    // In a flood another one calls for it.
    let leader = alert.called_with.as_deref().map(|leader| alerts::find(&tx.view(), leader)).transpose()?.flatten();
    match alert.state.as_str() {
        "firing" => news(tx, phone, leader.map_or(alert.id, |leader| leader.id), true),
        "acknowledged" => {
            call::inform_holder(tx, phone, &alert, &format!("The reporter of {} wrote again; you have it", case.reference))
                .map(drop)
        }
        _ => Ok(()),
    }
}

/// A reporter opened another case that wakes nobody, while an alert about them is firing: that alert says so. Returns
/// the case of that alert.
pub fn wrote_elsewhere(tx: &Tx<'_>, phone: &Phone<'_>, case: &CaseRow) -> Result<Option<i64>> {
    let sender = base(&case.reporter);
    if sender.is_empty() {
        return Ok(None);
    }
    let firing = alerts::of_sender(&tx.view(), &sender, case.id, phone.now - SignedDuration::from_hours(24 * 7))?;
    if let Some((alert, _)) = firing {
        news(tx, phone, alert, true)?;
    }
    Ok(firing.map(|(_, case)| case))
}

/// A person has it, by whatever way (`how`, for the audit). The others who were called are told.
pub fn take(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, how: &str) -> Told<()> {
    let until = until(phone, alert);
    let with = match alerts::take(tx, alert.id, who, Some(until), phone.now) {
        Ok(with) => with,
        Err(StoreError::Moved(why)) => return Ok(Err(why)),
        Err(error) => return Err(error),
    };
    if let Some(case_id) = alert.case_id {
        match cases::happen(tx, case_id, CaseEvent::Take, phone.now) {
            // Somebody works on it already: the alert is theirs all the same.
            Ok(_) | Err(StoreError::Moved(_)) => {}
            Err(error) => return Err(error),
        }
    }
    audit::add(tx, phone.now, who, "alert acknowledged", alert.case_id, how)?;
    for case in with {
        audit::add(tx, phone.now, who, "alert acknowledged", Some(case), &format!("called for with {}", alert.case))?;
    }
    call::tell_others(
        tx,
        phone,
        alert,
        who,
        call::Ending::Taken,
        &format!("{who} has {}; nobody else is called for it", alert.case),
    )?;
    Ok(Ok(()))
}

/// Who had it gives it back: it fires anew.
pub fn give_back(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, why: &str) -> Told<()> {
    let words = format!("given back by {who}: {why}");
    if let Err(error) = alerts::fire_anew(tx, alert.id, &words, phone.now) {
        return refused(error);
    }
    audit::add(tx, phone.now, who, "alert given back", alert.case_id, why)?;
    Ok(Ok(()))
}

/// Another person has it from now on, and is told.
pub fn hand_over(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, to: &str) -> Told<()> {
    if call::ways_to(phone.config, to).is_empty() {
        return Ok(Err(format!("{to} is neither a person of the config nor an address: nobody would learn of it")));
    }
    if let Err(error) = alerts::hand_over(tx, alert.id, to, Some(until(phone, alert)), phone.now) {
        return refused(error);
    }
    audit::add(tx, phone.now, who, "alert handed over", alert.case_id, &format!("to {to}"))?;
    let handed = AlertRow { acknowledged_by: Some(to.to_owned()), ..alert.clone() };
    call::inform_holder(tx, phone, &handed, &format!("{who} hands {} over to you: you have it now", alert.case))?;
    Ok(Ok(()))
}

/// Who has it puts it off: it fires anew then. Not for longer than the ladder allows.
pub fn snooze(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, by: SignedDuration) -> Told<Timestamp> {
    let most = ladder_named(phone.config, &alert.ladder).map_or(std::time::Duration::from_secs(3_600), |ladder| ladder.snooze);
    let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::from_hours(1));
    if by > most || by < SignedDuration::from_secs(1) {
        return Ok(Err(format!("the ladder {} allows to put an alert off for {} at most", alert.ladder, words::span(most))));
    }
    let until = phone.now + by;
    if let Err(error) = alerts::snooze(tx, alert.id, until) {
        return refused(error);
    }
    audit::add(tx, phone.now, who, "alert put off", alert.case_id, &format!("for {}", words::span(by)))?;
    Ok(Ok(until))
}

/// It is over, for good. False if it was.
pub fn resolve(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, who: &str, words: &str) -> Result<bool> {
    let over = alerts::resolve(tx, alert.id, who, phone.now)?;
    if over {
        call::tell_others(tx, phone, alert, who, call::Ending::Over, words)?;
    }
    Ok(over)
}

/// Something is wrong with ourselves: those on `ladder` are called, once. `name` stays the same as long as it lasts.
pub fn trouble(tx: &Tx<'_>, phone: &Phone<'_>, name: &str, words: &str, ladder: &str) -> Result<()> {
    let reference = crate::case::Reference::from_bits(draw());
    if alerts::fire_trouble(tx, reference.as_str(), name, words, ladder, phone.now)? {
        audit::add(tx, phone.now, "daemon", "trouble", None, words)?;
    }
    Ok(())
}

/// Random bits for a reference, from the system.
pub fn draw() -> [u8; 5] {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bits = [0; 5];
    // The system's generator fails only before the host has any randomness at all; the clock's low bits then still tell cases apart.
    if SystemRandom::new().fill(&mut bits).is_err() {
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        bits.copy_from_slice(&nanos.to_le_bytes()[..5]);
    }
    bits
}

/// Somebody has it, and their time is up: unless they followed up, it fires anew.
pub fn lapse(tx: &Tx<'_>, phone: &Phone<'_>, alert: &AlertRow, snoozed: bool, since: Timestamp) -> Result<()> {
    let by = alert.acknowledged_by.clone().unwrap_or_default();
    let followed = match alert.case_id {
        Some(case) if !snoozed => audit::person_acted(&tx.view(), case, since)?,
        _ => false,
    };
    if followed {
        return alerts::followed_up(tx, alert.id);
    }
    let words = match snoozed {
        true => format!("{by} had put it off"),
        false => format!("{by} has it since {}, and nobody has followed up", words::moment(since)),
    };
    alerts::fire_anew(tx, alert.id, &words, phone.now)?;
    audit::add(tx, phone.now, "daemon", "alert fires again", alert.case_id, &words)
}

fn refused<T>(error: StoreError) -> Told<T> {
    match error {
        StoreError::Moved(why) => Ok(Err(why)),
        error => Err(error),
    }
}

/// By when who takes it must have followed up.
fn until(phone: &Phone<'_>, alert: &AlertRow) -> Timestamp {
    let time = ladder_named(phone.config, &alert.ladder).map_or(std::time::Duration::from_secs(7_200), |ladder| ladder.follow_up);
    phone.now + SignedDuration::try_from(time).unwrap_or(SignedDuration::from_hours(2))
}

/// The ladder that a case in this queue climbs if it fires now.
fn ladder_of<'c>(config: &'c Config, queue: &str, now: Timestamp) -> Option<&'c Ladder> {
    let ladder = ladder_named(config, config.queue(queue)?.ladder.as_deref()?)?;
    let instead = ladder.instead.iter().find(|instead| instead.hours.hold(now));
    instead.and_then(|instead| config.ladders.iter().find(|l| l.name == instead.ladder)).or(Some(ladder))
}

/// The ladder of that name. One that a reload took away: whoever is on the first one left is better than silence.
fn ladder_named<'c>(config: &'c Config, name: &str) -> Option<&'c Ladder> {
    config.ladders.iter().find(|ladder| ladder.name == name).or(config.ladders.first())
}

/// The first lines of what a sender wrote, short.
fn excerpt(report: &Report, lines: usize) -> String {
    let text = report.fields.body.lines().map(str::trim).filter(|line| !line.is_empty()).take(lines);
    let short = |line: &str| line.chars().take(200).collect::<String>();
    text.map(short).collect::<Vec<_>>().join("\n")
}
