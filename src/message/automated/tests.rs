//! One row per line of FIELD.md "When not to acknowledge" that is about the mail itself: what is a machine's, with its reason,
//! and the near miss that a person may have sent. All mails invented.

use crate::clock;
use crate::report::{Envelope, Extent};

/// Reads a mail with these extra headers and this body, and says why it is automated.
fn reason(headers: &str, body: &str) -> Option<String> {
    let defaults = [("From:", "From: Some Body <some.body@example.org>\n"), ("Subject:", "Subject: Please help\n")];
    let mut raw = String::from("Message-ID: <1@example.org>\nTo: ca@example.net\n");
    for (name, line) in defaults {
        if !headers.lines().any(|l| l.starts_with(name)) {
            raw.push_str(line);
        }
    }
    raw.push_str(&format!("{headers}\n"));
    if !headers.contains("Content-Type:") {
        raw.push_str("Content-Type: text/plain; charset=utf-8\n");
    }
    raw.push_str(&format!("\n{body}\n"));
    let envelope = Envelope { received: clock::from_millis(0), junk: false, extent: Extent::Whole };
    crate::message::read(raw.as_bytes(), &envelope).automated.map(|a| a.reason)
}

const PLEA: &str = "Someone threatened to kill me on my talk page. Please help me.";

/// Reason, headers of a machine, headers of a person who comes close.
const HEADERS: &[(&str, &str, &str)] = &[
    ("auto-submitted", "Auto-Submitted: auto-replied", "Auto-Submitted: no"),
    ("auto-submitted", "Auto-Submitted: AUTO-GENERATED (by a cron job); owner=x", "Auto-Submitted: No (really no)"),
    ("auto-submitted", "auto-submitted: (comment) auto-notified; a=no", "Auto-Submitted: no; x=auto-replied"),
    ("null-return-path", "Return-Path: <>", "Return-Path: <some.body@example.org>"),
    ("null-return-path", "Return-Path: < >", "X-Return-Path: <>"),
    (
        "report",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "Content-Type: text/plain; name=\"multipart/report\"",
    ),
    ("report", "Content-Type: message/delivery-status", "Content-Type: text/plain"),
    ("failed-recipients", "X-Failed-Recipients: a@example.org", "X-Recipients: a@example.org"),
    ("robot-address", "From: MAILER-DAEMON@example.org", "From: mailer.daemonsson@example.org"),
    ("robot-address", "From: Mail Delivery <Mailer-Daemon@example.org>", "From: daemon.smith@example.org"),
    ("robot-address", "From: listserv@example.org", "From: listservice.fan@example.org"),
    ("robot-address", "From: majordomo@example.org", "From: majordomus@example.org"),
    ("robot-address", "From: wiki-request@example.org", "From: request@example.org"),
    ("robot-address", "From: owner-wiki@example.org", "From: owner@example.org"),
    ("robot-address", "From: bounces+123@example.org", "From: bouncer@example.org"),
    ("robot-address", "Sender: owner-wiki@example.org", "Sender: some.body@example.org"),
    ("robot-address", "Return-Path: <owner-wiki@example.org>", "Return-Path: <bounce-md_1.2@mailer.example.org>"),
    ("noreply-address", "From: noreply@example.org", "From: norepl@example.org"),
    ("noreply-address", "From: No-Reply@example.org", "From: reply@example.org"),
    ("noreply-address", "From: donotreply@example.org", "From: dono.treply@example.org"),
    ("noreply-address", "From: do-not-reply@example.org", "From: reply-to-me@example.org"),
    ("noreply-address", "From: alerts.noreply@example.org", "From: noreen.plyford@example.org"),
    ("noreply-address", "Reply-To: no_reply@example.org", "Reply-To: me@example.org"),
    ("list", "List-Id: <wiki.example.org>", "X-List-Id: <wiki.example.org>"),
    ("list", "list-unsubscribe: <mailto:x@example.org>", "Listing: x"),
    ("list", "List-Whatever-Comes: x", "Subject: List-Id: x"),
    ("precedence", "Precedence: bulk", "Precedence: normal"),
    ("precedence", "X-Precedence: Junk", "Precedence: first-class"),
    ("precedence", "Precedence: auto_reply", "Priority: bulk"),
    ("precedence", "Precedence: LIST", "Precedence: urgent"),
    ("suppress-header", "X-Auto-Response-Suppress: All", "X-Auto-Response-Suppress: None"),
    ("suppress-header", "X-Auto-Response-Suppress: DR, OOF, AutoReply", "X-Auto-Response-Suppress: DR, RN, NRN"),
    ("loop-header", "X-Loop: help@example.org", "X-Loops: 1"),
    ("auto-reply-header", "X-Autoreply: yes", "X-Autoreply: no"),
    ("auto-reply-header", "X-Autorespond: x", "X-Priority: 1"),
    ("auto-reply-header", "X-Autoresponse: x", "X-Mailer: AutoMail 2"),
    ("auto-reply-header", "X-AutoReply-From: a@example.org", "X-Sender: a@example.org"),
    ("auto-reply-header", "X-Mail-Autoreply: 1", "X-Mail: 1"),
    ("auto-reply-header", "Delivered-To: Autoresponder", "Delivered-To: ca@example.net"),
];

