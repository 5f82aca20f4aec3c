//! Parts a text into what its sender wrote, their signature, older thread text and inline forwards.
//!
//! Text wrongly taken for an old quote would not be judged by default, so every doubt is decided for "new": an attribution
//! line without `>` under it must name an address, an answer between quotes keeps the quotes it answers, and a header
//! block under a note is a forward, which is judged. Every line is looked at a bounded number of times.

/// A text in its four parts; each keeps the order of its lines and loses blank lines at both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What this sender wrote. Blank when the text holds nothing but quote or forward: the caller decides what then counts.
    pub new: String,
    /// The sender's signature. Their own words too: judge it with `new`, only do not count on it (for the language, say).
    pub signature: String,
    /// Older thread text, with the lines that introduce it.
    pub quoted: String,
    /// Mails forwarded inline, with their header block.
    pub forwarded: String,
}

/// Lines longer than this (bytes) are prose: never a marker, an attribution or a header.
const MARKER_LINE: usize = 400;
/// A mail client breaks one attribution into this many lines at most.
const ATTRIBUTION_LINES: usize = 6;
/// Header lines of one block stand this close together.
const BLOCK_LINES: usize = 9;
/// Longest note (bytes) above an Outlook header block that still makes it a forward; below a longer text it is a reply's tail.
const NOTE: usize = 1_000;
/// Longest signature: lines, and bytes in all.
const SIGNATURE: (usize, usize) = (14, 700);

/// Words for "wrote", in lower case, as clients put them around an attribution.
#[rustfmt::skip]
const WROTE: &[&str] = &[
    "wrote", "writes", "a écrit", "a ecrit", "schrieb", "geschrieben", "escribió", "escribio", "escribiu", "escreveu",
    "ha scritto", "scrive", "scritto", "schreef", "heeft het volgende geschreven", "geschreven", "napisał", "napisała",
    "napisal", "pisze", "пишет", "писал", "писала", "написал", "написала", "написав", "написала", "пише", "yazdı", "yazmış",
    "كتب", "كتبت", "نوشت", "نوشته", "כתב", "כתבה", "ने लिखा", "लिखा", "লিখেছেন", "লিখেছে", "menulis", "đã viết", "viết",
    "写道", "寫道", "書きました", "書き込みました", "작성", "썼습니다", "skrev", "skreiv", "napsal", "napísal", "έγραψε", "a scris", "เขียนว่า",
    "เขียน", "aliandika", "kirjoitti", "ezt írta", "írta", "wrote the following", "napisao", "je napisal", "написа",
    "parašė", "rakstīja", "kirjutas", "escrigué", "va escriure", "skrifaði",
];

/// Lines that announce a forwarded mail; compared after dashes and spaces at both ends are gone, lower case.
#[rustfmt::skip]
const FORWARDED: &[&str] = &[
    "forwarded message", "begin forwarded message:", "forwarded by", "message transféré", "début du message transféré :",
    "début du message réexpédié :", "message transféré :", "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht:", "mensaje reenviado", "inicio del mensaje reenviado:", "mensagem encaminhada",
    "mensagem reencaminhada", "início da mensagem encaminhada:", "início da mensagem reencaminhada:", "messaggio inoltrato",
    "inizio messaggio inoltrato:", "doorgestuurd bericht", "begin doorgestuurd bericht:", "wiadomość przekazana dalej",
    "przekazana wiadomość", "treść przekazanej wiadomości", "początek przekazywanej wiadomości:", "пересылаемое сообщение",
    "пересылаемое письмо", "перенаправленное сообщение", "начало переадресованного сообщения:", "пересланное сообщение",
    "переслане повідомлення", "переадресоване повідомлення", "початок листа, що пересилається:", "iletilmiş mesaj",
    "yönlendirilmiş mesaj", "yönlendirilen ileti", "iletilen ileti", "iletilen e-postanın başlangıcı:", "رسالة معاد توجيهها",
    "الرسالة المعاد توجيهها", "بدء الرسالة المعاد توجيهها:", "پیام بازارسال‌شده", "پیام ارسال شده", "הודעה שהועברה",
    "תחילת ההודעה שהועברה:", "अग्रेषित संदेश", "अग्रेषित संदेश शुरू:", "ফরোয়ার্ড করা বার্তা", "ফরওয়ার্ড করা বার্তা",
    "pesan terusan", "pesan yang diteruskan", "mulai pesan yang diteruskan:", "tin nhắn được chuyển tiếp",
    "thư đã chuyển tiếp", "bắt đầu thư được chuyển tiếp:", "转发的邮件", "转发的消息", "下面是被转发的邮件：", "开始转发的邮件：", "轉寄的郵件", "轉寄訊息",
    "轉寄郵件", "以下是轉寄的郵件：", "開始轉寄郵件：", "転送メッセージ", "転送されたメッセージ：", "転送されたメッセージ", "전달된 메시지", "전달된 메시지 시작:", "전달된 메일",
    "vidarebefordrat meddelande", "vidarebefordrat brev:", "přeposlaná zpráva", "předaná zpráva",
    "začátek přeposlané zprávy:", "preposlaná správa", "προωθημένο μήνυμα", "αρχή προωθημένου μηνύματος:",
    "mesaj redirecționat", "mesaj redirecţionat", "începutul mesajului redirecționat:", "ข้อความที่ส่งต่อ",
    "เริ่มข้อความที่ส่งต่อ:", "ujumbe uliosambazwa", "videresendt meddelelse", "videresendt besked", "videresendt melding",
    "start på videresendt besked:", "välitetty viesti", "edelleenlähetetty viesti", "välitetty viesti alkaa:",
    "továbbított üzenet", "továbbított levél", "препратено съобщение", "proslijeđena poruka", "прослеђена порука",
    "missatge reenviat", "posredovano sporočilo", "persiųstas laiškas", "pārsūtīta ziņa", "edastatud kiri",
    "mesej yang dikirim semula",
];