#[test]
fn every_header_of_a_machine_is_seen_and_its_near_miss_is_a_person() {
    for (expected, machine, person) in HEADERS {
        assert_eq!(reason(machine, PLEA).as_deref(), Some(*expected), "{machine}");
        assert_eq!(reason(person, PLEA), None, "near miss {person}");
    }
}

#[test]
fn a_report_part_deep_inside_is_seen() {
    let body = "--b\nContent-Type: text/plain\n\nsee below\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action\n\n--b--";
    assert_eq!(reason("Content-Type: multipart/mixed; boundary=b", body).as_deref(), Some("report"));
}

#[test]
fn the_forgiven_reasons_never_hide_another() {
    assert_eq!(reason("From: noreply@example.org\nList-Id: <a.example.org>\nX-Loop: 1", PLEA).as_deref(), Some("loop-header"));
    assert_eq!(
        reason("List-Id: <a.example.org>\nSubject: Automatic reply: x", "I am away.").as_deref(),
        Some("out-of-office-text")
    );
}

/// Out-of-office notes without any header that tells: subject and body, in each of the answers' languages.
const AWAY: &[(&str, &str)] = &[
    ("Automatic reply: your question", "Thank you. I am out of the office."),
    (
        "Re: your question",
        "Hello,\n\nI am currently out of the office and will return on Monday. For urgent matters contact my colleague.",
    ),
    ("Réponse automatique : votre question", "Bonjour, je suis absente."),
    ("Re: x", "Bonjour,\n\nJe suis actuellement en congé jusqu'au 3 mai. En cas d'urgence, veuillez contacter mes collègues."),
    ("Abwesenheitsnotiz: Ihre Frage", "Ich bin im Urlaub."),
    ("Re: x", "Guten Tag,\nich bin derzeit nicht im Büro und ab dem 3. Mai wieder erreichbar."),
    ("Respuesta automática: consulta", "Estoy fuera."),
    ("Re: x", "Estoy de vacaciones hasta el 3 de mayo. Si es urgente, contacte con la oficina."),
    ("Resposta automática: dúvida", "Olá"),
    ("Re: x", "Estou de férias até 3 de maio. Para assuntos urgentes, contacto geral."),
    ("Risposta automatica: domanda", "Salve"),
    ("Re: x", "Sono in ferie fino al 3 maggio. Per urgenze contattare il collega."),
    ("Automatisch antwoord: vraag", "Dank"),
    ("Re: x", "Ik ben op vakantie tot en met 3 mei. Neem voor dringende zaken contact op met kantoor."),
    ("Automatyczna odpowiedź: pytanie", "Dziękuję"),
    ("Re: x", "Jestem na urlopie do 3 maja. W pilnych sprawach proszę o kontakt z biurem."),
    ("Автоматический ответ: вопрос", "Спасибо"),
    ("Re: x", "Я в отпуске до 3 мая. По срочным вопросам обращайтесь к коллегам."),
    ("Автоматична відповідь: питання", "Дякую"),
    ("Re: x", "Я у відпустці до 3 травня. З термінових питань звертайтеся до колег."),
    ("Otomatik yanıt: soru", "Teşekkürler"),
    ("Re: x", "Yıllık izindeyim, 3 Mayıs'ta döneceğim. Acil durumlarda ofisi arayın."),
    ("رد تلقائي: سؤال", "شكرا"),
    ("Re: x", "أنا في إجازة حتى 3 مايو. للأمور العاجلة يرجى التواصل مع الزملاء."),
    ("پاسخ خودکار: پرسش", "ممنون"),
    ("Re: x", "من در مرخصی هستم و تا تاریخ ۳ مه برمی‌گردم."),
    ("תשובה אוטומטית: שאלה", "תודה"),
    ("Re: x", "אני בחופשה עד 3 במאי. בעניינים דחופים נא לפנות למשרד."),
    ("स्वचालित उत्तर: प्रश्न", "धन्यवाद"),
    ("Re: x", "मैं छुट्टी पर हूँ और 3 मई को वापस आऊँगा।"),
    ("স্বয়ংক্রিয় উত্তর: প্রশ্ন", "ধন্যবাদ"),
    ("Re: x", "আমি ছুটিতে আছি, ৩ মে ফিরব।"),
    ("Balasan otomatis: pertanyaan", "Terima kasih"),
    ("Re: x", "Saya sedang cuti hingga 3 Mei. Untuk hal mendesak hubungi kantor."),
    ("Trả lời tự động: câu hỏi", "Cảm ơn"),
    ("Re: x", "Tôi đang nghỉ phép đến ngày 3 tháng 5. Nếu khẩn cấp xin liên hệ văn phòng."),
    ("自动回复: 问题", "谢谢"),
    ("Re: x", "您好！我目前不在办公室，5月3日返回后会尽快回复您。"),
    ("自動回覆：問題", "謝謝"),
    ("自動返信: 質問", "ありがとうございます"),
    ("Re: x", "休暇中のため、5月3日まで返信できません。お急ぎの場合は代表までご連絡ください。"),
    ("자동 회신: 질문", "감사합니다"),
    ("Re: x", "휴가 중입니다. 5월 3일까지 회신이 어렵습니다. 급한 일은 사무실로 연락 바랍니다."),
    ("Autosvar: fråga", "Tack"),
    ("Re: x", "Jag är på semester till och med 3 maj. Kontakta kontoret vid brådskande ärenden."),
    ("Automatická odpověď: dotaz", "Děkuji"),
    ("Re: x", "Jsem na dovolené do 3. května. V naléhavých případech kontaktujte kancelář."),
    ("Αυτόματη απάντηση: ερώτηση", "Ευχαριστώ"),
    ("Re: x", "Είμαι σε άδεια έως 3 Μαΐου. Για κάτι επείγον επικοινωνήστε με το γραφείο."),
    ("Răspuns automat: întrebare", "Mulțumesc"),
    ("Re: x", "Sunt în concediu până pe 3 mai. Pentru urgențe contactați biroul."),
    ("ตอบกลับอัตโนมัติ: คำถาม", "ขอบคุณ"),
    ("Re: x", "ขณะนี้ฉันอยู่ระหว่างลา จะกลับวันที่ 3 พฤษภาคม เรื่องเร่งด่วนโปรดติดต่อสำนักงาน"),
    ("Jibu la kiotomatiki: swali", "Asante"),
    ("Re: x", "Niko likizo hadi tarehe 3 Mei. Kwa dharura wasiliana na ofisi."),
];

#[test]
fn an_absence_note_without_headers_is_seen_in_every_answer_language() {
    for (subject, body) in AWAY {
        assert_eq!(reason(&format!("Subject: {subject}"), body).as_deref(), Some("out-of-office-text"), "{subject}: {body}");
    }
}

#[test]
fn a_bounce_a_challenge_and_a_receipt_without_headers_are_seen() {
    let texts = [
        (
            "bounce-text",
            "Subject: failure notice\nFrom: mail@example.org",
            "Hi. This is the qmail-send program at example.org.\nI'm afraid I wasn't able to deliver your message to the following addresses.",
        ),
        (
            "bounce-text",
            "Subject: Undelivered Mail Returned to Sender\nFrom: Mail System <x@example.org>",
            "This is the mail system at host mx.example.org.",
        ),
        (
            "bounce-text",
            "Subject: Unzustellbar: Ihre Anfrage\nFrom: postmaster@example.org",
            "Ihre Nachricht konnte nicht zugestellt werden.",
        ),
        ("bounce-text", "Subject: Недоставленное сообщение\nFrom: postmaster@example.org", "Адресат не найден (5.1.1)"),
        ("bounce-text", "Subject: 退信通知\nFrom: postmaster@example.org", "退信原因：收件人不存在"),
        (
            "bounce-text",
            "Subject: Mail delivery failed: returning message to sender",
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered.",
        ),
        (
            "challenge-text",
            "Subject: Re: help",
            "I'm protecting myself from receiving junk mail.\nJust this once, click the link below so I can receive your emails.",
        ),
        ("challenge-text", "Subject: Bitte bestätigen", "Bitte bestätigen Sie Ihre E-Mail, um Ihre Nachricht zuzustellen."),
        (
            "bounce-text",
            "Subject: Delivery failure\nFrom: postmaster@example.org",
            "NOTICE: Delivery failure.\n\nThis delivery status notification is sent by the gateway.",
        ),
        ("automatic-text", "Subject: Your case", "This is an automated response. We will answer soon."),
        ("receipt-text", "Subject: Read: your case", "Your message\n\nTo: x\nSubject: your case\n\nwas read on Monday."),
        ("receipt-text", "Subject: Gelesen: Ihr Fall", "Ihre Nachricht wurde gelesen am Montag."),
        ("receipt-text", "Subject: 開封済み: 件", "開封されました"),
    ];
    for (expected, headers, body) in texts {
        assert_eq!(reason(headers, body).as_deref(), Some(expected), "{headers}");
    }
}