/// Lines that announce the mail answered, or (Outlook) the mail forwarded: `-----Original Message-----`. Treated as [`FORWARDED`] is.
#[rustfmt::skip]
const ORIGINAL: &[&str] = &[
    "original message", "original appointment", "message d'origine", "message d’origine", "message original",
    "ursprüngliche nachricht", "originalnachricht", "original-nachricht", "mensaje original", "mensagem original",
    "messaggio originale", "messaggio originario", "oorspronkelijk bericht", "origineel bericht", "wiadomość oryginalna",
    "oryginalna wiadomość", "wiadomość pierwotna", "исходное сообщение", "оригинальное сообщение", "початкове повідомлення",
    "оригінальне повідомлення", "вихідне повідомлення", "özgün ileti", "orijinal mesaj", "orijinal ileti", "الرسالة الأصلية",
    "رسالة أصلية", "پیام اصلی", "הודעה מקורית", "मूल संदेश", "মূল বার্তা", "pesan asli", "tin nhắn gốc", "thư gốc", "原始邮件",
    "原始郵件", "原邮件", "元のメッセージ", "원본 메시지", "원본 메일", "원래 메시지", "ursprungligt meddelande", "originalmeddelande", "původní zpráva",
    "pôvodná správa", "αρχικό μήνυμα", "mesaj original", "mesajul original", "ข้อความต้นฉบับ", "ข้อความเดิม", "ujumbe asili",
    "ujumbe halisi", "oprindelig meddelelse", "original meddelelse", "opprinnelig melding", "alkuperäinen viesti",
    "eredeti üzenet", "оригинално съобщение", "izvorna poruka", "missatge original", "izvirno sporočilo",
];