#[test]
fn a_person_who_speaks_of_machines_is_answered() {
    let persons = [
        (
            "Subject: Out of office reply from an admin",
            "I got an out of office reply from him, and now he threatens me. What can I do?",
        ),
        ("Subject: Undeliverable", "Hello, my report to your other address came back as undeliverable. A user threatened me."),
        (
            "Subject: Fwd: Returned mail: see transcript for details",
            "This came back when I wrote to him. Can you help?\n\n---------- Forwarded message ---------\nFrom: MAILER-DAEMON@example.net\nSubject: Returned mail\n\nThe original message was received at noon\n550 5.1.1 User unknown",
        ),
        (
            "Subject: Re: Automatic reply: your case",
            "Thank you for your answer. He wrote again tonight and says he will come to my house.",
        ),
        ("Subject: help", "I am on vacation and somebody broke into my account. Can you return it?"),
        ("Subject: Holiday threats", "He says he is on vacation until Monday and will then come to my school and shoot people."),
        (
            "Subject: help",
            "He wrote: \"I am out of the office until Monday.\" After that he threatened to kill me, please contact me.",
        ),
        ("Subject: Urlaub", "Jemand droht mir mit Mord, bitte helfen Sie mir."),
        ("Subject: Read this: a threat", "Somebody will kill people tomorrow, please read it."),
        ("Subject: Delivery of threats", "Dear team, threats are delivered to my talk page every day by the same user."),
        ("Subject: Away", "He ran away from home and says he will kill himself."),
        ("Subject: Auto theft threat", "A user says he will burn my car."),
        ("Subject: abuse report", "Hello, I want to report abuse by another user on my talk page."),
        ("Subject: User unknown to me threatens me", "A user I do not know threatens me, please help."),
        ("Subject: Message to your team", "I have been trying to reach you. A user said he will kill himself tonight."),
    ];
    for (headers, body) in persons {
        assert_eq!(reason(headers, body), None, "{headers}: {body}");
    }
}

/// No header of a machine, and nothing but a person in need: subject and body.
fn answered(persons: &[(&str, &str)]) {
    let taken = |(headers, body): &&(&str, &str)| reason(headers, body).is_some();
    let taken: Vec<_> = persons.iter().filter(taken).collect();
    assert!(taken.is_empty(), "taken for machines: {taken:#?}");
}