/// Names of the header lines of an Outlook block: From, Sent or Date, To, Subject, Cc, in that order; lower case.
#[rustfmt::skip]
const BLOCK: [&[&str]; 5] = [
    &[
        "from", "de", "von", "da", "van", "od", "от", "від", "kimden", "gönderen", "من", "از", "מאת", "प्रेषक", "से", "থেকে",
        "প্রেরক", "dari", "từ", "发件人", "寄件者", "寄件人", "差出人", "送信元", "보낸 사람", "보낸사람", "발신", "från", "fra", "από", "de la",
        "จาก", "kutoka", "kutoka kwa", "lähettäjä", "feladó", "expéditeur", "mittente", "remitente",
    ],
    &[
        "sent", "date", "envoyé", "gesendet", "datum", "enviado", "enviado el", "enviada em", "enviado em", "fecha", "data",
        "inviato", "verzonden", "wysłano", "wysłane", "отправлено", "дата", "надіслано", "gönderildi", "gönderilme tarihi",
        "tarih", "تم الإرسال", "أُرسلت", "التاريخ", "تاريخ الإرسال", "ارسال شده", "تاریخ", "ارسال", "נשלח", "תאריך",
        "दिनांक", "भेजा गया", "তারিখ", "পাঠানো হয়েছে", "dikirim", "terkirim", "tanggal", "đã gửi", "gửi", "ngày", "发送时间",
        "发送日期", "日期", "寄件日期", "傳送時間", "已傳送", "送信日時", "日付", "送信日", "보낸 날짜", "날짜", "보냄", "skickat", "odesláno", "odoslané",
        "στάλθηκε", "ημερομηνία", "trimis", "dată", "ส่ง", "ส่งเมื่อ", "วันที่", "imetumwa", "tarehe", "sendt", "dato",
        "lähetetty", "päivämäärä", "elküldve", "dátum", "изпратено",
    ],
    &[
        "to", "à", "a", "an", "para", "aan", "do", "dla", "komu", "кому", "до", "kime", "alıcı", "إلى", "به", "אל", "प्रति",
        "को", "প্রাপক", "প্রতি", "kepada", "untuk", "tới", "đến", "收件人", "收件者", "宛先", "받는 사람", "받는사람", "수신", "till", "pro",
        "προς", "către", "catre", "ถึง", "kwa", "til", "vastaanottaja", "címzett", "destinataire",
    ],
    &[
        "subject", "objet", "betreff", "asunto", "assunto", "oggetto", "onderwerp", "temat", "тема", "konu", "الموضوع",
        "موضوع", "נושא", "विषय", "বিষয়", "subjek", "perihal", "subyek", "chủ đề", "tiêu đề", "主题", "主旨", "主題", "件名", "제목",
        "ämne", "předmět", "predmet", "θέμα", "subiect", "เรื่อง", "หัวเรื่อง", "mada", "emne", "aihe", "tárgy", "относно",
        "assumpte",
    ],
    &[
        "cc", "cc.", "kopie", "копия", "копія", "dw", "kopi", "kopia", "مخفي", "عناية", "抄送", "副本", "참조", "bilgi", "עותק",
        "reply-to", "importance", "attachments",
    ],
];

/// Beginnings of the line a telephone or mail program adds, lower case.
#[rustfmt::skip]
const SENT_FROM: &[&str] = &[
    "sent from", "sent via", "sent by", "sent with", "get outlook for", "envoyé de", "envoyé depuis", "envoyé à partir",
    "von meinem", "gesendet von", "gesendet mit", "diese nachricht wurde von meinem", "enviado desde", "enviado do",
    "enviado a partir", "enviada do", "inviato da", "verstuurd vanaf", "verzonden vanaf", "verzonden met", "wysłane z",
    "wysłano z", "отправлено с", "отправлено из", "надіслано з", "отправлено от", "gönderildi", "iphone'umdan gönderildi",
    "أرسلت من", "أُرسلت من", "مرسل من", "ارسال شده از", "ارسال‌شده از", "נשלח מ", "मेरे", "আমার", "dikirim dari", "gửi từ",
    "được gửi từ", "发自", "從我的", "从我的", "傳自", "iphoneから送信", "ipadから送信", "androidから送信", "내", "나의", "skickat från", "sendt fra",
    "odesláno z", "odoslané z", "στάλθηκε από", "εστάλη από", "trimis de pe", "trimis din", "ส่งจาก", "imetumwa kutoka",
    "lähetetty", "iphone-ról küldve", "elküldve", "outlook für ios beziehen", "obtenir outlook", "obtener outlook",
];

/// What one line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Text,
    /// Begins with `>`.
    Quote,
    /// Part of an "On ... wrote:" line.
    Attribution,
    Signature,
}

/// Where the rest of the text stops being the sender's own.
#[derive(Clone, Copy)]
enum Cut {
    /// A line that announces a forward.
    Forward,
    /// "Original Message" or an Outlook header block: a forward under a short note, else a reply's tail.
    Block,
    /// "On ... wrote:" with its quote unmarked.
    Reply,
}

/// Parts `text` (plain, `\n` or `\r\n` line ends). Linear in its length; every non-blank line lands in exactly one part.
pub fn split(text: &str) -> Split {
    let lines: Vec<&str> = text.lines().collect();
    let (cut, mut kinds) = classify(&lines);
    let end = kinds.len();
    mark_signature(&lines, &mut kinds);
    let mut split = Split::default();
    keep_answered_quotes(&mut kinds);
    for (line, kind) in lines.iter().zip(&kinds) {
        let part = match kind {
            Kind::Text => &mut split.new,
            Kind::Blank => {
                // A blank line belongs to whatever it stands in; at the edges it is trimmed.
                for part in [&mut split.new, &mut split.quoted] {
                    part.push('\n');
                }
                continue;
            }
            Kind::Quote | Kind::Attribution => &mut split.quoted,
            Kind::Signature => &mut split.signature,
        };
        push(part, line);
    }
    match cut {
        Some(Cut::Forward) => extend(&mut split.forwarded, &lines[end..]),
        Some(Cut::Block) if split.new.trim().len() <= NOTE => extend(&mut split.forwarded, &lines[end..]),
        Some(_) => extend(&mut split.quoted, &lines[end..]),
        None => {}
    }
    for part in [&mut split.new, &mut split.signature, &mut split.quoted, &mut split.forwarded] {
        *part = trim_blank_lines(part).to_owned();
    }
    split
}

/// The kind of each line up to the first cut, and the cut: the lines beyond the kinds belong to it.
fn classify(lines: &[&str]) -> (Option<Cut>, Vec<Kind>) {
    let mut kinds = Vec::with_capacity(lines.len());
    while let Some(line) = lines.get(kinds.len()) {
        let at = kinds.len();
        if let Some(cut) = cut_at(lines, at) {
            drop_rule_above(lines, &mut kinds);
            return (Some(cut), kinds);
        }
        if let Some((length, attribution)) = attribution(lines, at) {
            let marked = lines[at + length..].iter().take(3).find(|l| !l.trim().is_empty()).is_some_and(|l| is_quote(l));
            let wrote_above = kinds.contains(&Kind::Text);
            if !marked && wrote_above && (attribution.contains('@') || machine_date(&attribution)) {
                return (Some(Cut::Reply), kinds);
            }
            // Without an address and without `>` it may as well be the reporter telling who wrote what: new text.
            let kind = if marked || attribution.contains('@') { Kind::Attribution } else { Kind::Text };
            kinds.extend(lines[at..at + length].iter().map(|l| if l.trim().is_empty() { Kind::Blank } else { kind }));
            continue;
        }
        kinds.push(match line.trim() {
            "" => Kind::Blank,
            _ if is_quote(line) => Kind::Quote,
            _ => Kind::Text,
        });
    }
    (None, kinds)
}

/// Does the rest, from line `at` on, belong to an embedded mail?
fn cut_at(lines: &[&str], at: usize) -> Option<Cut> {
    let line = lines[at];
    if line.len() > MARKER_LINE || line.trim().is_empty() {
        return None;
    }
    // Apple quotes the forward and its announcement with `>`; a deeper one is part of an old thread.
    let bare = line.trim_start_matches(['>', ' ']);
    let plain = bare.trim_matches(|c: char| matches!(c, '-' | '_' | '=' | '*' | ' ' | '\t' | '—' | '–' | '─')).to_lowercase();
    let ruled = bare.starts_with(['-', '_', '=', '—', '–']) || bare.ends_with(':') || bare.ends_with('：');
    if ruled && FORWARDED.iter().any(|marker| plain == *marker || plain.trim_end_matches([':', '：']) == *marker) {
        return Some(Cut::Forward);
    }
    // "----- Forwarded by Ann Example/Org on 01/02/2003 -----" of Lotus Notes.
    if ruled && plain.starts_with("forwarded by ") && bare.starts_with('-') {
        return Some(Cut::Forward);
    }
    if is_quote(line) {
        return None;
    }
    if bare.starts_with(['-', '_', '=']) && ORIGINAL.iter().any(|marker| plain.trim_end_matches(':') == *marker) {
        return Some(Cut::Block);
    }
    header_block(lines, at).then_some(Cut::Block)
}

/// Three different header lines close together, one of them From, the first at `at`.
fn header_block(lines: &[&str], at: usize) -> bool {
    if header_name(lines[at]).is_none() {
        return false;
    }
    let mut seen = [false; BLOCK.len()];
    let mut blanks = 0;
    for line in lines[at..].iter().take(BLOCK_LINES) {
        blanks = if line.trim().is_empty() { blanks + 1 } else { 0 };
        if blanks > 1 {
            break;
        }
        if let Some(kind) = header_name(line) {
            seen[kind] = true;
        }
    }
    seen[0] && seen.iter().filter(|s| **s).count() >= 3
}

/// Which header of [`BLOCK`] a line is, if any.
fn header_name(line: &str) -> Option<usize> {
    let line = line.trim_start_matches(['*', ' ', '\t']);
    let end = line.char_indices().take(40).find(|(_, c)| matches!(c, ':' | '：'))?.0;
    let name = line[..end].trim_matches(['*', ' ', '\u{a0}']).to_lowercase();
    BLOCK.iter().position(|names| names.contains(&name.as_str()))
}