#[test]
fn a_person_who_says_where_they_are_and_that_it_is_urgent_is_answered() {
    answered(&[
        ("Subject: help", "I am currently on a bridge and I am going to jump. Please contact my mother, it is urgent."),
        ("Subject: goodbye", "I'm currently on the roof. I will wait until midnight, then I will kill myself."),
        ("Subject: help", "I am on leave from Wikipedia because a user keeps threatening me. This is urgent"),
        (
            "Subject: help",
            "I am on vacation until 3 May. A man at my hotel keeps threatening me, please contact me, it is urgent.",
        ),
        ("Subject: help", "I am away from home until he calms down. Urgent, please contact me as soon as possible."),
        ("Subject: help", "I am not available by phone until 8, he listens. Please contact me here, urgent."),
        ("Subject: Hilfe", "Ich bin derzeit nicht sicher. Er wartet bis 8 Uhr vor der Tür. Dringend!"),
        (
            "Subject: Hilfe",
            "Ich bin bis Mitternacht auf dem Dach, dann springe ich. Bitte wenden Sie sich an meine Mutter, dringend.",
        ),
        ("Subject: Hilfe", "Ich bin im Urlaub bis zum 3. Mai und ein Benutzer droht, mich zu töten. Dringend."),
        ("Subject: aide", "Je suis actuellement en danger. Il revient à 8 heures, urgence, veuillez contacter la police."),
        ("Subject: aide", "Je suis actuellement en haut d'un pont. Je reste jusqu'au 3e train, c'est urgent."),
        ("Subject: aide", "Je suis en congé de Wikipédia jusqu'au 3 mai, car un utilisateur me menace. Urgence."),
        ("Subject: ayuda", "Actualmente estoy de pie en un puente. Espero hasta el amanecer, a las 6. Es urgente."),
        (
            "Subject: ayuda",
            "Estoy de vacaciones hasta el 3 de mayo y un usuario me amenaza de muerte. Es urgente, contacte conmigo.",
        ),
        ("Subject: помощь", "В данный момент я стою на крыше. Подожду до 12 и прыгну. Срочно."),
        ("Subject: помощь", "Я в отпуске до 3 мая, и участник угрожает мне убийством. Срочно свяжитесь со мной."),
        ("Subject: 救命", "我目前在桥上，我等到12点就跳下去。紧急，请联系我的母亲。"),
        ("Subject: 救命", "我在休假到5月3日，有用户威胁要杀我。请尽快联系我。"),
        ("Subject: pomoc", "Obecnie jestem na moście. Czekam do 12. Pilne, proszę o kontakt z mamą."),
        ("Subject: aiuto", "Al momento sono sul tetto, aspetto fino al 12. Urgenza, contattare mia madre."),
        ("Subject: ajuda", "No momento estou numa ponte, espero até as 12. Urgente, contato com minha mãe."),
    ]);
}

#[test]
fn an_opening_counts_as_absence_only_with_absence_close_behind() {
    let note = |body: &str| reason("Subject: Re: x", body);
    assert_eq!(note("I am currently on annual leave until 3 May.").as_deref(), Some("out-of-office-text"));
    assert_eq!(note("Ich bin bis zum 3. Mai im Urlaub. Dringendes bitte ans Büro.").as_deref(), Some("out-of-office-text"));
    assert_eq!(note("Je suis actuellement en congé jusqu'au 3 mai.").as_deref(), Some("out-of-office-text"));
    assert_eq!(note("I am currently on the night train until 3 May."), None);
}

#[test]
fn an_ordinary_subject_of_trust_and_safety_is_no_bounce() {
    let plea = "A user writes every day that he knows where I live. He said it again at noon.";
    for subject in [
        "Abuse report: user Foo is threatening me",
        "Spam report",
        "System error when I log in",
        "Rejected: my unblock request",
        "Returning editor asks for help",
        "Address change on my talk page",
        "Message rejected by an administrator",
        "Delivery failure of justice",
        "User not found after he threatened me",
        "Complaint about message from user Foo on en.example.org",
        "Unzustellbar: meine Beschwerde",
        "退回: 我的举报",
    ] {
        for from in ["mail@smith.example", "root@smith.example", "administrator@example.org", "postmaster@example.org"] {
            assert_eq!(reason(&format!("From: {from}\nSubject: {subject}"), plea), None, "{from} {subject}");
        }
    }
    let ip = "Subject: complaint about message from 192.0.2.1";
    assert_eq!(reason(ip, "Buy pills").as_deref(), Some("bounce-text"), "a provider's feedback loop");
}

#[test]
fn a_noun_before_a_colon_is_no_automatic_reply() {
    for subject in ["Semester", "Auto", "Absence", "Vacation", "Away", "Urlaub", "Ausencia", "Отпуск", "休假", "不在", "Férias"]
    {
        let plea = "Somebody follows me home. I wait until 8, urgent, please contact me, please contact the police.";
        assert_eq!(reason(&format!("Subject: {subject}: he follows me"), plea), None, "{subject}");
        assert_eq!(reason(&format!("Subject: {subject}"), plea), None, "{subject}");
    }
    assert_eq!(reason("Subject: Urlaub: Ihre Frage", "Ich bin im Urlaub.").as_deref(), Some("out-of-office-text"));
    assert_eq!(reason("Subject: Autoreply: x", "Thanks").as_deref(), Some("out-of-office-text"));
}