/// An "On ... wrote:" beginning at line `at`: how many lines it takes and what it says.
fn attribution(lines: &[&str], at: usize) -> Option<(usize, String)> {
    let first = lines[at].trim();
    if first.is_empty() || first.len() > MARKER_LINE || is_quote(first) {
        return None;
    }
    if machine_date(first) && lines[at].len() < 120 && !first.ends_with('<') {
        return Some((1, first.to_owned()));
    }
    // Only a line with a date, an address or a name in quotes can begin one; prose that merely ends in "wrote:" cannot.
    if !first.contains(|c: char| c.is_numeric() || matches!(c, '@' | '<' | '"')) {
        return None;
    }
    let mut joined = String::new();
    for (count, line) in lines[at..].iter().take(ATTRIBUTION_LINES).enumerate() {
        let next_quote = count > 0 && is_quote(line) && !ends_attribution(line);
        if line.len() > MARKER_LINE || next_quote || joined.len() > MARKER_LINE {
            return None;
        }
        joined.push_str(line.trim());
        joined.push(' ');
        if is_attribution(joined.trim()) {
            return Some((count + 1, joined.trim().to_owned()));
        }
        // A sentence that ended is prose, not the first half of an attribution.
        if line.trim_end().ends_with(['!', '?']) {
            return None;
        }
    }
    None
}

/// `> wrote:`, the tail of a wrapped address, only looks like a quote.
fn ends_attribution(line: &str) -> bool {
    line.trim_end().ends_with([':', '：']) && line.len() < 60
}

fn is_attribution(text: &str) -> bool {
    let Some(text) = text.strip_suffix([':', '：']) else { return false };
    let lower = text.to_lowercase();
    let dated = lower.contains(|c: char| c.is_numeric());
    let addressed = lower.contains('@');
    if !dated && !addressed {
        return false;
    }
    // Gmail and Yandex in several languages: a date, a name, an address, no verb.
    let weekday = lower.split_whitespace().next().is_some_and(|word| word.ends_with(',') && word.chars().count() <= 5);
    let begins = weekday || lower.starts_with(|c: char| c.is_numeric());
    let bare = addressed && dated && begins && lower.trim_end().ends_with('>');
    bare || (!lower.contains(". ") || addressed || lower.len() < 120) && WROTE.iter().any(|verb| contains_word(&lower, verb))
}

/// `2016-03-03 17:21 GMT+01:00 Name`, which no person types.
fn machine_date(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let date = words.next().is_some_and(|d| d.len() == 10 && d.bytes().all(|b| b.is_ascii_digit() || b == b'-'));
    date && words.nth(1).is_some_and(|zone| zone.starts_with("GMT") && zone.contains(':'))
}

/// `word` in `text` with no letter before it; scripts without spaces need none. Both lower case.
fn contains_word(text: &str, word: &str) -> bool {
    let ascii = word.is_ascii();
    text.match_indices(word).any(|(at, _)| {
        !ascii || !text[..at].ends_with(char::is_alphabetic) && !text[at + word.len()..].starts_with(char::is_alphabetic)
    })
}

/// Marked with `>` (a run of at most three blanks before it).
fn is_quote(line: &str) -> bool {
    line.trim_start_matches([' ', '\t']).starts_with('>') && line.len() - line.trim_start_matches([' ', '\t']).len() <= 3
}

/// The line of dashes above a header block goes with it.
fn drop_rule_above(lines: &[&str], kinds: &mut Vec<Kind>) {
    let mut keep = kinds.len();
    while keep > 0 && lines[keep - 1].trim().is_empty() {
        keep -= 1;
    }
    if keep > 0 && is_rule(lines[keep - 1]) {
        kinds.truncate(keep - 1);
    }
}

/// A line of nothing but dashes or underscores.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5 && line.len() < 200 && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '─' | ' '))
}

/// Marks the signature at the end of the sender's own lines: what a telephone added, and a short tail below `-- `.
fn mark_signature(lines: &[&str], kinds: &mut [Kind]) {
    for at in (0..kinds.len()).rev().filter(|at| kinds[*at] == Kind::Text).take(12).collect::<Vec<_>>() {
        // Only where nothing of the sender's follows: in the middle of a text the same words are text.
        let last = !kinds[at + 1..].contains(&Kind::Text);
        if last && is_sent_from(lines[at]) {
            kinds[at] = Kind::Signature;
        }
    }
    // The end of what the sender wrote: quotes below a signature are a reply's tail.
    let Some(last) = kinds.iter().rposition(|k| *k == Kind::Text) else { return };
    let from = last.saturating_sub(SIGNATURE.0);
    let delimiter = (from..=last).find(|at| kinds[*at] == Kind::Text && is_signature_delimiter(lines[*at]));
    let Some(start) = delimiter else { return };
    let size: usize = lines[start..=last].iter().map(|l| l.len()).sum();
    let only_text = kinds[start..=last].iter().all(|k| matches!(k, Kind::Text | Kind::Blank));
    let text_above = kinds[..start].contains(&Kind::Text);
    if text_above && only_text && size <= SIGNATURE.1 {
        kinds[start..=last].iter_mut().filter(|k| **k == Kind::Text).for_each(|k| *k = Kind::Signature);
    }
}

/// RFC 3676 4.3 `-- `, its common misspellings, and the rule above a mailing list's footer.
fn is_signature_delimiter(line: &str) -> bool {
    matches!(line.trim_end(), "--" | "---" | "—" | "––" | "__")
        || line.trim_end().len() >= 30 && line.trim().bytes().all(|b| b == b'_')
}

/// "Sent from my iPhone" and its like: short, no comma, no full stop.
fn is_sent_from(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    let short = lower.len() <= 160 && lower.split_whitespace().count() <= 10;
    let plain = !lower.ends_with(['.', '!', '?', '。']) && !lower.contains(", ");
    let device = [
        "iphone",
        "ipad",
        "ipod",
        "android",
        "samsung",
        "galaxy",
        "huawei",
        "xiaomi",
        "blackberry",
        "outlook",
        "yahoo",
        "mobile",
        "phone",
        "proton",
        "windows",
        "mail",
    ];
    // Words as short as Korean "my" need the name of a device beside them.
    let begins = SENT_FROM.iter().find(|start| lower.starts_with(**start));
    let sure = begins.is_some_and(|start| start.starts_with("sent ")) || device.iter().any(|d| lower.contains(d));
    let ends = ["gönderildi", "gesendet", "から送信", "भेजा गया", "보냄", "에서 보냄", "傳送", "küldve", "পাঠানো"]
        .iter()
        .any(|end| lower.ends_with(end));
    short && plain && sure && (begins.is_some() || ends)
}

/// Where the sender answered between or below unannounced quotes, the quotes are what the answers mean: they stay with them.
fn keep_answered_quotes(kinds: &mut [Kind]) {
    let Some(last) = kinds.iter().rposition(|k| *k == Kind::Text) else { return };
    let first_quote = kinds.iter().position(|k| *k == Kind::Quote);
    let Some(first) = first_quote.filter(|first| *first < last) else { return };
    let announced = kinds[..first].contains(&Kind::Attribution);
    let text_above = kinds[..first].contains(&Kind::Text);
    let first_answer = (first..=last).find(|at| kinds[*at] == Kind::Text).unwrap_or(last);
    let quote_again = kinds[first_answer..=last].contains(&Kind::Quote);
    // One announced quote with the whole answer below it: the quote is plainly the old mail.
    if announced && !text_above && !quote_again {
        return;
    }
    kinds[..=last].iter_mut().filter(|k| **k == Kind::Quote).for_each(|k| *k = Kind::Text);
}

fn push(part: &mut String, line: &str) {
    part.push_str(line.trim_end());
    part.push('\n');
}

fn extend(part: &mut String, lines: &[&str]) {
    part.push('\n');
    lines.iter().for_each(|line| push(part, line));
}