#[test]
fn machine_text_that_a_person_pasted_is_a_citation() {
    answered(&[
        (
            "Subject: your address",
            "I wrote to you and got this:\nThis is the mail system at host mx.example.org.\nI'm sorry to have to inform you that your message could not be delivered. 550 5.1.1",
        ),
        (
            "Subject: Undeliverable",
            "My report came back with this text:\n\nThis message was created automatically by mail delivery software. 5.1.1",
        ),
        (
            "Subject: Undeliverable",
            "Hello, my report about a stalker came back.\n\nThis is the mail system at host mx.example.org.\nI'm sorry to have to inform you that your message could not be delivered.",
        ),
        ("Subject: nobody answers", "Your office only sends me this:\nThis is an automated response. We will answer soon."),
        (
            "Subject: nobody answers",
            "Hello, I am afraid for my child, and all that I ever got from your office was the following.\nThis is an automated response.",
        ),
        ("Subject: niemand", "Ich bekomme immer nur:\nIch bin im Urlaub bis zum 3. Mai."),
        ("Subject: personne", "On me répond :\nJe suis en congé jusqu'au 3 mai."),
    ]);
}

#[test]
fn a_subject_like_a_receipts_is_a_persons_without_a_receipts_sentence() {
    answered(&[
        ("Subject: Delivered: letter with death threat", ""),
        ("Subject: Delivered: letter with death threat", "Photo attached."),
        ("Subject: Read: what he wrote about me", "It was put up last night. My address was read on a stream."),
        ("Subject: Read: this", ""),
        ("Subject: Gelesen: Drohung auf meiner Seite", "Die Drohung wurde gelesen am Montag, von allen."),
        ("Subject: help", "我的账户已于昨天被他盗用。"),
        ("Subject: Opened: a letter", "The letter was opened on Monday. He threatens my family."),
    ]);
}

#[test]
fn people_in_need_who_use_a_machines_words_in_passing_are_answered() {
    answered(&[
        (
            "Subject: Out of office",
            "I sit in my car and wait until dark to jump. Please contact my wife, it is urgent, I will not return.",
        ),
        ("Subject: Re: your case", "Thank you for contacting me. He threatens me again."),
        ("Subject: help", "I'm on vacation. I return on Monday and he is waiting at my door. What shall I do?"),
        ("Subject: help", "I will be away when you read this. I have taken 40 pills. Please contact my sister."),
        ("Subject: help", "I am out of the office now because he came there with a knife. I have no access to my phone."),
        ("Subject: threat", "Your message was read on air by him, and now 300 people know my name."),
        ("Subject: Message blocked", "Hello, a user blocked me after he wrote where I live."),
        ("Subject: Mailbox full of threats", "Every day 5 more. He writes that the mailbox is full of my photos."),
        (
            "Subject: Delivery status",
            "The drugs were delivered to a child. The seller was not found, the account does not exist.",
        ),
        ("Subject: Message to you", "The message could not be delivered to my mother. She is in danger, he holds her."),
        ("Subject: 退回", "他说我的账户不存在，他知道我住在哪里。"),
        ("Subject: Absent", "My daughter is absent since Monday. I return home at 8. She was last seen with a user."),
        ("Subject: Ausente", "Mi hija está ausente desde el lunes. Es urgente, contacte con nosotros hasta el 5."),
        ("Subject: Absence de ma fille: urgent", "Elle n'est pas rentrée. Veuillez contacter la police, urgence."),
        ("Subject: مساعدة", "أنا حاليا على الجسر حتى الساعة 12. عاجل، يرجى الاتصال بأمي."),
        ("Subject: help", "Saat ini saya di atas jembatan sampai jam 12. Mendesak, hubungi ibu saya."),
        ("Subject: yardım", "Şu anda ofisin çatısındayım, 12'ye kadar bekleyip atlayacağım. Acil."),
        ("Subject: 助けて", "今は橋の上です。12時まで待ちます。お急ぎください、母にご連絡ください。"),
        ("Subject: Accepted: my fate", "I take the pills at 8."),
        ("Subject: verify", "Please confirm that you sent the letter with the death threat, or was it him?"),
    ]);
}

#[test]
fn a_hostile_text_is_read_in_linear_time() {
    let body = "i am out of the office, until ".repeat(100_000);
    assert_eq!(reason("Subject: x", &body), None, "no absence note is that long");
    assert_eq!(reason(&format!("Auto-Submitted: {}", "(".repeat(100_000)), PLEA).as_deref(), Some("auto-submitted"));
}