/// Without blank lines at both ends; the indent of the first line stays.
fn trim_blank_lines(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.len() - text.trim_start().len();
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    &text[line..]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::print_stderr, reason = "the measured figures are what the test is run for")]

    use super::*;
    use std::path::PathBuf;

    /// Folder of the real mails, or `None` where they are absent (which CI does not allow).
    fn shared(part: &str) -> Option<PathBuf> {
        let root = std::env::var_os("TRIAGED_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let path = root.join("data").join(part);
        if path.is_dir() {
            return Some(path);
        }
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
        eprintln!("SKIPPED: {} is absent (set TRIAGED_SHARED)", path.display());
        None
    }

    #[test]
    fn golden_pairs_are_parted_as_expected() {
        let Some(dir) = shared("reply/email_reply_trimmer") else { return };
        let (mut exact, mut total) = (0, 0);
        for entry in std::fs::read_dir(dir.join("emails")).unwrap() {
            let name = entry.unwrap().file_name();
            let read = |part: &str| std::fs::read_to_string(dir.join(part).join(&name)).unwrap().replace("\r\n", "\n");
            let (split, want) = (split(&read("emails")), read("trimmed"));
            total += 1;
            if split.new.trim() == want.trim() {
                exact += 1;
            } else {
                eprintln!("differs: {}: {:?}", name.display(), split);
            }
        }
        eprintln!("reply pairs: {exact}/{total} exact");
        assert!(total >= 20, "the set is there but holds {total} pairs");
        assert!(exact * 100 >= total * 90, "{exact} of {total}");
    }

    /// The line above a quote as mail programs of each language write it; `>` follows.
    const ATTRIBUTIONS: &[&str] = &[
        "On Mon, May 3, 2027 at 10:00 AM Some One <a@example.org> wrote:",
        "Le lun. 3 mai 2027 à 10:00, Some One <a@example.org> a écrit :",
        "Am Mo., 3. Mai 2027 um 10:00 Uhr schrieb Some One <a@example.org>:",
        "Some One <a@example.org> schrieb am Mo., 3. Mai 2027, 10:00:",
        "El lun, 3 may 2027 a las 10:00, Some One (<a@example.org>) escribió:",
        "Em seg., 3 de mai. de 2027 às 10:00, Some One <a@example.org> escreveu:",
        "Il giorno lun 3 mag 2027 alle ore 10:00 Some One <a@example.org> ha scritto:",
        "Op ma 3 mei 2027 om 10:00 schreef Some One <a@example.org>:",
        "pon., 3 maj 2027 o 10:00 Some One <a@example.org> napisał(a):",
        "пн, 3 мая 2027 г. в 10:00, Some One <a@example.org>:",
        "03.05.2027, 10:00, \"Some One\" <a@example.org>:",
        "3 мая 2027 г. 10:00 пользователь Some One <a@example.org> написал:",
        "пн, 3 трав. 2027 р. о 10:00 Some One <a@example.org> пише:",
        "Some One <a@example.org>, 3 May 2027 Pzt, 10:00 tarihinde şunu yazdı:",
        "في الاثنين، 3 مايو 2027 في 10:00 ص تمت كتابة ما يلي بواسطة Some One <a@example.org> كتب:",
        "در تاریخ دوشنبه ۳ مهٔ ۲۰۲۷ ۱۰:۰۰ Some One <a@example.org> نوشت:",
        "בתאריך יום ב׳, 3 במאי 2027 ב-10:00 מאת Some One <a@example.org> כתב:",
        "सोम, 3 मई 2027 को 10:00 पर Some One <a@example.org> ने लिखा:",
        "সোম, 3 মে, 2027 তারিখে 10:00 AM টায় Some One <a@example.org> লিখেছেন:",
        "Pada Sen, 3 Mei 2027 pukul 10.00 Some One <a@example.org> menulis:",
        "Vào Th 2, 3 thg 5, 2027 vào lúc 10:00 Some One <a@example.org> đã viết:",
        "Some One <a@example.org> 于2027年5月3日周一 10:00写道：",
        "Some One <a@example.org> 於 2027年5月3日 週一 上午10:00寫道：",
        "2027年5月3日(月) 10:00 Some One <a@example.org>:",
        "2027년 5월 3일 (월) 오전 10:00, Some One <a@example.org>님이 작성:",
        "Den mån 3 maj 2027 kl 10:00 skrev Some One <a@example.org>:",
        "po 3. 5. 2027 v 10:00 odesílatel Some One <a@example.org> napsal:",
        "Στις Δευ 3 Μαΐ 2027 στις 10:00 π.μ., ο χρήστης Some One <a@example.org> έγραψε:",
        "În lun., 3 mai 2027 la 10:00, Some One <a@example.org> a scris:",
        "ในวันที่ จ. 3 พ.ค. 2027 เวลา 10:00 Some One <a@example.org> เขียนว่า:",
        "Jumatatu, 3 Mei 2027 saa 10:00 Some One <a@example.org> aliandika:",
        "man. 3. maj 2027 kl. 10.00 skrev Some One <a@example.org>:",
        "ma 3. toukok. 2027 klo 10.00 Some One (a@example.org) kirjoitti:",
        "Some One <a@example.org> ezt írta (időpont: 2027. máj. 3., H, 10:00):",
    ];

    #[test]
    fn the_line_above_a_quote_is_known_in_every_language() {
        for line in ATTRIBUTIONS {
            for quote in ["> old text\n> more of it", "\n> old text\n> more of it"] {
                let split = split(&format!("New words here.\n\n{line}\n{quote}\n"));
                assert_eq!(split.new, "New words here.", "{line}");
                assert!(split.quoted.contains("old text") && split.quoted.contains(line), "{line}");
            }
        }
    }

    #[test]
    fn an_inline_forward_is_forwarded_in_every_language() {
        for marker in FORWARDED {
            let line =
                if marker.ends_with([':', '：']) { (*marker).to_owned() } else { format!("---------- {marker} ---------") };
            let split = split(&format!("See below.\n\n{line}\nFrom: x\n\nI will kill you."));
            assert_eq!(split.new, "See below.", "{line}");
            assert!(split.forwarded.contains("I will kill you."), "{line}");
        }
        for blocks in [
            ["From", "Sent", "To", "Subject"],
            ["Von", "Gesendet", "An", "Betreff"],
            ["De", "Envoyé", "À", "Objet"],
            ["От", "Отправлено", "Кому", "Тема"],
            ["发件人", "发送时间", "收件人", "主题"],
            ["差出人", "送信日時", "宛先", "件名"],
            ["من", "تم الإرسال", "إلى", "الموضوع"],
        ] {
            let block = blocks.map(|name| format!("{name}: something")).join("\n");
            let split = split(&format!("See below.\n\n{block}\n\nI will kill you."));
            assert_eq!(split.new, "See below.", "{block}");
            assert!(split.forwarded.contains("I will kill you."), "{block}");
        }
    }

    #[test]
    fn a_forward_with_nothing_above_is_forwarded_and_a_long_answer_above_makes_it_quoted() {
        let old = "-----Original Message-----\nFrom: a\nSent: b\nTo: c\nSubject: d\n\nOld words.";
        assert!(split(old).forwarded.contains("Old words.") && split(old).new.is_empty());
        let answer = "A long answer that goes on and on. ".repeat(40);
        let split = split(&format!("{answer}\n\n{old}"));
        assert!(split.quoted.contains("Old words.") && split.forwarded.is_empty());
    }

    #[test]
    fn in_doubt_it_is_new_text() {
        // A person tells who wrote what: no address, no `>`.
        let told = "On 5 May 2027 he wrote:\nI will kill you.";
        assert_eq!(split(told).new, told);
        let told = "My report.\n\nOn 5 May 2027 at 10:00 he wrote:\nI will kill you.";
        assert_eq!(split(told).new, told);
        // Answers between quotes stay, with what they answer.
        let woven =
            "On Mon, May 3, 2027 Some One <a@example.org> wrote:\n> Are you safe?\nNo. He is here.\n> Where are you?\nAt home.";
        let parts = split(woven);
        assert!(parts.new.contains("No. He is here.") && parts.new.contains("At home.") && parts.new.contains("> Are you safe?"));
        // What stands below a quote is new.
        assert_eq!(split("On Mon, May 3, 2027 Some One <a@example.org> wrote:\n> old\n\nHelp me.").new, "Help me.");
        // A long tail below two dashes is no signature.
        let long = format!("Hello\n-- \n{}", "He says he will come to my school and kill everybody.\n".repeat(20));
        assert!(split(&long).new.contains("kill everybody"));
    }

    #[test]
    fn a_signature_is_kept_apart_and_never_lost() {
        let parts = split("He threatened me.\n\n-- \nSome Body\nI will end it tonight");
        assert_eq!((parts.new.as_str(), parts.signature.contains("end it tonight")), ("He threatened me.", true));
        for line in [
            "Sent from my iPhone",
            "Von meinem iPhone gesendet",
            "Envoyé de mon iPhone",
            "Enviado desde mi iPhone",
            "Отправлено с iPhone",
            "iPhoneから送信",
            "发自我的iPhone",
            "나의 iPhone에서 보냄",
        ] {
            let parts = split(&format!("Help me.\n\n{line}"));
            assert_eq!((parts.new.as_str(), parts.signature.as_str()), ("Help me.", line));
        }
        assert!(split("Sent from my desk, he is coming.").signature.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn every_line_lands_in_exactly_one_part(text in "(((> ){0,2}[a-z@:.<-]{0,12} ?(wrote:|From: x|Sent: y|Subject: z|-- |On 3 May 2027 a@b)?)\n){0,30}") {
            let parts = split(&text);
            let words = |text: &str| text.split_whitespace().count();
            let sum = words(&parts.new) + words(&parts.signature) + words(&parts.quoted) + words(&parts.forwarded);
            proptest::prop_assert_eq!(sum, words(&text), "{:?}", parts);
        }
    }

    #[test]
    fn a_hostile_text_is_parted_in_linear_time() {
        for line in ["> ", "On 3 May 2027 <a@b", "From: x\n", "-- \n", "wrote:\n", "2027 wrote\n", ">>>>>>>>"] {
            let start = std::time::Instant::now();
            let parts = split(&line.repeat(100_000));
            assert!(start.elapsed().as_secs() < 10, "{line:?} took {:?}", start.elapsed());
            assert!(parts != Split::default(), "{line:?} is lost");
        }
    }
}
